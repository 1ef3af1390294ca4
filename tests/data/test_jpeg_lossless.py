"""Lossless JPEG: every predictor, depth and layout comes back; damage is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.data.reading.jpeg_lossless import decode_lossless_jpeg

# Two Huffman tables for the categories 0 to 16: codes of 5 bits, and codes of 2 to 16 bits.
EVEN = bytes([0, 0, 0, 0, 17, *[0] * 11])
UNEVEN = bytes([0, 2, *[1] * 13, 2])
ORDER = {EVEN: list(range(17)), UNEVEN: [3, 0, 1, 2, *range(4, 17)]}


def codes(counts: bytes) -> dict[int, str]:
    """The code of each category, as the standard's annex C makes them."""
    found, code, categories = {}, 0, iter(ORDER[counts])
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            found[next(categories)] = f"{code:0{length}b}"
            code += 1
        code <<= 1
    return found


def predicted(samples: np.ndarray, row: int, x: int, predictor: int, half: int) -> int:
    """The prediction of one sample of one component, by table H.1 of the standard."""
    if row == 0:
        return half if x == 0 else int(samples[0, x - 1])
    above = int(samples[row - 1, x])
    if x == 0:
        return above
    left, corner = int(samples[row, x - 1]), int(samples[row - 1, x - 1])
    return {
        1: left,
        2: above,
        3: corner,
        4: left + above - corner,
        5: left + ((above - corner) >> 1),
        6: above + ((left - corner) >> 1),
        7: (left + above) >> 1,
    }[predictor]


def code_of(difference: int, table: dict[int, str]) -> str:
    """A difference as bits: its category's code, then its own bits."""
    difference = (difference + 32767) % 65536 - 32767  # -32767 to 32768
    category = 16 if difference == 32768 else abs(difference).bit_length()
    if category in (0, 16):
        return table[category]
    own = difference if difference > 0 else difference + (1 << category) - 1
    return table[category] + f"{own:0{category}b}"


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 255, marker, len(body) + 2) + body


def encoded(
    samples: np.ndarray,
    bits: int,
    predictor: int = 1,
    *,
    tables: tuple[bytes, ...] = (UNEVEN,),
    rows_apart: int = 0,
    shift: int = 0,
) -> bytes:
    """Samples (rows, columns, components) as a lossless JPEG, written the slow and plain way."""
    rows, columns, components = samples.shape
    selectors = [number % len(tables) for number in range(components)]
    frame = struct.pack(">BHHB", bits, rows, columns, components)
    frame += b"".join(bytes([number, 0x11, 0]) for number in range(components))
    scan = bytes([components])
    scan += b"".join(bytes([number, selector << 4]) for number, selector in enumerate(selectors))
    head = b"\xff\xd8" + segment(0xC3, frame)
    for number, counts in enumerate(tables):
        head += segment(0xC4, bytes([number]) + counts + bytes(ORDER[counts]))
    if rows_apart:
        head += segment(0xDD, struct.pack(">H", rows_apart * columns))
    head += segment(0xDA, scan + bytes([predictor, 0, shift]))
    pieces = []
    for first in range(0, rows, rows_apart or rows):
        part = samples[first : first + (rows_apart or rows)] >> shift
        text = "".join(
            code_of(
                int(part[row, x, c]) - predicted(part[..., c], row, x, predictor, half),
                codes(tables[selectors[c]]),
            )
            for row in range(len(part))
            for x in range(columns)
            for c in range(components)
            for half in [1 << (bits - shift - 1)]
        )
        text += "1" * (-len(text) % 8)
        whole = bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
        pieces.append(whole.replace(b"\xff", b"\xff\x00"))
    body = pieces[0]
    for number, piece in enumerate(pieces[1:]):
        body += bytes([255, 0xD0 + number % 8]) + piece
    return head + body + b"\xff\xd9"


def noise(shape: tuple[int, ...], bits: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << bits, shape).astype(np.uint16)


def smooth(shape: tuple[int, int], bits: int) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    wave = (np.sin(rows / 9) + np.cos(columns / 7) + 2) / 4
    return np.rint(wave * ((1 << bits) - 1)).astype(np.uint16)[..., None]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    bits=st.integers(2, 16),
    predictor=st.integers(1, 7),
    seed=st.integers(0, 1000),
)
def test_any_samples_come_back_by_any_predictor(
    rows: int, columns: int, bits: int, predictor: int, seed: int
) -> None:
    samples = noise((rows, columns, 1), bits, seed)
    assert np.array_equal(decode_lossless_jpeg(encoded(samples, bits, predictor)), samples[..., 0])


@pytest.mark.parametrize("predictor", range(1, 8))
def test_a_smooth_picture_longer_than_a_block_comes_back(predictor: int) -> None:
    samples = smooth((150, 200), 12) * np.uint16(16) + noise((150, 200, 1), 4)
    data = encoded(samples, 16, predictor)
    assert 8 * len(data) > 1 << 17
    assert np.array_equal(decode_lossless_jpeg(data), samples[..., 0])


@pytest.mark.parametrize("tables", [(EVEN,), (EVEN, UNEVEN), (UNEVEN, UNEVEN, EVEN)])
def test_components_may_have_tables_of_their_own(tables: tuple[bytes, ...]) -> None:
    samples = noise((7, 9, 3), 8)
    assert np.array_equal(decode_lossless_jpeg(encoded(samples, 8, 4, tables=tables)), samples)


@pytest.mark.parametrize("rows_apart", [1, 3, 11])
def test_prediction_begins_anew_at_restart_markers(rows_apart: int) -> None:
    samples = noise((11, 6, 1), 10)
    data = encoded(samples, 10, 6, rows_apart=rows_apart)
    assert np.array_equal(decode_lossless_jpeg(data), samples[..., 0])


def test_a_point_transform_leaves_the_lowest_bits_out() -> None:
    samples = noise((8, 8, 1), 12)
    found = decode_lossless_jpeg(encoded(samples, 12, 5, shift=2))
    assert np.array_equal(found, samples[..., 0] >> 2 << 2)


def test_a_constant_picture_of_one_bit_codes_comes_back() -> None:
    samples = np.full((300, 400, 1), 2048, np.uint16)
    assert np.array_equal(decode_lossless_jpeg(encoded(samples, 12)), samples[..., 0])


def outcome(data: bytes) -> str:
    """What becomes of a file: samples of a type, or a refusal in the decoder's own words."""
    try:
        return str(decode_lossless_jpeg(data).dtype)
    except ValueError as error:
        return "refused" if "lossless JPEG" in str(error) else f"raised {error}"


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_damage_gives_a_picture_or_a_plain_refusal(place: int, byte: int, cut: bool) -> None:
    data = encoded(noise((9, 7, 1), 12), 12, 4)
    place %= len(data)
    broken = data[:place] if cut else data[:place] + bytes([byte]) + data[place + 1 :]
    assert outcome(broken) in {"uint16", "refused"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-2], "has no end marker"),
        (lambda data: data[:60], "does not hold every component"),
        (lambda data: data[:3], "header is damaged"),
        (lambda data: data[:-20] + b"\xff\xd9", "ends before its last sample"),
        (lambda data: data.replace(b"\xff\xc4", b"\xff\xe4"), "no tables stand in it"),
        (lambda data: data[:2] + b"nothing", "header is damaged"),
        (lambda data: data[:-2] + b"\xff\xd0\xff\xd9", "pieces"),
    ],
)
def test_what_is_missing_is_named(change, message: str) -> None:
    data = encoded(noise((9, 7, 1), 12), 12)
    with pytest.raises(ValueError, match=message):
        decode_lossless_jpeg(change(data))
