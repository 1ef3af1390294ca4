"""Find the radiographs that a command line means: files as they are, folders searched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hilum.errors import DataError

__all__ = ["find_films"]

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".dcm", ".dicom"})
_DICOM_PREAMBLE = 128


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
    if path.suffix.lower() in _SUFFIXES:
        return True
    # The last part of a UID looks like a suffix: 1.2.840.113619 is a DICOM file's usual name.
    if path.suffix and not path.suffix[1:].isdigit():
        return False
    return path.name != "DICOMDIR" and _begins_as_dicom(path)


def _begins_as_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(_DICOM_PREAMBLE)
            return file.read(4) == b"DICM"
    except OSError:
        return False
