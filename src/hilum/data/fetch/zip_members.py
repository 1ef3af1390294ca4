"""The members of a zip archive, in the order of its directory."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hilum.data.fetch.tar_members import DamagedArchiveError, Member
from hilum.errors import DataError

__all__ = ["zip_members"]


@contextmanager
def zip_members(path: Path) -> Iterator[Iterator[Member]]:
    """Open an archive and yield its members.

    Raises:
        DamagedArchiveError: If the archive is damaged or cut off, at once or while iterating.
        DataError: If it is encrypted or packed in an unknown way.
    """
    try:
        with zipfile.ZipFile(path) as archive, closing(_members(archive)) as members:
            yield members
    except NotImplementedError as error:
        raise DataError(f"{path} is packed in a way that is not understood: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise DamagedArchiveError(f"{path} is damaged or cut off: {error}") from error


def _members(archive: zipfile.ZipFile) -> Generator[Member, None, None]:
    commit = archive.comment.decode("ascii", "replace")
    for info in archive.infolist():
        kind = _kind(info)
        if kind == "file":
            with archive.open(info) as body:
                yield Member(info.filename, kind, body, commit)
        else:
            yield Member(info.filename, kind, commit=commit)


def _kind(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x1:
        raise DataError(f"The archive is encrypted ({info.filename!r}); unpack it by hand.")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or kind == stat.S_IFDIR:
        return "folder"
    if kind == stat.S_IFLNK:
        return "link"
    if kind in (0, stat.S_IFREG):
        return "file"
    raise DataError(
        f"The archive holds {info.filename!r}, which is neither a file nor a folder nor a link. "
        "Nothing of it was kept."
    )
