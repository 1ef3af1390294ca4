"""The pixel data of a PNG file, inflated in one go before Pillow unfilters it.

Pillow inflates a PNG row by row, which takes about twice as long as libdeflate does for all of it.
So Pillow is shown the same file with its pixel data inflated and merely stored; every pixel, every
other chunk and every refusal remain Pillow's. Wherever the file is not plainly in order it is
handed on as it is, for Pillow to judge. What Pillow reads is cut from the pieces as it reads: on
fresh memory, writing the file anew would cost as much as was gained.

References:
    PNG Specification (Third Edition), W3C 2025: sections 5.3 (chunks) and 7.2 (scanlines).
    RFC 1950 (zlib) and RFC 1951, section 3.2.4 (stored blocks).
"""

from __future__ import annotations

import io
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import IO, NamedTuple, cast

import deflate

__all__ = ["open_stored"]

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel, by colour type."""

_LARGEST_BYTES = 1 << 27
"""Pixel data beyond this are left to Pillow, which needs no copy of them."""

_GREATEST_RATIO = 1032
"""Deflate cannot shrink further, so a header that promises more than this is false."""

_STORED_BYTES = 65_535
"""What one stored block holds at most."""

_FIRST_CHUNK = 8
_AFTER_HEADER = 33


class _Run(NamedTuple):
    """The run of pixel-data chunks of a file: where it begins and ends, and what it holds."""

    first: int
    end: int
    data: bytes | memoryview


class _Pieces(io.RawIOBase):
    """One readable file made of pieces, none of which is copied before it is read."""

    def __init__(self, pieces: Sequence[bytes | memoryview]) -> None:
        super().__init__()
        self._pieces = pieces
        self._ends = list(accumulate(map(len, pieces)))
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = (0, self._place, self._ends[-1])[whence] + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, fewer only at the end."""
        end = self._ends[-1] if size < 0 else min(self._place + size, self._ends[-1])
        number, taken = bisect_right(self._ends, self._place), []
        while self._place < end:
            piece, last = self._pieces[number], self._ends[number]
            first = last - len(piece)
            taken.append(piece[self._place - first : end - first])
            self._place, number = min(last, end), number + 1
        return b"".join(taken)


def open_stored(data: bytes) -> IO[bytes]:
    """Open a PNG file as one of the same picture whose pixel data are stored, not compressed.

    Args:
        data: A whole PNG file, its header already judged.

    Returns:
        The file with one IDAT chunk in place of its run of them, every other byte as it was; or
        `data` itself if it is interlaced, animated, very large, damaged or otherwise unusual.
    """
    size = _inflated_bytes(data[_FIRST_CHUNK:_AFTER_HEADER])
    run = _pixel_chunks(data) if 0 < size <= _LARGEST_BYTES else None
    if run is None or size > _GREATEST_RATIO * len(run.data):
        return io.BytesIO(data)
    try:
        pixels = deflate.zlib_decompress(run.data, size)
    except (deflate.DeflateError, ValueError, MemoryError):
        return io.BytesIO(data)
    if len(pixels) != size:
        return io.BytesIO(data)
    stream = [*_stored_blocks(memoryview(pixels)), struct.pack(">I", deflate.adler32(pixels))]
    checksum = deflate.crc32(b"IDAT")
    for piece in stream:
        checksum = deflate.crc32(piece, checksum)
    head = struct.pack(">I4s", sum(map(len, stream)), b"IDAT")
    view = memoryview(data)
    tail = struct.pack(">I", checksum)
    pieces = [view[: run.first], head, *stream, tail, view[run.end :]]
    return cast("IO[bytes]", _Pieces(pieces))  # io's classes are no subclasses of typing's IO


def _stored_blocks(pixels: memoryview) -> Iterator[bytes | memoryview]:
    """Yield the pieces of a zlib stream that stores bytes as they are, up to its checksum."""
    yield b"\x78\x01"
    for first in range(0, len(pixels), _STORED_BYTES):
        block = pixels[first : first + _STORED_BYTES]
        final = first + _STORED_BYTES >= len(pixels)
        yield struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF)
        yield block


def _inflated_bytes(header: bytes) -> int:
    """Return how many bytes the pixel data inflate to; 0 where that is not plain.

    Args:
        header: The first chunk: length, name, width, height, depth, colour type, two methods that
            are always 0, interlace method, checksum.
    """
    if len(header) < _AFTER_HEADER - _FIRST_CHUNK or header[:8] != b"\0\0\0\x0dIHDR":
        return 0
    width, height, depth, colour, method, filters, interlace = struct.unpack_from(
        ">IIBBBBB", header, 8
    )
    if method or filters or interlace or colour not in _CHANNELS:
        return 0
    row: int = (width * _CHANNELS[colour] * depth + 7) // 8 + 1
    return row * int(height)


def _pixel_chunks(data: bytes) -> _Run | None:
    """Return the run of IDAT chunks; None if there is none, it is cut short, or pictures move."""
    place, first, found = _FIRST_CHUNK, 0, []
    view = memoryview(data)
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data) or name in (b"acTL", b"fcTL", b"fdAT"):
            return None
        if name == b"IDAT":
            first = first or place
            found.append(view[place + 8 : end - 4])
        elif found:
            break
        place = end
    if not found:
        return None
    return _Run(first, place, found[0] if len(found) == 1 else b"".join(found))
