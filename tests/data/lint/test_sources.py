from __future__ import annotations

from collections.abc import Callable

from hilum.data.lint import Finding

Found = Callable[..., dict[str, Finding]]
N = 240


def test_a_class_from_sources_of_its_own_is_said_in_plain_words(found: Found) -> None:
    labels = [("normal", "pneumonia", "covid")[i // 2 % 3] for i in range(N)]
    sources = [{"covid": ("italy", "spain")[i % 2]}.get(x, "nih") for i, x in enumerate(labels)]
    finding = found(label=labels, source=sources)["H402"]
    assert finding.severity == "error"
    assert finding.title == (
        "every covid image (80) comes from other sources than every other image (160)"
    )
    assert "Cramér's V 1.00" in finding.examples[0]


def test_a_test_split_alone_can_be_confounded(found: Found) -> None:
    split = [("train", "test")[i // 2 % 2] for i in range(N)]
    label = [("normal", "covid")[i // 4 % 2] for i in range(N)]
    source = [
        {"normal": "west", "covid": "east"}[x] if s == "test" else ("east", "west")[i // 8 % 2]
        for i, (s, x) in enumerate(zip(split, label, strict=True))
    ]
    finding = found(split=split, label=label, source=source)["H402"]
    assert finding.title.startswith("in split test, every covid image (60) comes from other")


def test_a_source_that_hints_is_a_warning(found: Found) -> None:
    source = [("east", "west")[(i // 4 % 2) ^ (i // 8 % 5 == 0)] for i in range(N)]
    finding = found(source=source)["H402"]
    assert finding.severity == "warning"
    assert "the source alone tells" in finding.title


def test_sources_without_bearing_on_the_label_raise_nothing(found: Found) -> None:
    assert not [code for code in found() if code.startswith("H4")]


def test_every_source_with_one_label_is_an_error(found: Found) -> None:
    label = [("normal", "covid")[i // 2 % 2] for i in range(N)]
    finding = found(label=label, source=[f"hospital of {x}" for x in label])["H403"]
    assert finding.severity == "error"
    assert finding.title == "every source holds one label only (240 of 240 images)"
    assert finding.examples[-1].startswith("the commonest label of each source is right for 100.0")


def test_some_sources_with_one_label_are_a_warning(found: Found) -> None:
    label = [("normal", "covid")[i // 2 % 2] for i in range(N)]
    source = ["sirm" if i % 8 == 2 else ("east", "west")[i // 4 % 2] for i in range(N)]
    finding = found(label=label, source=source)["H403"]
    assert finding.severity == "warning"
    assert finding.examples[0] == "sirm: 30 images, all covid"


def test_one_source_is_a_note(found: Found) -> None:
    codes = found(source=["nih"] * N)
    assert codes["H404"].severity == "note"
    assert "H405" not in codes


def test_a_label_from_one_source_is_a_warning(found: Found) -> None:
    label = [("normal", "covid")[i // 2 % 2] for i in range(N)]
    source = ["west" if x == "covid" else ("east", "west")[i // 4 % 2] for i, x in enumerate(label)]
    assert found(label=label, source=source)["H405"].examples == (
        "covid: 120 images, all from west",
    )


def test_a_test_split_from_other_hospitals_is_a_warning(found: Found) -> None:
    split = [("train", "test")[i // 2 % 2] for i in range(N)]
    source = ["ricord" if s == "test" else "cohen" for s in split]
    finding = found(split=split, source=source)["H406"]
    assert finding.examples[0] == "covid: test ricord 100 %; train cohen 100 %"


def test_a_misspelt_source_is_found_by_rule(found: Found) -> None:
    source = ["rnsa" if i < 5 else ("rsna", "stonybrook")[i // 2 % 2] for i in range(N)]
    finding = found(source=source)["H401"]
    assert finding.title == "1 source name looking misspelt (5 images)"
    assert finding.examples == ("rnsa (5 images), perhaps rsna (117)",)
    assert finding.rows == (2, 3, 4, 5, 6)


def test_a_source_misspelt_throughout_is_known_by_the_public_sets_name(found: Found) -> None:
    source = [("hanover", "east")[i // 2 % 2] for i in range(N)]
    assert "perhaps hannover (0)" in found(source=source)["H401"].examples[0]
