"""Lossless JPEG (process 14), as DICOM files hold it, decoded with NumPy.

The libraries that decode it are 45 MB large, or under the GPL, or kill the process on a damaged
table. A picture is a chain of differences, each a Huffman code and some bits of its own, and where
one begins is known only when the one before was read. So the length of the code that would begin at
*every* bit is looked up at once, steps over four codes at a time are made from that, and only the
chain of these steps is walked one by one: a film of 5 megapixels takes about a second.

References:
    ITU-T T.81 (1992): annex H (lossless mode), C.2 (Huffman codes), F.1.2.1 (extra bits).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hilum.data.reading.lossless_prediction import undo_prediction

__all__ = ["decode_lossless_jpeg"]

Table = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""For each 16 bits that may follow: the length of the code they begin with, 0 for none, and its
category: how many bits of its own the difference has, where 16 stands for 32768 and has none."""

_BLOCK_BITS = 1 << 17
_FURTHEST = 32
"""Bits a code and its extra bits have at most."""
_STUFFED, _RESTART = b"\xff\x00", re.compile(rb"\xff[\xd0-\xd7]")
_FRAME, _TABLES, _SCAN, _INTERVAL, _END = 0xC3, 0xC4, 0xDA, 0xDD, 0xD9


@dataclass(slots=True)
class _Header:
    """What stands before the differences."""

    bits: int = 0
    rows: int = 0
    columns: int = 0
    components: int = 0
    tables: dict[int, Table] = field(default_factory=dict)
    chosen: tuple[int, ...] = ()
    predictor: int = 0
    shift: int = 0
    interval: int = 0
    start: int = 0


