"""The size a compressed picture says it has, without decoding it.

A DICOM file states its size twice: in Rows and Columns, and inside the JPEG, JPEG-LS or JPEG 2000
data. Decoders believe the second. Comparing the two first refuses pictures that would unfold to
gigabytes, and the trailing marker refuses those that were cut short, which decoders fill with grey.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Codestream", "read_codestream"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOC_SIZ = b"\xff\x4f\xff\x51"
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}


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
        ValueError: If there is no header, or no end marker.
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
    position = 2
    while position + 9 < len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _FRAME_MARKERS:
            return Codestream(
                rows=int.from_bytes(data[position + 5 : position + 7]),
                columns=int.from_bytes(data[position + 7 : position + 9]),
                components=data[position + 9],
                bits=data[position + 4],
            )
        position += 2 + int.from_bytes(data[position + 2 : position + 4])
    raise ValueError("the compressed picture has no frame header")


def _jpeg_2000(header: bytes) -> Codestream:
    """Read a SIZ segment from its length field on; all numbers are big endian."""
    if len(header) < 39:
        raise ValueError("the compressed picture's header is cut short")
    right, lower, left, upper = (int.from_bytes(header[i : i + 4]) for i in (4, 8, 12, 16))
    return Codestream(
        rows=lower - upper,
        columns=right - left,
        components=int.from_bytes(header[36:38]),
        bits=(header[38] & 0x7F) + 1,
    )
