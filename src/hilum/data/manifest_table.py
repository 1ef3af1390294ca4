"""From the bytes of a CSV or Parquet file to a table of text, or to a fault that names the row.

Separate from the manifest's own rules because files arrive from spreadsheets: with a byte order
mark, semicolons, another encoding, or a quote that was never closed. What is understood without
doubt is accepted; anything else is refused with the place and the cure. No value is guessed to be
a number: patient '037' stays '037'.
"""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import ManifestError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ROW", "read_csv", "read_parquet"]

ROW = "\0row"
"""Column that carries each row's number in the file; dropped before a manifest is handed out."""

_SEPARATORS = ",;\t|"
_SHOWN = 1000


def read_csv(path: Path, *, encoding: str = "utf-8") -> pl.DataFrame:
    """Read a CSV file as text, with its row numbers; the header is row 1.

    Args:
        path: The file. Commas, semicolons, tabs and bars are told apart by the header.
        encoding: How the file is encoded; a UTF-8 byte order mark is dropped.

    Returns:
        Every column as strings, empty fields null, rows with nothing in them left out, and the
        row numbers in column `ROW`.

    Raises:
        ManifestError: If the file is empty, not in this encoding, or its rows do not fit its
            header; says where.
    """
    import polars as pl

    data = _as_utf8(path, path.read_bytes(), encoding)
    blank = len(data) - len(data.lstrip(b"\r\n"))
    first_row = data[:blank].count(b"\n") + 1
    data = data[blank:]
    names, separator = _header(path, data)
    try:
        frame = pl.read_csv(data, infer_schema=False, separator=separator)
    except pl.exceptions.PolarsError as error:
        faults = _faulty_records(data, separator, first_row) or [str(error).splitlines()[0]]
        raise ManifestError(f"{path} cannot be read as a table:", faults) from error
    if _fields_missing(data, frame, separator):
        faults = _faulty_records(data, separator, first_row)
        if faults:
            raise ManifestError(f"{path} cannot be read as a table:", faults)
    frame.columns = names
    frame = frame.with_row_index(ROW, offset=first_row + 1)
    faults = _swallowed_rows(frame, separator)
    if faults:
        raise ManifestError(f"{path} cannot be read as a table:", faults)
    return frame.filter(~pl.all_horizontal(pl.exclude(ROW).is_null()))


def read_parquet(path: Path) -> pl.DataFrame:
    """Read a Parquet file, with its row numbers; the first row is row 1.

    Raises:
        ManifestError: If the file is not Parquet.
    """
    import polars as pl

    try:
        return pl.read_parquet(path, glob=False).with_row_index(ROW, offset=1)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ManifestError(f"{path} cannot be read as Parquet: {reason}") from error


def _as_utf8(path: Path, data: bytes, encoding: str) -> bytes:
    """Return the bytes as UTF-8 without a byte order mark, or say what they are instead."""
    if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        try:
            return data.decode(encoding).lstrip("\ufeff").encode()
        except (UnicodeDecodeError, LookupError) as error:
            raise ManifestError(f"{path} cannot be read as {encoding}: {error}") from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ManifestError(
            f"{path} is UTF-16 (its first bytes say so), expected UTF-8. "
            f"Pass encoding='utf-16', or convert it: iconv -f UTF-16 -t UTF-8 {path.name}"
        )
    if (place := data.find(b"\0")) >= 0:
        row = data.count(b"\n", 0, place) + 1
        raise ManifestError(
            f"{path} holds a NUL byte at offset {place} (line {row}), expected text in UTF-8. "
            "It may be UTF-16 (pass encoding='utf-16'), a spreadsheet file, or damaged."
        )
    try:
        data.decode()
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            f"{path} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start} "
            f"(line {row}). If it is Latin-1, pass encoding='latin-1', or convert it: "
            f"iconv -f LATIN1 -t UTF-8 {path.name}"
        ) from error
    return data.removeprefix(codecs.BOM_UTF8)


def _header(path: Path, data: bytes) -> tuple[list[str], str]:
    """Return the column names and the separator, told by the first line."""
    line = data[: data.find(b"\n") if b"\n" in data else len(data)].decode().rstrip("\r")
    if not line.strip():
        raise ManifestError(f"{path} is empty, expected a header such as path,patient_id,...")
    if "\r" in line:
        raise ManifestError(f"{path} ends its lines with CR alone, expected LF or CR LF")
    separator = max(_SEPARATORS, key=lambda mark: len(next(csv.reader([line], delimiter=mark))))
    names = [name.strip() for name in next(csv.reader([line], delimiter=separator))]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ManifestError(f"{path} has columns of the same name: {', '.join(twice)}")
    return names, separator


def _fields_missing(data: bytes, frame: pl.DataFrame, separator: str) -> bool:
    """Say whether rows may have fewer fields than the header, which the parser fills in silently.

    Every separator in the file either parts two fields or lies inside a quoted one; if the sums
    differ, some row is short (or blank, which the slow check forgives).
    """
    import polars as pl

    inside = 0
    if b'"' in data:
        counted = frame.select(pl.all().str.count_matches(separator, literal=True).sum())
        inside = sum(counted.row(0)) if frame.height else 0
        inside += data[: data.find(b"\n")].count(separator.encode()) - (frame.width - 1)
    expected = (frame.height + 1) * (frame.width - 1) + inside
    return data.count(separator.encode()) != expected


def _faulty_records(data: bytes, separator: str, first_row: int) -> list[str]:
    """Walk a faulty file record by record and name those that do not fit; slow, thorough."""
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True)
    faults: list[str] = []
    row, width = first_row, None
    try:
        for row, record in enumerate(reader, first_row):
            width = width or len(record)
            if record and len(record) != width and len(faults) < _SHOWN:
                faults.append(f"row {row}: {len(record)} fields, expected {width} as in the header")
    except csv.Error as error:
        faults.append(f"row {row + 1}: a quote is out of place or never closed ({error})")
    if not faults and data.count(b'"') % 2:
        faults.append("a quote is never closed; quotes inside a field must be doubled")
    return faults


def _swallowed_rows(frame: pl.DataFrame, separator: str) -> list[str]:
    """Find fields that hold whole rows, which is what an unclosed quote leads to."""
    import polars as pl

    faults = []
    for name in frame.columns[1:]:
        lines = pl.col(name).str.contains("\n", literal=True)
        marks = pl.col(name).str.count_matches(separator, literal=True)
        held = frame.filter(lines & (marks >= max(frame.width - 2, 1)))
        faults += [
            f"row {row}: column {name!r} holds line breaks and whole rows; a quote is not closed"
            for row in held[ROW].head(_SHOWN)
        ]
    return faults
