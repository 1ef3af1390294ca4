"""Films in a zip file, found by its list of members; a worker unpacks each where it lies."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace

from hilum.screening.archive.contained import DAMAGE, Members
from hilum.screening.archive.files import Files
from hilum.screening.archive.item import Item, Packed
from hilum.screening.films import DICOM_HEAD, begins_as_dicom

__all__ = ["unpacked", "zip_items"]

_ENCRYPTED = 0x1
_LOCAL_HEADER = 30
_METHODS = {zipfile.ZIP_STORED: False, zipfile.ZIP_DEFLATED: True}


def zip_items(files: Files, path: str) -> Iterator[Item]:
    """Yield the films of a zip file, or the fault that keeps it from being opened."""
    members = Members(path)
    try:
        with files.open(path) as file, zipfile.ZipFile(file) as opened:
            for entry in opened.infolist():
                if not entry.is_dir():
                    yield from _film(opened, entry, members)
    except DAMAGE as error:
        yield members.fault(f"the zip file could not be opened: {error}. Is it cut short?")


def _film(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, members: Members) -> Iterator[Item]:
    wanted = members.wanted(entry.filename)
    encrypted = bool(entry.flag_bits & _ENCRYPTED)
    if wanted is None and not encrypted:
        try:
            with opened.open(entry) as file:
                wanted = begins_as_dicom(file.read(DICOM_HEAD))
        except DAMAGE as error:
            fault = members.item(entry.filename, 0)
            yield replace(fault, error=f"it could not be unpacked: {error}.")
            return
    if wanted is False:
        return
    item = members.item(entry.filename, entry.file_size)
    if item.error is None and encrypted:
        item = replace(item, error="it is encrypted. Unpack the zip file with its password first.")
    if item.error is not None:
        yield item
    elif entry.compress_type in _METHODS:
        deflated = _METHODS[entry.compress_type]
        span = (entry.header_offset, entry.compress_size, entry.file_size, entry.CRC)
        yield replace(item, where=Packed(*span, deflated=deflated))
    else:
        yield _unusual(opened, entry, item)


def _unusual(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, item: Item) -> Item:
    """Unpack a member of a rare method here, for `zipfile` knows them."""
    try:
        with opened.open(entry) as file:
            return replace(item, where=file.read(entry.file_size))
    except DAMAGE as error:
        return replace(item, error=f"it could not be unpacked: {error}.")


def unpacked(files: Files, path: str, where: Packed) -> bytes:
    """Return the bytes of a member.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the member is damaged; says how.
    """
    header = files.read(path, where.header, _LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or not header.startswith(b"PK\x03\x04"):
        raise ValueError("its header in the zip file is damaged")
    name, extra = struct.unpack("<HH", header[26:30])
    data = files.read(path, where.header + _LOCAL_HEADER + name + extra, where.packed)
    if where.deflated:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, where.size + 1)
        except zlib.error as error:
            raise ValueError(f"it could not be unpacked: {error}") from error
    if len(data) != where.size or zlib.crc32(data) != where.crc:
        raise ValueError("its checksum in the zip file does not fit: it is damaged or cut short")
    return data
