"""Reading the text files in which COVIDx lists its images, one a line.

A line is PATIENT FILE CLASS SOURCE, parted by blanks. The source is absent in the oldest lists and
in some lines of later ones, and a patient id may hold a blank itself, so a line can only be read
from its right end. Separate from the source because this is about one line's grammar, not about
what COVIDx is.
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import NamedTuple

from hilum.errors import ManifestError

__all__ = ["CLASSES", "ListedImage", "read_list"]

CLASSES = {
    name.lower(): name
    for name in ("normal", "pneumonia", "COVID-19", "negative", "positive", "level1", "level2")
}
"""Every class that any list names, by its lower case."""

_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".dcm", ".tif", ".tiff", ".bmp", ".gif")
_SHOWN = 90
_NAMED = ", ".join(CLASSES.values())


class ListedImage(NamedTuple):
    """One line of a list."""

    line: int
    """Its number in the file, from 1."""

    patient: str
    """As listed; blanks inside it are kept, each run of them as one."""

    name: str
    """The file's name, without folders before it."""

    cls: str
    """The class, spelt as in `CLASSES`."""

    source: str | None
    """As listed; None where the line ends with its class."""


def read_list(path: Path) -> list[ListedImage]:
    """Read a list.

    Args:
        path: Of a text file in UTF-8. A byte order mark and Windows line ends are accepted, and
            empty lines left out.

    Raises:
        ManifestError: If it is not UTF-8, lists nothing, or a line cannot be read; names the file
            and every such line.
    """
    text = _text(path).replace("\r\n", "\n").replace("\r", "\n")
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise ManifestError(f"{path} is empty; expected a line an image: PATIENT FILE CLASS SOURCE")
    parsed = [_parse(number, line) for number, line in lines]
    rows = [row for row in parsed if isinstance(row, ListedImage)]
    faults = [row for row in parsed if isinstance(row, str)]
    if not text.endswith("\n"):
        faults += _cut_off(rows, lines[-1][0])
    if faults:
        raise ManifestError(
            f"{path} cannot be read as a COVIDx list, PATIENT FILE CLASS SOURCE a line "
            f"({len(faults):,} of {len(lines):,} lines):",
            faults,
        )
    return rows


def _parse(number: int, line: str) -> ListedImage | str:
    """Read a line from its right end, or say what is wrong with it."""
    fields = line.split()
    if fields[-1].lower() in CLASSES:
        *before, cls = fields
        source = None
    elif len(fields) > 1 and fields[-2].lower() in CLASSES:
        *before, cls, source = fields
    else:
        return _fault(number, line, f"a class among the last two fields ({_NAMED})")
    if len(before) < 2:
        return _fault(number, line, "a patient and a file before the class")
    at = _file_at(before)
    patient, name = " ".join(before[:at]), " ".join(before[at:])
    if not name.lower().endswith(_ENDINGS):
        return _fault(number, line, f"an image's name before the class, not {name!r}")
    name = name.replace("\\", "/").rpartition("/")[2]
    return ListedImage(number, patient, name, CLASSES[cls.lower()], source)


def _file_at(fields: list[str]) -> int:
    """Return where the file's name begins: the last field, unless the name holds blanks.

    It is taken to do so where its beginning repeats the patient, as in "COVID 1 COVID 1.png".
    """
    for at in range(1, len(fields) - 1):
        if " ".join(fields[at:]).rpartition(".")[0] == " ".join(fields[:at]):
            return at
    return len(fields) - 1


def _fault(number: int, line: str, expected: str) -> str:
    shown = line.strip()
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return f"line {number}: expected {expected}, got {shown!r}"


def _cut_off(rows: list[ListedImage], last: int) -> list[str]:
    """Tell a last line that was cut off from one that merely lacks its line break."""
    whole = rows and rows[-1].line == last
    if whole and (len(rows) == 1 or rows[-1].source in {row.source for row in rows[:-1]}):
        return []
    return [f"line {last}: the file ends within this line, so it was cut off; fetch it again"]


def _text(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ManifestError(
            f"{path} is UTF-16 (its first bytes say so), expected UTF-8. "
            f"Convert it: iconv -f UTF-16 -t UTF-8 {path.name}"
        )
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise ManifestError(
            f"{path} holds a NUL byte in line {line}, expected text; it is damaged: fetch it again"
        )
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        start = error.start + (3 if data.startswith(codecs.BOM_UTF8) else 0)
        line = data.count(b"\n", 0, start) + 1
        raise ManifestError(
            f"{path} is not UTF-8: line {line} holds byte 0x{data[start]:02x}. The published list "
            "is plain text; fetch it again, or convert it: iconv -f ISO-8859-1 -t UTF-8"
        ) from error
