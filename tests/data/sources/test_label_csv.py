"""Publishers' CSV files as they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.sources.label_csv import ROW, read_labels
from hilum.errors import DataError


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "l.csv").write_bytes(text.encode(encoding))
    return folder / "l.csv"


def test_names_are_plain_values_stripped_and_empty_ones_null(tmp_path: Path) -> None:
    frame = read_labels(write(tmp_path, "PatientID, url ,x\n 007 ,, a b \n"), ("patientid", "url"))
    assert frame.select("patientid", "url", "x").rows() == [("007", None, "a b")]
    assert frame[ROW].to_list() == [2]


def test_a_column_that_is_gone_is_named_with_the_file_and_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "patient_id,view\n1,PA\n")
    wanted = r"l\.csv: expected a column 'patientid'\. Did you mean 'patient_id'\?"
    with pytest.raises(DataError, match=wanted):
        read_labels(path, ("patientid",))


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"l\.csv has a header and no rows"):
        read_labels(write(tmp_path, "a,b\n"), ("a",))


def test_latin_1_is_read_only_where_the_publisher_is_known_to_use_it(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,38°\n", "latin-1")
    assert read_labels(path, ("a",), fallback_encoding="latin-1")["b"].to_list() == ["38°"]
    with pytest.raises(DataError, match=r"l\.csv is not UTF-8.*0xb0"):
        read_labels(path, ("a",))


def test_utf_8_comes_before_the_fallback(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,38°\n")
    assert read_labels(path, ("a",), fallback_encoding="latin-1")["b"].to_list() == ["38°"]


def test_other_faults_are_not_hidden_by_the_fallback(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n1,"2\n', "utf-8")
    with pytest.raises(DataError, match=r"l\.csv cannot be read as a table"):
        read_labels(path, ("a",), fallback_encoding="latin-1")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"l\.csv.*'a'"):
        read_labels(write(tmp_path, "A,a \n1,2\n"), ("a",))
