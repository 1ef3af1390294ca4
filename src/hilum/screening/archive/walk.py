"""Find the films of an archive one by one, however many there are.

Folders are read as they are entered and names are held for one stretch of one folder at a time, so
that a walk over ten million files takes no more memory than one over ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hilum.errors import DataError
from hilum.screening.archive.contained import container
from hilum.screening.archive.files import Entry, Files, files_of
from hilum.screening.archive.item import Item
from hilum.screening.archive.tables import is_table, table_items
from hilum.screening.archive.tars import tar_items
from hilum.screening.archive.zips import zip_items
from hilum.screening.films import DICOM_HEAD, begins_as_dicom, named_as_film

__all__ = ["check_sources", "find_items"]


def check_sources(sources: Sequence[str]) -> None:
    """Refuse sources that are not there, before anything is begun.

    Raises:
        DataError: With every one of them.
    """
    absent = [source for source in sources if _kind(source) == "absent"]
    if absent or not sources:
        lines = "".join(f"\n  - {source}" for source in absent)
        raise DataError(f"Expected files, folders or archives to screen; not there:{lines}")


def _kind(source: str) -> str:
    try:
        return files_of(source).kind(source)
    except OSError as error:
        raise DataError(f"{source} cannot be reached: {error}") from error


def find_items(
    sources: Sequence[str], *, sniff: bool = True, streams: bool = False
) -> Iterator[Item]:
    """Yield every film of the sources, and every fault met on the way, each once.

    A file is taken as it is, whatever its name, unless it is a tar or zip file, which is read in
    place, or a table (.csv, .parquet), whose column `path` is read. A folder is searched with all
    below it: files named as PNG, JPEG, WebP or DICOM, files without a suffix that begin as DICOM
    does, tar and zip files. Hidden files, links to folders and DICOMDIR are left out.

    Args:
        sources: Absolute paths or URLs, as `absolute` gives them.
        sniff: False takes files without a suffix for films, unopened: to count.
        streams: Leave tar files that are compressed as a whole unopened, an item each.

    Raises:
        DataError: If a table cannot be read.
    """
    named = dict.fromkeys(sources)
    for source in named:
        files = files_of(source)
        walk = _Walk(files, {*named} - {source}, sniff, streams)
        if files.kind(source) == "folder":
            yield from _folder(walk, source)
        elif is_table(source):
            yield from table_items(source)
        else:
            yield from _contents(walk, source) or (Item(path=source),)


class _Walk(NamedTuple):
    """How one source is walked; what is `named` is a source of its own, and left out."""

    files: Files
    named: set[str]
    sniff: bool
    streams: bool


def _folder(walk: _Walk, folder: str) -> Iterator[Item]:
    try:
        for entry in walk.files.entries(folder):
            if entry.name.startswith(".") or entry.path in walk.named:
                continue
            if entry.folder:
                yield from _folder(walk, entry.path)
            else:
                yield from _contents(walk, entry.path) or _film(walk, entry)
    except OSError as error:
        reason = f"the folder could not be listed: {error.strerror or error}."
        yield Item(path=folder, error=reason)


def _contents(walk: _Walk, path: str) -> Iterator[Item] | None:
    """Return the films of a tar or zip file; None if it is neither."""
    kind = container(path)
    if kind is None:
        return None
    if kind == "tar":
        return tar_items(walk.files, path, streams=walk.streams)
    return zip_items(walk.files, path)


def _film(walk: _Walk, entry: Entry) -> Iterator[Item]:
    files, wanted = walk.files, named_as_film(entry.name)
    if wanted is None and walk.sniff:
        try:
            wanted = begins_as_dicom(files.read(entry.path, 0, DICOM_HEAD))
        except OSError as error:
            yield Item(path=entry.path, error=f"it could not be read: {error.strerror or error}.")
            return
    if wanted is not False:
        yield Item(path=entry.path)
