"""Where an archive lies: folders of this machine, or object storage that fsspec can reach.

The rest asks for four things only (is it a folder, what is in it, open it, read a part of it), so
that a walk is written once.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, cast

from hilum.errors import DataError, MissingExtraError

__all__ = ["Entry", "Files", "absolute", "files_of", "is_url"]

_CHUNK = 50_000
"""Names of one folder held and sorted at a time."""


class Entry(NamedTuple):
    """Something in a folder; `name` is its last part."""

    name: str
    path: str
    folder: bool


class Files(Protocol):
    """What a walk and a reader ask of a place where files lie."""

    def kind(self, path: str) -> str:
        """Return "folder", "file" or "absent"."""

    def entries(self, folder: str) -> Iterator[Entry]:
        """Yield what is in a folder. Raises OSError if it cannot be listed."""

    def open(self, path: str) -> BinaryIO:
        """Open a file to read and seek in. Raises OSError."""

    def size(self, path: str) -> int:
        """Return the bytes of a file. Raises OSError."""

    def read(self, path: str, start: int, size: int) -> bytes:
        """Return part of a file, less at its end. Raises OSError."""


class _Local:
    """Folders of this machine."""

    def kind(self, path: str) -> str:
        try:
            return "folder" if stat.S_ISDIR(Path(path).stat().st_mode) else "file"
        except (OSError, ValueError):
            return "absent"

    def entries(self, folder: str) -> Iterator[Entry]:
        with os.scandir(folder) as scan:
            # A link to a folder is not followed: it may lead back up.
            found = (
                Entry(entry.name, entry.path, entry.is_dir(follow_symlinks=False))
                for entry in scan
                if not (entry.is_symlink() and entry.is_dir())
            )
            yield from _in_order(found)

    def open(self, path: str) -> BinaryIO:
        return Path(path).open("rb")

    def size(self, path: str) -> int:
        return Path(path).stat().st_size

    def read(self, path: str, start: int, size: int) -> bytes:
        with Path(path).open("rb") as file:
            file.seek(start)
            return file.read(size)


class _Remote:
    """Object storage, or whatever else fsspec knows."""

    def __init__(self, url: str) -> None:
        try:
            core = import_module("fsspec.core")
        except ImportError as error:
            raise MissingExtraError("fsspec", "scale") from error
        try:
            self._fs: Any = core.url_to_fs(url)[0]
        except (ImportError, ValueError) as error:
            raise DataError(f"{url} cannot be opened: {error}") from error

    def kind(self, path: str) -> str:
        with _told():
            if self._fs.isdir(path):
                return "folder"
            return "file" if self._fs.exists(path) else "absent"

    def entries(self, folder: str) -> Iterator[Entry]:
        with _told():
            listed = self._fs.ls(folder, detail=True)
            self._fs.invalidate_cache(folder)
        found = (
            Entry(
                entry["name"].rstrip("/").rpartition("/")[2],
                self._fs.unstrip_protocol(entry["name"]),
                entry["type"] == "directory",
            )
            for entry in listed
        )
        yield from _in_order(found)

    def open(self, path: str) -> BinaryIO:
        with _told():
            return cast("BinaryIO", self._fs.open(path, "rb"))

    def size(self, path: str) -> int:
        with _told():
            return int(self._fs.size(path))

    def read(self, path: str, start: int, size: int) -> bytes:
        with _told():
            return bytes(self._fs.cat_file(path, start=start, end=start + size))


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a storage's own library raises, which nobody can list, into an OSError."""
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def _in_order(found: Iterator[Entry]) -> Iterator[Entry]:
    """Yield entries by name; those of a folder too large to hold, in sorted stretches."""
    held: list[Entry] = []
    for entry in found:
        held.append(entry)
        if len(held) == _CHUNK:
            yield from sorted(held)
            held.clear()
    yield from sorted(held)


def is_url(path: str) -> bool:
    """Return whether a source is a URL such as s3://bucket/films.

    >>> is_url("s3://bucket/films"), is_url("/data/films")
    (True, False)
    """
    return "://" in path


def absolute(source: str | Path) -> str:
    """Return the name that a source goes by in keys: an absolute path, or the URL as it is."""
    text = str(source)
    return text.rstrip("/") if is_url(text) else os.path.abspath(text)  # noqa: PTH100 - keep links


def files_of(path: str) -> Files:
    """Return what can read a path or URL.

    Raises:
        MissingExtraError: If it takes fsspec, which is not installed.
        DataError: If fsspec cannot open it.
    """
    return _remote(path.partition("://")[0]) if is_url(path) else _LOCAL


_LOCAL = _Local()


@lru_cache(maxsize=16)
def _remote(protocol: str) -> _Remote:
    return _Remote(f"{protocol}://")
