"""The members of a tar archive, plain or gzipped, read once from front to back.

Python's reader ends in silence at a damaged header or a missing end, and reads a header of any size
into memory. Here what lies after the last member must be the end mark and nothing else, headers
have a limit, and the gzip checksum is always reached.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from hilum.errors import DataError

__all__ = ["DamagedArchiveError", "Member", "tar_members"]

_BLOCK = 2**20
_HEADER_LIMIT = 16 * 2**20


class DamagedArchiveError(DataError):
    """Refuse an archive that is damaged or cut off; another download may be whole."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file, folder or link of an archive."""

    name: str
    kind: str
    """file, folder or link; anything else is refused before it comes here."""

    body: IO[bytes] | None = None
    """The bytes of a file, to be read before the next member is asked for."""

    commit: str = ""
    """The commit a repository's archive was made of, if it says so."""


@contextmanager
def tar_members(path: Path) -> Iterator[Iterator[Member]]:
    """Open an archive and yield its members.

    Raises:
        DamagedArchiveError: While iterating, if the archive is damaged or cut off.
        DataError: While iterating, if it holds a device or an endless header.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                with gzip.open(file) as plain, closing(_members(path, _Counted(plain))) as members:
                    yield members
            else:
                with closing(_members(path, _Counted(file))) as members:
                    yield members
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedArchiveError(f"{path} is damaged or cut off: {error}") from error
    except (ValueError, OverflowError) as error:
        raise DamagedArchiveError(f"{path} is damaged: a header says {error}") from error


class _Counted:
    """A stream that counts, knows where its last byte other than 0 was, and limits headers."""

    def __init__(self, file: BinaryIO | gzip.GzipFile) -> None:
        self._file = file
        self.count = 0
        self.last = 0
        self.left: int | None = _HEADER_LIMIT

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        filled = len(block.rstrip(b"\0"))
        if filled:
            self.last = self.count + filled
        self.count += len(block)
        if self.left is not None:
            self.left -= len(block)
            if self.left < 0:
                raise DataError("The archive has a header of more than 16 MiB; it was refused.")
        return block


def _members(path: Path, stream: _Counted) -> Generator[Member, None, None]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
        while (info := _next(archive, stream)) is not None:
            yield _member(archive, info)
        while stream.read(_BLOCK):
            pass
        whole = stream.last <= archive.offset and stream.count >= archive.offset + 512
    if not whole:
        raise DamagedArchiveError(
            f"{path} is damaged or cut off: its members do not end in an end mark"
        )


def _next(archive: tarfile.TarFile, stream: _Counted) -> tarfile.TarInfo | None:
    stream.left = _HEADER_LIMIT
    info = archive.next()
    stream.left = None
    archive.members = []  # type: ignore[attr-defined] # grows with each member, for nothing
    return info


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    commit = archive.pax_headers.get("comment", "")
    if info.isdir():
        return Member(info.name, "folder", commit=commit)
    if info.issym() or info.islnk():
        return Member(info.name, "link", commit=commit)
    if info.isreg():
        return Member(info.name, "file", archive.extractfile(info), commit)
    raise DataError(
        f"The archive holds {info.name!r}, which is neither a file nor a folder nor a link. "
        "Nothing of it was kept."
    )
