from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hilum.data.lint import Finding
from hilum.data.lint.run import lint
from hilum.data.manifest import RawTable, read_table

Found = Callable[..., dict[str, Finding]]
Raw = Callable[..., RawTable]
N = 240


def with_first(values: Sequence[object], rest: Sequence[object]) -> list[object]:
    return [*values, *rest[len(values) :]]


def test_missing_columns_are_named_with_what_may_be_meant(found: Found) -> None:
    finding = found(patient_id=None, subject=[str(i) for i in range(N)])["H101"]
    assert finding.severity == "error"
    assert "Rename 'subject' to 'patient_id'?" in finding.examples[0]


def test_a_table_without_rows_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,patient_id,source,label\n")
    report = lint(read_table(tmp_path / "m.csv"))
    assert [one.code for one in report.findings] == ["H100"]


@pytest.mark.parametrize(
    ("column", "code", "severity"),
    [
        ("path", "H102", "error"),
        ("patient_id", "H102", "error"),
        ("source", "H102", "error"),
        ("label", "H103", "warning"),
    ],
)
def test_empty_fields_are_counted_with_their_rows(
    raw: Raw, column: str, code: str, severity: str
) -> None:
    values = [*map(str, raw().frame[column].to_list())]
    values[4] = ""
    by_code = {one.code: one for one in lint(raw(**{column: values})).findings}
    assert by_code[code].severity == severity
    assert by_code[code].title == f"{column} is empty in 1 row"
    assert by_code[code].rows == (6,)


def test_a_misnamed_split_is_an_error(found: Found) -> None:
    finding = found(split=["train", "valid", "test"] * (N // 3))["H104"]
    assert finding.count == N // 3
    assert "Did you mean 'val'?" in finding.examples[0]


def test_ages_that_are_no_years_are_warned_of(found: Found) -> None:
    finding = found(age=with_first(["058Y", -3, 200], [40] * N))["H105"]
    assert (finding.count, finding.severity) == (3, "warning")
    assert finding.rows == (2, 3, 4)


def test_a_path_with_a_line_break_is_an_error(found: Found) -> None:
    paths = with_first(["images/\n0.png"], [f"{i}.png" for i in range(N)])
    assert found(path=paths)["H106"].count == 1


def test_files_that_are_not_there_are_one_finding(raw: Raw, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for i in range(N - 2):
        (tmp_path / "images" / f"{i}.png").touch()
    gone = next(one for one in lint(raw()).findings if one.code == "H107")
    assert gone.title == "2 listed files of 240 not there"
    assert (gone.severity, gone.rows) == ("warning", (240, 241))


def test_a_set_without_any_file_is_a_list_and_no_fault(raw: Raw) -> None:
    gone = next(one for one in lint(raw()).findings if one.code == "H107")
    assert gone.severity == "note"
    assert gone.title == "no listed file is there: these are lists only"


def test_one_file_in_two_splits_is_an_error(found: Found) -> None:
    paths = with_first(["images/./7.png"], [f"images/{i}.png" for i in range(N)])
    finding = found(path=paths, split=["train"] * 3 + ["test"] * (N - 3))["H108"]
    assert finding.title == "1 file listed in more than one split (2 rows)"
    assert finding.rows == (2, 9)


def test_one_file_under_two_labels_is_an_error(found: Found) -> None:
    paths = with_first(["images/7.png"], [f"images/{i}.png" for i in range(N)])
    finding = found(path=paths, split=["train"] * N, label=["a"] * 3 + ["b"] * (N - 3))["H109"]
    assert finding.severity == "error"
    assert finding.examples[0] == "row 2: images/7.png, label a, split train"


def test_one_file_listed_again_is_a_warning(found: Found) -> None:
    paths = ["images/0.png", *(f"images/{i}.png" for i in range(N - 1))]
    finding = found(path=paths, split=None)["H110"]
    assert (finding.severity, finding.count) == ("warning", 1)


def test_control_characters_cannot_reach_the_terminal(found: Found) -> None:
    paths = with_first(["\x1b[31ma.png", "\x1b[31ma.png"], [f"{i}.png" for i in range(N)])
    assert found(path=paths)["H110"].examples[0].startswith(r"row 2: \x1b[31ma.png")


UUID = "003d8fa0-6bf1-40ed-b54c-ac657f8495c5"


def test_one_telling_name_in_two_splits_is_an_error(found: Found) -> None:
    paths = with_first([f"a/{UUID}.png", f"b/{UUID}.jpg"], [f"{i}.png" for i in range(N)])
    finding = found(path=paths, split=["train"] + ["test"] * (N - 1))["H111"]
    assert (finding.count, finding.severity) == (1, "error")


def test_one_telling_name_under_two_sources_is_a_warning(found: Found) -> None:
    paths = with_first([f"a/{UUID}.png", f"b/{UUID}.png"], [f"{i}.png" for i in range(N)])
    finding = found(path=paths, source=["nih"] + ["rsna"] * (N - 1), split=None)["H112"]
    assert finding.severity == "warning"
    assert finding.examples[1] == f"row 3: b/{UUID}.png of rsna, split none"


def test_names_that_every_hospital_gives_are_not_telling(found: Found) -> None:
    names = [f"{i}/view1_frontal.png" for i in range(N)]
    assert not {"H111", "H112"} & {*found(path=names)}


def test_a_way_of_numbering_is_not_taken_for_copies(found: Found) -> None:
    names = [f"patient{i}/1.2.840.113619.2.5.100000{i % 2}.png" for i in range(N)]
    assert not {"H111", "H112"} & {*found(path=names)}
