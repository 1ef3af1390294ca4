"""Find the radiographs that a command line means: files as they are, folders searched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from hilum.errors import DataError

__all__ = ["DICOM_HEAD", "begins_as_dicom", "find_films", "named_as_film"]

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".dcm", ".dicom"})
_DICOM_PREAMBLE = 128
DICOM_HEAD = _DICOM_PREAMBLE + 4
"""Bytes from which `begins_as_dicom` can tell."""


def find_films(sources: Iterable[str | Path]) -> list[Path]:
    """List the files that are meant.

    A file is taken as it is, whatever its name. A folder is searched with all folders below it,
    in order of name: files with a suffix of PNG, JPEG, WebP or DICOM, and files without a suffix
    that begin as DICOM files do. Hidden files and folders, links to folders and DICOMDIR are left
    out. A file that is named twice, or named and found, is listed once.

    Raises:
        DataError: If a folder holds no such file. A file that does not exist is listed: it fails
            when it is read, and the others do not.
    """
    found: dict[Path, None] = {}
    for source in map(Path, sources):
        if not source.is_dir():
            found.setdefault(source)
            continue
        films = list(_search(source))
        if not films:
            raise DataError(
                f"The folder {source} holds no radiograph. Expected files that end in "
                f"{', '.join(sorted(_SUFFIXES))}, or DICOM files without a suffix."
            )
        found.update(dict.fromkeys(films))
    return list(found)


def _search(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            if not name.startswith(".") and _is_film(path):
                yield path


def _is_film(path: Path) -> bool:
    named = named_as_film(path.name)
    if named is not None:
        return named
    try:
        with path.open("rb") as file:
            return begins_as_dicom(file.read(DICOM_HEAD))
    except OSError:
        return False


def named_as_film(name: str) -> bool | None:
    """Return whether a file is a radiograph by its name; None if its first bytes must tell.

    >>> named_as_film("film.PNG"), named_as_film("labels.csv"), named_as_film("IM0001")
    (True, False, None)
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in _SUFFIXES:
        return True
    # The last part of a UID looks like a suffix: 1.2.840.113619 is a DICOM file's usual name.
    if name == "DICOMDIR" or (suffix and not suffix[1:].isdigit()):
        return False
    return None


def begins_as_dicom(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is DICOM; takes `DICOM_HEAD` of them."""
    return head[_DICOM_PREAMBLE:DICOM_HEAD] == b"DICM"
