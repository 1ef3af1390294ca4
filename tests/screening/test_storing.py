"""Pictures are written whole, and hold the pixels they were given."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hilum.screening.storing import encode_png, store_png


def noise(shape: tuple[int, ...], seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    colour=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_grey_or_rgb_picture_comes_back_as_it_was(
    height: int, width: int, colour: bool, seed: int
) -> None:
    picture = noise((height, width, 3) if colour else (height, width), seed)
    with Image.open(io.BytesIO(encode_png(picture)), formats=["PNG"]) as read:
        assert (read.format, read.mode, read.size) == ("PNG", picture.mode, picture.size)
        assert read.tobytes() == picture.tobytes()


def test_the_checksums_of_a_written_file_are_right() -> None:
    with Image.open(io.BytesIO(encode_png(noise((30, 20, 3), 1)))) as picture:
        picture.verify()


@pytest.mark.parametrize("mode", ["RGBA", "P", "I;16", "1"])
def test_other_pictures_are_refused(mode: str) -> None:
    with pytest.raises(ValueError, match=f"of mode L or RGB, got {mode}"):
        encode_png(Image.new(mode, (4, 4)))


def test_nothing_is_left_beside_what_could_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of mode L or RGB"):
        store_png(Image.new("RGBA", (4, 4)), tmp_path / "film.png")
    assert list(tmp_path.iterdir()) == []
