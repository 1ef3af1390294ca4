"""The size a compressed picture says it has, without decoding it.

A DICOM file states its size twice: in Rows and Columns, and inside the JPEG, JPEG-LS or JPEG 2000
data. Decoders believe the second. Comparing the two first refuses pictures that would unfold to
gigabytes, and the trailing marker refuses those that were cut short, which decoders fill with grey.
The decoder of lossless JPEG crashes on tables that are missing, so its segments are checked too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Codestream", "read_codestream"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOC_SIZ = b"\xff\x4f\xff\x51"
_TABLES, _SCAN = 0xC4, 0xDA
_JPEG_LS, _LOSSLESS = 0xF7, 0xC3
_FRAMES = frozenset({*range(0xC0, 0xD0), _JPEG_LS}) - {_TABLES, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Codestream:
    """What the header of a compressed picture says; `bits` is the sample precision."""

    rows: int
    columns: int
    components: int
    bits: int


def read_codestream(data: bytes) -> Codestream:
    """Read the header of a JPEG, JPEG-LS or JPEG 2000 picture.

    Raises:
        ValueError: If the header is damaged or there is no end marker.
    """
    if not data.rstrip(b"\0\xff").endswith(_EOI):  # padded to an even length with either
        raise ValueError("the compressed picture has no end marker: it was cut short")
    if data.startswith(_SOI):
        return _jpeg(data)
    start = data.find(_SOC_SIZ, 0, 4096)  # some writers leave the boxes of a .jp2 file around it
    if start < 0:
        raise ValueError("the compressed picture has no JPEG or JPEG 2000 header")
    return _jpeg_2000(data[start + 4 : start + 64])


def _jpeg(data: bytes) -> Codestream:
    kind, found, tables = 0, None, set[int]()
    for marker, body in _segments(data):
        if marker in _FRAMES and len(body) >= 6 + 3 * body[5]:
            kind, found = marker, _frame(body)
        elif marker == _TABLES:
            tables |= _huffman_tables(body)
        elif marker == _SCAN and found is not None:
            if kind == _LOSSLESS:
                _check_lossless(body, found, tables)
            return found
    raise ValueError("the compressed picture has no frame header before its data")


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment up to the first scan header, which ends it."""
    position, marker = 2, 0
    while marker != _SCAN:
        if data[position : position + 1] != b"\xff" or len(data) < position + 4:
            raise ValueError("the compressed picture's header is damaged")
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, data[position + 4 : position + 2 + length]
        position += 2 + length


def _frame(body: bytes) -> Codestream:
    return Codestream(
        rows=int.from_bytes(body[1:3], "big"),
        columns=int.from_bytes(body[3:5], "big"),
        components=body[5],
        bits=body[0],
    )


def _huffman_tables(body: bytes) -> set[int]:
    """Return the class and number of each table in a segment, as one byte."""
    found = set()
    while body:
        entries = sum(body[1:17])
        if len(body) < 17 + entries or entries > 256:
            raise ValueError("the compressed picture has a damaged Huffman table")
        found.add(body[0])
        body = body[17 + entries :]
    return found


def _check_lossless(scan: bytes, frame: Codestream, tables: set[int]) -> None:
    """Refuse a lossless scan that its decoder could not survive."""
    count = scan[0] if scan else 0
    if count != frame.components or len(scan) != 4 + 2 * count:
        raise ValueError("the compressed picture's scan does not match its frame")
    if not all(selector >> 4 in tables for selector in scan[2 : 1 + 2 * count : 2]):
        raise ValueError("the compressed picture refers to a Huffman table that it does not hold")
    if not 1 <= scan[1 + 2 * count] <= 7 or not 2 <= frame.bits <= 16:
        raise ValueError("the compressed picture has no lossless predictor")


def _jpeg_2000(header: bytes) -> Codestream:
    """Read a SIZ segment from its length field on; all numbers are big endian."""
    if len(header) < 39:
        raise ValueError("the compressed picture's header is cut short")
    right, lower, left, upper = (int.from_bytes(header[i : i + 4], "big") for i in (4, 8, 12, 16))
    return Codestream(
        rows=lower - upper,
        columns=right - left,
        components=int.from_bytes(header[36:38], "big"),
        bits=(header[38] & 0x7F) + 1,
    )
