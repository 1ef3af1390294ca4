"""Films in a tar file, found without unpacking it.

Of an uncompressed tar only the headers are read here, and a worker reads each film where it lies.
A tar that is compressed as a whole can be read from its beginning only, by one process; its films
come with their bytes.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO, cast

from hilum.screening.archive.contained import DAMAGE, Members
from hilum.screening.archive.files import Files
from hilum.screening.archive.item import Item, Span, Stream
from hilum.screening.films import DICOM_HEAD, begins_as_dicom

__all__ = ["tar_items"]

_LARGEST_HEADER = 1 << 20
_MAGIC: dict[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZ": bz2.open,
    b"\xfd7": lzma.open,
}


def tar_items(files: Files, path: str, *, streams: bool = False) -> Iterator[Item]:
    """Yield the films of a tar file, and a fault at its end if it is damaged or cut short.

    Args:
        files: What can open it.
        path: The tar file.
        streams: Leave a tar that is compressed as a whole unopened, as one item.
    """
    members = Members(path)
    try:
        with files.open(path) as raw:
            magic = raw.read(2)
            raw.seek(0)
            unpacker = _MAGIC.get(magic)
            if streams and unpacker is not None:
                yield Item(path=path, where=Stream())
                return
            stream = raw if unpacker is None else cast("BinaryIO", unpacker(raw))
            yield from _films(stream, members, packed=unpacker is not None)
    except DAMAGE as error:
        yield members.fault(f"the tar file could not be read to its end: {error}.")


class _Headers:
    """The file as `tarfile` sees it: it reads headers, and none is as large as it may claim."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.last = b""
        self.seek = stream.seek
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        if size > _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        self.last = self._stream.read(size)
        return self.last


def _films(stream: BinaryIO, members: Members, *, packed: bool) -> Iterator[Item]:
    headers = _Headers(stream)
    with tarfile.open(fileobj=cast("BinaryIO", headers), mode="r:") as tar:
        while (entry := tar.next()) is not None:
            # It would keep every header it has read.
            tar.members.clear()  # type: ignore[attr-defined]
            if entry.isreg():
                yield from _film(stream, entry, members, packed=packed)
    if headers.last.strip(b"\0") or not headers.last:
        # tarfile takes both for a regular end.
        what = "damaged" if len(headers.last) == tarfile.BLOCKSIZE else "cut short"
        yield members.fault(f"the tar file is {what}: what follows its last member is no header.")


def _film(
    stream: BinaryIO, entry: tarfile.TarInfo, members: Members, *, packed: bool
) -> Iterator[Item]:
    wanted = members.wanted(entry.name)
    if wanted is False:
        return
    head = b""
    if wanted is None:
        stream.seek(entry.offset_data)
        head = stream.read(min(entry.size, DICOM_HEAD))
        if not begins_as_dicom(head):
            return
    item = members.item(entry.name, entry.size)
    if item.error is None and entry.issparse():
        item = replace(item, error="it is stored as a sparse file, which is not read.")
    if item.error is not None:
        yield item
    elif not packed:
        yield replace(item, where=Span(entry.offset_data, entry.size))
    else:
        if not head:
            stream.seek(entry.offset_data)
        data = head + stream.read(entry.size - len(head))
        if len(data) < entry.size:
            raise tarfile.ReadError(f"it ends within {entry.name}")
        yield replace(item, where=data)
