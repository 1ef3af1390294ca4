from __future__ import annotations

from collections.abc import Callable

import pytest

from hilum.data.lint import Finding

Found = Callable[..., dict[str, Finding]]
N = 240
LABEL = [("normal", "covid")[i // 4 % 2] for i in range(N)]


def split_by_label(covid: object, normal: object) -> list[object]:
    return [covid if label == "covid" else normal for label in LABEL]


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("view", split_by_label("AP", "PA"), "view alone tells covid from the rest in 100.0 %"),
        ("sex", split_by_label("M", "F"), "sex alone tells"),
        ("age", split_by_label(50, 30), "age alone tells"),
        ("manufacturer", split_by_label("A", "B"), "manufacturer alone tells"),
        ("original", split_by_label("a.jpeg", "a.PNG"), "file type alone tells"),
    ],
)
def test_what_tells_the_label_as_a_source_would_is_an_error(
    found: Found, column: str, values: list[object], said: str
) -> None:
    finding = found(label=LABEL, **{column: values})["H411"]
    assert finding.severity == "error"
    assert said in finding.title


def test_the_image_size_is_looked_at_where_it_is_known(found: Found) -> None:
    codes = found(label=LABEL, width=split_by_label(640, 1024), height=[1024] * N)
    assert codes["H411"].title.startswith("image size alone tells covid")
    assert "640x1024 100 % of 120" in codes["H411"].examples[0]


def test_rare_sizes_cannot_tell_a_label_by_being_rare(found: Found) -> None:
    assert "H411" not in found(width=[500 + i for i in range(N)], height=[512] * N)


def test_a_column_that_only_hints_is_a_warning(found: Found) -> None:
    views = split_by_label("AP", "PA")
    views = [("PA" if i // 8 % 5 == 0 else view) for i, view in enumerate(views)]
    assert found(label=LABEL, view=views)["H411"].severity == "warning"


def test_what_is_known_for_some_labels_only_is_a_note(found: Found) -> None:
    finding = found(label=LABEL, age=split_by_label(None, 40), view=split_by_label("", "PA"))[
        "H412"
    ]
    assert finding.severity == "note"
    assert finding.title == "view, age known for some labels only"
    assert finding.examples[1] == "age is known for covid 0 %, normal 100 %"
