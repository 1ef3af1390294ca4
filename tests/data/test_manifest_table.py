from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.manifest import Manifest
from hilum.data.manifest_table import ROW, read_csv
from hilum.errors import ManifestError


def put(folder: Path, data: bytes) -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mark", [b",", b";", b"\t", b"|"])
def test_separators_are_told_by_the_header(tmp_path: Path, mark: bytes) -> None:
    frame = read_csv(put(tmp_path, b"a,b\n1,2\n".replace(b",", mark)))
    assert frame.rows() == [(2, "1", "2")]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        b"a,b\r\n1,2\r\n3,4\r\n",
        b'"a"," b "\n1,"2"\n"3",4',
        b"a,b\n1,2\n3,4\n\n\n",
        b"a,b\n1,2\n3,4\n,\n,\n",
    ],
    ids=["byte order mark", "CR LF", "quotes", "blank lines", "rows of nothing"],
)
def test_what_spreadsheets_do_is_understood(tmp_path: Path, data: bytes) -> None:
    frame = read_csv(put(tmp_path, data))
    assert frame.columns == [ROW, "a", "b"]
    assert frame.rows() == [(2, "1", "2"), (3, "3", "4")]


def test_rows_are_numbered_as_a_spreadsheet_does(tmp_path: Path) -> None:
    frame = read_csv(put(tmp_path, b'\na,b\n1,"x\ny"\n\n3,4\n'))
    assert frame[ROW].to_list() == [3, 5]


def test_latin_1_is_refused_with_its_place_and_accepted_when_said(tmp_path: Path) -> None:
    path = put(tmp_path, "a,b\n1,x\n2,Z\u00fcrich\n".encode("latin-1"))
    with pytest.raises(ManifestError, match=r"byte 0xfc at offset 11 \(line 3\).*iconv"):
        read_csv(path)
    assert read_csv(path, encoding="latin-1")["b"].to_list() == ["x", "Z\u00fcrich"]


def test_utf_16_is_refused_and_accepted_when_said(tmp_path: Path) -> None:
    path = put(tmp_path, "a,b\n1,2\n".encode("utf-16"))
    with pytest.raises(ManifestError, match=r"is UTF-16.*encoding='utf-16'"):
        read_csv(path)
    assert read_csv(path, encoding="utf-16").rows() == [(2, "1", "2")]


def test_an_encoding_that_does_not_exist_or_fit_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, b"a,b\n\xff,2\n")
    with pytest.raises(ManifestError, match="cannot be read as klingon"):
        read_csv(path, encoding="klingon")
    with pytest.raises(ManifestError, match="cannot be read as ascii"):
        read_csv(path, encoding="ascii")


def test_a_nul_byte_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"NUL byte at offset 5 \(line 2\)"):
        read_csv(put(tmp_path, b"a,b\n1\0,2\n"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a,b\n1,2\n1,2,3\n", "row 3: 3 fields, expected 2"),
        (b"a,b\n1,2\n1\n3,4\n", "row 3: 1 fields, expected 2"),
        (b'a,b\n1,2\n"1,2\n3,4\n', "row 3: a quote is out of place or never closed"),
        (b'a,b\n1,2\n1,"x"y\n', "row 3: a quote is out of place"),
        (b'a,b,c\n1,2,"x\n1,2,3\n1,2,3\n1,2,x"\n1,2,3\n', "row 2: column 'c' holds line breaks"),
        (b'a,b\n1,"x""\n', "row 2: a quote is out of place or never closed"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b\r1,2\r", "ends its lines with CR alone"),
        (b"a,a,b\n1,2,3\n", "columns of the same name: a"),
    ],
)
def test_broken_tables_are_refused_with_the_row(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        read_csv(put(tmp_path, data))


def test_short_rows_are_found_among_quoted_fields(tmp_path: Path) -> None:
    data = b'a,"b,b",c\n1,"x, y",2\n3,"z;,,"\n4,5,"6"\n'
    with pytest.raises(ManifestError, match="row 3: 2 fields, expected 3"):
        read_csv(put(tmp_path, data))
    frame = read_csv(put(tmp_path, data.replace(b'"z;,,"', b'"z;,,",')))
    assert frame["b,b"].to_list() == ["x, y", "z;,,", "5"]


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(ManifestError, match="cannot be read as Parquet"):
        Manifest.read(path)


def test_a_published_latin_1_file_is_refused_with_the_cure(shared_data: Path) -> None:
    path = shared_data / "formats" / "figure1_metadata.csv"
    with pytest.raises(ManifestError, match=r"is not UTF-8.*encoding='latin-1'"):
        Manifest.read(path)
    with pytest.raises(ManifestError, match="Rename 'patientid' to 'patient_id'"):
        Manifest.read(path, encoding="latin-1")
