from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hilum.data.lint import Finding
from hilum.data.lint.held_out import HeldOut, held_out_findings, read_held_out
from hilum.data.manifest import RawTable
from hilum.errors import DataError

Raw = Callable[..., RawTable]
N = 240


def read(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "ids.txt"
    path.write_text(text)
    return [one.patient_id for one in read_held_out(path)]


@pytest.mark.parametrize(
    "text",
    ["19\n20\nCOVID 1\n", "19, 20, COVID 1", "['19', '20', \"COVID 1\"]", '["19", "20", "COVID 1"]',
     "# held out\n19  # Rome\n20,\nCOVID 1", "test = [\n  '19',  # it's Rome\n  '20',\n'COVID 1']"],
)  # fmt: skip
def test_ids_are_read_however_they_are_listed(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == ["19", "20", "COVID 1"]


def test_a_forgotten_comma_joins_two_ids_as_python_does(tmp_path: Path) -> None:
    text = "ids = ['190', '191'\n  # figure 1\n  'COVID-00024', 'COVID-00025']"
    assert read(tmp_path, text) == ["190", "191COVID-00024", "COVID-00025"]


def test_an_id_knows_its_line(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("[\n'a',\n'b']")
    assert read_held_out(tmp_path / "ids.txt") == [HeldOut("a", 2), HeldOut("b", 3)]


@pytest.mark.parametrize("data", [b"\n# none\n", b"[]"])
def test_a_list_without_ids_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "ids.txt").write_bytes(data)
    with pytest.raises(DataError, match="holds no id; expected one a line"):
        read_held_out(tmp_path / "ids.txt")


def test_a_list_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(b"\xff\xfe1")
    with pytest.raises(DataError, match="cannot be read as a list of ids in UTF-8"):
        read_held_out(tmp_path / "ids.txt")
    with pytest.raises(DataError, match="No such file"):
        read_held_out(tmp_path / "gone.txt")


def check(raw: RawTable, *ids: str) -> dict[str, Finding]:
    findings = held_out_findings(raw, [HeldOut(name, n) for n, name in enumerate(ids, 1)])
    return {finding.code: finding for finding in findings}


@pytest.fixture
def table(raw: Raw) -> RawTable:
    ids = ["191", "191", "COVID-00024", *(f"p{i}" for i in range(N - 3))]
    return raw(patient_id=ids, split=["train"] * 3 + ["test"] * (N - 3))


def test_two_ids_glued_together_are_taken_apart(table: RawTable) -> None:
    found = check(table, "p1", "191COVID-00024")
    (line,) = found["H701"].examples
    assert line.startswith("line 2: 191COVID-00024 is 191 and COVID-00024 without a comma")
    assert line.endswith("they stand in train and train")
    assert found["H703"].rows == (2, 3, 4)
    assert "H702" not in found


def test_an_id_that_matches_nobody_is_a_warning(table: RawTable) -> None:
    found = check(table, "p1", "p2", "p999x")
    assert found["H702"].title == "1 held-out id of 3 matching no patient"
    assert {*found} == {"H702"}


def test_a_held_out_patient_who_is_trained_on_is_an_error(table: RawTable) -> None:
    found = check(table, "191")
    assert found["H703"].title == "1 held-out patient trained on (2 images)"


def test_a_list_that_was_kept_raises_nothing(table: RawTable) -> None:
    assert check(table, "p1", "p2") == {}


def test_a_table_without_patients_cannot_be_checked(raw: Raw) -> None:
    assert check(raw(patient_id=None), "x") == {}