def decode_lossless_jpeg(data: bytes) -> NDArray[np.uint16]:
    """Decode a lossless JPEG picture.

    Args:
        data: From its start marker to its end marker.

    Returns:
        Samples, shape (rows, columns) or, of more than one component, (rows, columns, components).

    Raises:
        ValueError: If it is damaged, cut short, or uses what DICOM does not allow.
    """
    try:
        header = _header(data)
    except (struct.error, IndexError) as error:
        raise ValueError("the lossless JPEG's header is cut short") from error
    per_row = header.columns * header.components
    rows = header.interval // header.columns if header.interval else header.rows
    pieces = _pieces(data, header.start)
    if len(pieces) != -(-header.rows // rows):
        raise ValueError(f"the lossless JPEG has {len(pieces)} pieces, expected another number")
    done = []
    for number, piece in enumerate(pieces):
        height = min(rows, header.rows - number * rows)
        differences = _differences(piece, height * per_row, header)
        shape = (height, header.columns, header.components)
        done.append(
            undo_prediction(
                differences.reshape(shape), header.predictor, header.bits - header.shift
            )
        )
    samples = np.concatenate(done) << np.uint16(header.shift)
    return samples[..., 0] if header.components == 1 else samples


def _header(data: bytes) -> _Header:
    found, place = _Header(), 2
    while True:
        if data[place : place + 1] != b"\xff" or place + 4 > len(data):
            raise ValueError("the lossless JPEG's header is damaged")
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        body = data[place + 4 : place + 2 + length]
        place += 2 + length
        _take(found, marker, body)
        if marker == _SCAN:
            found.start = place
            _check(found)
            return found


def _take(found: _Header, marker: int, body: bytes) -> None:
    """Note what a segment says."""
    if marker == _FRAME:
        found.bits, found.rows, found.columns, found.components = struct.unpack_from(">BHHB", body)
        factors = body[7 : 6 + 3 * found.components : 3]
        if len(set(factors)) > 1:
            raise ValueError("the lossless JPEG's components differ in size")
    elif marker == _TABLES:
        while len(body) > 17:
            count = sum(body[1:17])
            found.tables[body[0]] = _table(body[1:17], body[17 : 17 + count])
            body = body[17 + count :]
    elif marker == _INTERVAL:
        (found.interval,) = struct.unpack_from(">H", body)
    elif marker == _SCAN:
        count = body[0]
        if count != found.components or len(body) != 4 + 2 * count:
            raise ValueError("the lossless JPEG's scan does not hold every component of its frame")
        found.chosen = tuple(selector >> 4 for selector in body[2 : 1 + 2 * count : 2])
        found.predictor, found.shift = body[1 + 2 * count], body[3 + 2 * count] & 15


def _check(found: _Header) -> None:
    sound = (
        2 <= found.bits <= 16
        and found.rows > 0
        and found.columns > 0
        and found.components > 0
        and 1 <= found.predictor <= 7
        and found.shift < found.bits
        and found.interval % found.columns == 0
    )
    if not sound or not all(number in found.tables for number in found.chosen):
        raise ValueError("the lossless JPEG's header is damaged, or no tables stand in it")


def _table(counts: bytes, categories: bytes) -> Table:
    """Return what follows from the codes of each length and the categories they stand for."""
    lengths, kinds = np.zeros(1 << 16, np.uint8), np.zeros(1 << 16, np.uint8)
    code, used = 0, 0
    for length, count in enumerate(counts, 1):
        for category in categories[used : used + count]:
            first = code << (16 - length)
            last = first + (1 << (16 - length))
            if last > 1 << 16 or category > 16:
                raise ValueError("the lossless JPEG has a damaged Huffman table")
            lengths[first:last] = length
            kinds[first:last] = category
            code += 1
        used += count
        code <<= 1
    if used != len(categories):
        raise ValueError("the lossless JPEG has a damaged Huffman table")
    return lengths, kinds


def _pieces(data: bytes, start: int) -> list[bytes]:
    """Return the differences' bits, parted where prediction begins anew."""
    end = data.rfind(b"\xff" + bytes([_END]))
    if end < start:
        raise ValueError("the lossless JPEG has no end marker")
    return [piece.replace(_STUFFED, b"\xff") for piece in _RESTART.split(data[start:end])]


def _differences(piece: bytes, count: int, header: _Header) -> NDArray[np.uint16]:
    """Return the differences of a piece modulo 65536, in the order they stand in it."""
    tables = [header.tables[number] for number in header.chosen]
    words = _words(piece)
    if all(table is tables[0] for table in tables):
        places = _places(words, 8 * len(piece), count, tables[0])
        return _values(words, places, tables[0])
    found = np.empty(count, np.uint16)
    places = _alternating(words, 8 * len(piece), count, tables)
    for number, table in enumerate(tables):
        part = slice(number, None, len(tables))
        found[part] = _values(words, places[part], table)
    return found


def _words(piece: bytes) -> NDArray[np.uint32]:
    """Return the 32 bits that begin at each byte; ones follow the end, as encoders pad."""
    padded = np.frombuffer(piece + b"\xff" * 8, np.uint8)
    words = np.zeros(len(piece) + 5, np.uint32)
    for byte in range(4):
        words = (words << np.uint32(8)) | padded[byte : byte + len(words)]
    return words


def _window(words: NDArray[np.uint32], places: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return the 16 bits that begin at each place, given in bits."""
    shift = (16 - (places & 7)).astype(np.uint32)
    found: NDArray[np.uint16] = (words[places >> 3] >> shift).astype(np.uint16)
    return found


def _steps(words: NDArray[np.uint32], table: Table) -> NDArray[np.uint8]:
    """Return, for each bit of some words, how many bits a difference that begins there has.

    A bit that begins no code has 0: there the chain stands still.
    """
    lengths, kinds = table
    total = np.where(lengths == 0, 0, lengths + kinds % 16).astype(np.uint8)
    found = np.empty((len(words), 8), np.uint8)
    for bit in range(8):
        found[:, bit] = total[(words >> np.uint32(16 - bit)).astype(np.uint16)]
    return found.ravel()


def _places(words: NDArray[np.uint32], bits: int, count: int, table: Table) -> NDArray[np.int64]:
    """Return the bit at which each difference begins.

    Raises:
        ValueError: If there are fewer than `count`.
    """
    found, place, left = [np.empty(0, np.int64)], 0, count
    while left > 0:
        first = place & ~7
        block = words[first >> 3 : (first + _BLOCK_BITS + 4 * _FURTHEST) >> 3]
        steps = _steps(block, table)
        here = _walk(steps, place - first)[:left]
        if not len(here):
            raise ValueError("the lossless JPEG ends before its last sample")
        found.append(here + first)
        left -= len(here)
        place = first + int(here[-1]) + int(steps[here[-1]])
    if place > bits:
        raise ValueError("the lossless JPEG ends before its last sample")
    return np.concatenate(found)


def _walk(one: NDArray[np.uint8], place: int) -> NDArray[np.int64]:
    """Return where differences begin from `place` on, as far as `one` holds their lengths.

    Four at a time: how far four together reach is looked up for every bit at once.
    """
    room = len(one) - 4 * _FURTHEST
    if room <= place:  # the end of the picture: what is missing stands still
        room = len(one)
        one = np.concatenate([one, np.zeros(4 * _FURTHEST, np.uint8)])
    here = np.arange(room + 2 * _FURTHEST)
    two = one[: len(here)] + one[here + one[: len(here)]]
    four = (two[:room] + two[here[:room] + two[:room]]).tobytes()
    heads = []
    while place < room and four[place]:
        heads.append(place)
        place += four[place]
    places = np.empty((len(heads), 4), np.int64)
    places[:, 0] = heads
    for number in range(3):
        places[:, number + 1] = places[:, number] + one[places[:, number]]
    flat = places.ravel()
    return flat[one[flat] > 0]


def _alternating(
    words: NDArray[np.uint32], bits: int, count: int, tables: list[Table]
) -> NDArray[np.int64]:
    """Return what `_places` does where the components of a colour picture differ in tables."""
    steps = [_steps(words, table).tobytes() for table in tables]
    places, place = np.empty(count, np.int64), 0
    for number in range(count):
        places[number] = place
        step = steps[number % len(steps)][place] if place < bits else 0
        if not step:
            raise ValueError("the lossless JPEG ends before its last sample")
        place += step
    return places


def _values(
    words: NDArray[np.uint32], places: NDArray[np.int64], table: Table
) -> NDArray[np.uint16]:
    """Return the differences that begin at some places, modulo 65536."""
    lengths, kinds = table
    window = _window(words, places)
    kind = kinds[window].astype(np.int32)
    own = _window(words, places + lengths[window]).astype(np.int32) >> (16 - kind)
    low = own < (1 << kind) >> 1  # a leading 0 stands for a negative difference
    found = np.where(low, own - (1 << kind) + 1, own)
    found[kind == 16] = 32768
    return found.astype(np.uint16)
