"""Inflating a PNG's pixels beforehand never changes what Pillow makes of the file."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from hilum.data.reading.png_inflate import open_stored

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def made(
    shape: tuple[int, int],
    colour: int,
    depth: int,
    seed: int,
    *,
    pieces: int = 1,
    between: bytes = b"",
) -> bytes:
    """A PNG of random bytes under random filters, its pixel data in some pieces."""
    height, width = shape
    rng = np.random.default_rng(seed)
    row = (width * SAMPLES[colour] * depth + 7) // 8
    rows = rng.integers(0, 256, (height, 1 + row), np.uint8)
    rows[:, 0] = rng.integers(0, 5, height)
    stream = zlib.compress(rows.tobytes())
    ends = [len(stream) * number // pieces for number in range(pieces + 1)]
    parts = [chunk(b"IDAT", stream[a:b]) for a, b in itertools.pairwise(ends)]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(rng.integers(0, 256, 3 * 2 ** min(depth, 8), np.uint8)))
    head = SIGNATURE + chunk(b"IHDR", header) + (palette if colour == 3 else b"")
    return head + between.join(parts) + chunk(b"tEXt", b"Comment\0late") + chunk(b"IEND", b"")


def with_stored_pixels(data: bytes) -> bytes:
    return open_stored(data).read()


def outcome(file: IO[bytes]) -> tuple[object, ...]:
    """What Pillow makes of a file: its pixels and what it says beside, or its refusal."""
    try:
        with PngImageFile(file) as picture:
            picture.load()
            return picture.mode, picture.size, picture.tobytes(), picture.getpalette(), picture.info
    except (OSError, SyntaxError, ValueError, struct.error, EOFError, zlib.error) as error:
        return type(error), str(error)


@st.composite
def kinds(draw: st.DrawFn) -> tuple[int, int]:
    colour = draw(st.sampled_from(sorted(SAMPLES)))
    return colour, draw(st.sampled_from(DEPTHS[colour]))


@settings(max_examples=150, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    kind=kinds(),
    seed=st.integers(0, 2**20),
    pieces=st.integers(1, 4),
)
def test_every_kind_of_png_keeps_its_pixels_and_its_chunks(
    shape: tuple[int, int], kind: tuple[int, int], seed: int, pieces: int
) -> None:
    data = made(shape, *kind, seed, pieces=pieces)
    stored = with_stored_pixels(data)
    assert stored != data
    assert outcome(open_stored(data)) == outcome(io.BytesIO(data))
    assert outcome(io.BytesIO(stored)) == outcome(io.BytesIO(data))
    assert outcome(io.BytesIO(data))[1] == shape[::-1]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=kinds(), seed=st.integers(0, 2**20), place=st.integers(0, 10**6), data=st.data())
def test_a_damaged_png_fares_exactly_as_it_does_with_pillow_alone(
    kind: tuple[int, int], seed: int, place: int, data: st.DataObject
) -> None:
    whole = made((9, 11), *kind, seed, pieces=2)
    place %= len(whole)
    how = data.draw(st.sampled_from(["cut", "change", "insert", "drop"]))
    byte = bytes([data.draw(st.integers(0, 255))])
    broken = {
        "cut": whole[:place],
        "change": whole[:place] + byte + whole[place + 1 :],
        "insert": whole[:place] + byte + whole[place:],
        "drop": whole[:place] + whole[place + 1 :],
    }[how]
    assert outcome(open_stored(broken)) == outcome(io.BytesIO(broken))


def test_pixel_data_that_are_interrupted_are_left_to_pillow() -> None:
    data = made((9, 11), 0, 8, 1, pieces=3, between=chunk(b"tIME", bytes(7)))
    assert with_stored_pixels(data) == data


def test_interlaced_and_animated_pictures_are_left_to_pillow(files) -> None:
    first, second = Image.fromarray(files.picture()), Image.fromarray(files.picture(seed=4))
    stream = io.BytesIO()
    first.save(stream, format="PNG", save_all=True, append_images=[second])
    assert with_stored_pixels(stream.getvalue()) == stream.getvalue()
    plain = bytearray(made((9, 11), 0, 8, 1))
    plain[28] = 1  # the interlace method
    assert with_stored_pixels(bytes(plain)) == bytes(plain)


def test_a_header_that_promises_more_than_deflate_can_hold_is_left_to_pillow() -> None:
    data = bytearray(made((9, 11), 0, 8, 1))
    data[16:24] = struct.pack(">II", 10_000, 10_000)
    assert with_stored_pixels(bytes(data)) == bytes(data)


def test_more_or_less_pixel_data_than_the_header_says_are_left_to_pillow() -> None:
    for height in (8, 10):
        data = bytearray(made((9, 11), 0, 8, 1))
        data[20:24] = struct.pack(">I", height)
        assert with_stored_pixels(bytes(data)) == bytes(data)


def test_the_file_may_be_read_in_any_order() -> None:
    data = made((300, 700), 0, 16, 5)
    file, whole = open_stored(data), with_stored_pixels(data)
    rng = np.random.default_rng(0)
    for place, length in rng.integers(0, len(whole), (50, 2)):
        assert file.seek(place) == file.tell() == place
        assert file.read(length) == whole[place : place + length]
    assert file.seek(-5, 2) + 5 == len(whole)
    assert file.seek(-5, 1) == len(whole) - 10
    assert file.read() == whole[-10:]
    assert file.read(3) == b""


@pytest.mark.parametrize(
    "data", [b"", SIGNATURE, SIGNATURE + bytes(40), made((2, 2), 0, 8, 1)[:40]]
)
def test_what_is_hardly_a_png_is_handed_on(data: bytes) -> None:
    assert with_stored_pixels(data) == data


def test_real_films_keep_every_pixel(shared_data: Path) -> None:
    taken = 0
    for path in sorted((shared_data / "originals").rglob("*.png")):
        data = path.read_bytes()
        stored = with_stored_pixels(data)
        taken += stored != data
        assert outcome(open_stored(data))[:3] == outcome(io.BytesIO(data))[:3], path.name
    assert taken >= 20
