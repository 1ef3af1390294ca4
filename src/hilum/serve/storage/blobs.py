"""Films' bytes, one file each, named by their SHA-256.

What arrives is written into a file nobody can see, counted and hashed on the way, flushed to the
disk, and only then given its name. So a name stands for whole content or is not there, the same
film twice is one file, and no name that a sender chose ever becomes a path.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hilum.data.atomic import PART_SUFFIX, sync_folder
from hilum.errors import HilumError
from hilum.serve.owner import Owner
from hilum.serve.storage.errors import FullError, UnwritableError

__all__ = ["BlobStore", "Incoming", "Kept", "TooLargeError", "blob_path"]

_HEX = re.compile(r"[0-9a-f]{64}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class TooLargeError(HilumError):
    """More bytes came than are taken.

    Args:
        limit: The most that is taken.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"Expected at most {limit:,} bytes, got more. Nothing was kept.")


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that are safely on the disk.

    Args:
        sha256: Their name.
        size: How many.
    """

    sha256: str
    size: int


def blob_path(data: Path, sha256: str) -> Path:
    """Return where the bytes of this name lie below a data folder or a backup, or would."""
    return data / "films" / sha256[:2] / sha256


class BlobStore:
    """The folder of them.

    Args:
        data: The data folder.
        owner: The process that writes.
        reserve_bytes: Free space below which nothing is taken any more, so that the database and
            the logs still have room.
    """

    def __init__(self, data: Path, owner: Owner, *, reserve_bytes: int = 256 * 1024**2) -> None:
        self._data, self._films = data, data / "films"
        self._films.mkdir(parents=True, exist_ok=True)
        self._owner = owner
        self._reserve = reserve_bytes
        self._numbers = itertools.count(1)

    def incoming(self, limit: int) -> Incoming:
        """Return a place for bytes that arrive.

        Args:
            limit: Most bytes that are taken.

        Raises:
            FullError: If the disk has less free space than is reserved.
            UnwritableError: If the folder cannot be written.
        """
        self.check_room()
        part = self._owner.incoming / f"{next(self._numbers):08d}{PART_SUFFIX}"
        return Incoming(self, part, limit)

    def check_room(self) -> None:
        """Refuse to take anything if the disk is nearly full, or takes nothing.

        Raises:
            FullError: If it is nearly full.
            UnwritableError: If it is read-only, or gone.
        """
        try:
            free = shutil.disk_usage(self._films).free
        except OSError as error:
            raise UnwritableError(error.strerror or str(error)) from error
        if not os.access(self._films, os.W_OK):
            raise UnwritableError("it is read-only")
        if free < self._reserve:
            raise FullError(
                f"the disk has {free // 1024**2:,} MB left and {self._reserve // 1024**2:,} MB "
                "are kept free"
            )

    def path(self, sha256: str) -> Path:
        """Return where the bytes of this name lie, or would.

        Raises:
            ValueError: If it is not a SHA-256 in hexadecimal.
        """
        if not _HEX.fullmatch(sha256):
            raise ValueError("expected a SHA-256 in hexadecimal")
        return blob_path(self._data, sha256)

    def keep(self, part: Path, sha256: str) -> None:
        """Give a whole, flushed file its name; beside the one it has."""
        target = self.path(sha256)
        with suppress(FileExistsError):
            target.parent.mkdir()
            sync_folder(self._films)
        with suppress(FileExistsError):
            os.link(part, target)
        sync_folder(target.parent)  # also for a name another upload gave it a moment ago

    def remove(self, sha256: str) -> None:
        """Delete the bytes of this name, if they are there."""
        self.path(sha256).unlink(missing_ok=True)

    def names(self) -> Iterator[list[str]]:
        """Yield the names of all that is kept, folder by folder."""
        for folder in sorted(self._films.glob("??")):
            yield sorted(each.name for each in folder.iterdir() if _HEX.fullmatch(each.name))


class Incoming:
    """Bytes on their way: write, then `keep`; whatever is not kept leaves nothing behind.

    Args:
        store: Where they are kept.
        part: The file they are written to.
        limit: Most bytes that are taken.

    Raises:
        FullError: If the disk is full.
        UnwritableError: If the folder cannot be written.
    """

    def __init__(self, store: BlobStore, part: Path, limit: int) -> None:
        self._store, self._part, self._limit = store, part, limit
        self._hash = hashlib.sha256()
        self.size = 0
        self.head = b""
        try:
            self._file = part.open("xb", buffering=0)
        except OSError as error:
            raise _plainly(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def write(self, chunk: bytes | memoryview) -> None:
        """Take some bytes.

        Raises:
            TooLargeError: If there are more than the limit by now.
            FullError: If the disk is full.
            UnwritableError: If the disk fails.
        """
        self.size += len(chunk)
        if self.size > self._limit:
            raise TooLargeError(self._limit)
        if len(self.head) < 256:
            self.head += bytes(chunk[: 256 - len(self.head)])
        self._hash.update(chunk)
        try:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _plainly(error) from error

    def keep(self) -> Kept:
        """Flush the bytes to the disk and give them their name.

        Raises:
            FullError: If the disk is full.
            UnwritableError: If the disk fails.
        """
        sha256 = self._hash.hexdigest()
        try:
            os.fsync(self._file.fileno())
            self._store.keep(self._part, sha256)
        except OSError as error:
            raise _plainly(error) from error
        return Kept(sha256, self.size)

    def settle(self) -> None:
        """Give the bytes their name again, if retention took it while they were being kept.

        Call it once the film is committed, and before the sender is told.
        """
        sha256 = self._hash.hexdigest()
        if not self._store.path(sha256).exists():
            self._store.keep(self._part, sha256)


def _plainly(error: OSError) -> FullError | UnwritableError:
    said = error.strerror or str(error)
    return FullError(said) if error.errno in _FULL else UnwritableError(said)
