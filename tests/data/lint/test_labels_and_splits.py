from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from hilum.data.lint import Finding
from hilum.data.lint.splits import wilson_width

Found = Callable[..., dict[str, Finding]]
N = 240


def labels(*names: str) -> list[str]:
    return [names[i // 2 % len(names)] for i in range(N)]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("COVID-19", "positive", "normal"), "positive (80 images) beside COVID-19, normal"),
        (("COVID-19", "covid", "normal"), "COVID-19 (80 images) and covid (80 images)"),
        (("Pneumonia", "pneumonia"), "Pneumonia (120 images) and pneumonia (120 images)"),
        (("no_finding", "No Finding", "covid"), "No Finding (80 images) and no_finding"),
        (("normal", "No finding", "covid"), "No finding (80 images) and normal"),
    ],
)
def test_one_class_under_two_names_is_an_error(
    found: Found, names: Sequence[str], said: str
) -> None:
    finding = found(label=labels(*names))["H301"]
    assert finding.severity == "error"
    assert said in finding.title


@pytest.mark.parametrize(
    "names", [("positive", "negative"), ("normal", "pneumonia", "COVID-19"), ("level1", "level2")]
)
def test_one_vocabulary_is_no_fault(found: Found, names: Sequence[str]) -> None:
    assert not {"H301", "H302"} & {*found(label=labels(*names))}


def test_a_misspelt_label_is_an_error(found: Found) -> None:
    names = labels("pneumonia", "normal")
    names[0] = "pnuemonia"
    finding = found(label=names)["H302"]
    assert finding.examples == ("pnuemonia (1 images) beside pneumonia (119)",)


def test_a_single_label_is_a_note(found: Found) -> None:
    assert found(label=["covid"] * N)["H303"].severity == "note"


def test_labels_that_are_findings_are_a_warning(found: Found) -> None:
    codes = found(label=[f"finding {i}" for i in range(N)])
    assert codes["H304"].count == N
    assert not {"H301", "H302", "H402"} & {*codes}


def test_a_class_that_is_never_trained_on_is_an_error(found: Found) -> None:
    names = ["covid" if i > N - 20 else "normal" for i in range(N)]
    split = ["train"] * (N - 60) + ["test"] * 60
    finding = found(label=names, split=split)["H311"]
    assert finding.examples == ("covid: 19 images in test, none in train",)


def test_a_split_without_a_class_is_a_warning(found: Found) -> None:
    names = ["covid" if i < 60 else "normal" for i in range(N)]
    split = ["train"] * (N - 60) + ["test"] * 60
    codes = found(label=names, split=split)
    assert codes["H312"].examples == ("test has no image labelled covid",)
    assert "H311" not in codes


def test_a_small_test_split_is_a_warning_with_the_width_of_its_interval(found: Found) -> None:
    split = ["test" if i < 20 else "train" for i in range(N)]
    finding = found(split=split)["H313"]
    assert finding.count == 2
    assert finding.examples[0].startswith("covid: ")
    assert "points wide" in finding.examples[0]


def test_the_width_is_that_of_the_score_interval() -> None:
    # 27 of 30: (27/30 + z2/60 -+ z sqrt(.9*.1/30 + z2/3600)) / (1 + z2/30), by hand 0.744 to 0.965
    assert wilson_width(0.9, 30) == pytest.approx(0.9654 - 0.7438, abs=2e-4)


def test_rows_in_no_split_are_a_note(found: Found) -> None:
    split = ["" if i < 4 else ("train", "test")[i // 2 % 2] for i in range(N)]
    assert found(split=split)["H314"].count == 4
