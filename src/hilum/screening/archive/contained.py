"""What tar and zip files have in common: which members are films, and what each is called."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Literal

from hilum.data.reading.document import MAX_FILE_BYTES
from hilum.screening.archive.item import Item
from hilum.screening.archive.keys import KeySet
from hilum.screening.films import named_as_film

__all__ = ["DAMAGE", "Members", "container"]

DAMAGE = (
    *(OSError, EOFError, ValueError, OverflowError, RuntimeError, MemoryError, struct.error),
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What reading a damaged tar or zip file may raise."""

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz")


def container(name: str) -> Literal["tar", "zip"] | None:
    """Return what a file is by its name, if it holds others.

    >>> container("2019.tar.gz"), container("films.ZIP"), container("film.png")
    ('tar', 'zip', None)
    """
    lower = name.lower()
    if lower.endswith(_TARS):
        return "tar"
    return "zip" if lower.endswith(".zip") else None


class Members:
    """Name the members of one tar or zip file, and say which of them are films.

    Args:
        path: The file they lie in.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._names = KeySet()

    def wanted(self, name: str) -> bool | None:
        """Return whether a member is a film by its name; None if its first bytes must tell."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if any(part.startswith(".") and part != ".." for part in parts) or "__MACOSX" in parts:
            return False
        return bool(parts) and (container(parts[-1]) is not None or named_as_film(parts[-1]))

    def item(self, name: str, size: int) -> Item:
        """Return the item of a member that is a film; with an error if it cannot be read."""
        copy = 1
        while not self._names.add(f"{name}::{copy}"):
            copy += 1
        error = None
        if container(name):
            error = "it is an archive inside an archive, which is not opened. Unpack the outer one."
        elif size > MAX_FILE_BYTES:
            error = f"expected a file of at most {MAX_FILE_BYTES:,} bytes, got {size:,}."
        return Item(path=self._path, member=name, copy=copy, error=error)

    def fault(self, what: str) -> Item:
        """Return an item that records what is wrong with the file as a whole."""
        return Item(path=self._path, error=what)
