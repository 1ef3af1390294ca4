"""Traces of an earlier JPEG: seen where they are, not seen where they are not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hilum.data.lint.compression import cosines, earlier_steps, jpeg_tables, quality_of


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """A picture with detail at every scale, never compressed, uint8."""
    rng = np.random.default_rng(4)
    total = np.zeros((384, 384))
    for cells in (6, 12, 24, 48, 96, 192):
        noise = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
        total += np.asarray(noise.resize((384, 384), Image.Resampling.BICUBIC)) * 60 / cells**0.6
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def through(pixels: np.ndarray, quality: int) -> tuple[np.ndarray, np.ndarray]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    table = jpeg_tables(buffer.getvalue())
    assert table is not None
    return np.asarray(Image.open(buffer)), table


@pytest.mark.parametrize(("quality", "step"), [(50, (10, 18)), (75, (5, 9)), (90, (3, 3))])
def test_a_picture_that_was_a_jpeg_is_recognised(
    film: np.ndarray, quality: int, step: tuple[int, int]
) -> None:
    pixels, _ = through(film, quality)
    assert step[0] <= earlier_steps(pixels, None) <= step[1]


@pytest.mark.parametrize("later", [90, 95, 98])
def test_a_jpeg_saved_again_at_a_higher_quality_is_recognised(film: np.ndarray, later: int) -> None:
    pixels, table = through(through(film, 50)[0], later)
    assert 10 <= earlier_steps(pixels, table) <= 18


@pytest.mark.parametrize("quality", [40, 70, 85, 95, 100])
def test_a_jpeg_saved_once_is_not_accused(film: np.ndarray, quality: int) -> None:
    assert earlier_steps(*through(film, quality)) == 0


def test_a_picture_never_compressed_is_not_accused(film: np.ndarray) -> None:
    assert earlier_steps(film, None) == 0


def test_resizing_hides_the_past(film: np.ndarray) -> None:
    small = Image.fromarray(through(film, 50)[0]).resize((300, 300), Image.Resampling.BICUBIC)
    assert earlier_steps(np.asarray(small), None) == 0


def test_a_picture_too_small_to_judge_is_not_accused(film: np.ndarray) -> None:
    assert earlier_steps(through(film[:80, :80], 50)[0], None) == 0


@pytest.mark.parametrize("quality", [20, 30, 50, 75, 92, 100])
def test_quality_is_read_from_the_tables(film: np.ndarray, quality: int) -> None:
    assert quality_of(through(film, quality)[1]) == pytest.approx(quality, abs=1)


def test_what_has_no_tables_has_none() -> None:
    assert jpeg_tables(b"\xff\xd8\xff nothing") is None


def test_cosines_are_orthonormal() -> None:
    assert cosines(8, 8) @ cosines(8, 8).T == pytest.approx(np.eye(8), abs=1e-6)


def test_real_films_resized_and_saved_once_are_not_accused(shared_data: Path, files: Any) -> None:
    for path in sorted((shared_data / "cxr/images/nih").iterdir())[:40]:
        data = path.read_bytes()
        assert earlier_steps(np.asarray(Image.open(path)), jpeg_tables(data)) == 0
