"""A film's quality in a few numbers, none of which sees disease.

They say what a network could learn instead: how large and sharp a film is, how compressed, how
bright, how framed. Those of grey and sharpness are measured outside the lungs where these are
known, as disease changes grey within them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.audit.changes.burnt_in import marks_share
from hilum.audit.changes.morphology import grown, reduced
from hilum.data.preprocessing import to_uint8
from hilum.data.reading import read_radiograph

__all__ = ["MEASURES", "OUTSIDE_LUNGS", "measured", "quality_of"]

Pixels = NDArray[np.uint8]

OUTSIDE_LUNGS = (
    "blockiness",
    "mean grey",
    "contrast",
    "share of black",
    "share of white",
    "sharpness",
    "coarse sharpness",
)
"""Measured outside the lungs where these are known, as disease is within them."""

MEASURES = (
    "shorter side in pixels",
    "width over height",
    "bytes a pixel",
    "even margin",
    "grey of the edge",
    "marks, upper left",
    "marks, upper right",
    "marks, lower left",
    "marks, lower right",
    *OUTSIDE_LUNGS,
)
"""What `quality_of` returns, in its order."""

_SIDE, _COARSE_SIDE = 512, 128
_BLOCK = 8
_LARGEST_STEP = 16
_CROP = 1024
_LUNGS_EDGE = 2
_EDGE = 0.03
_EVEN = 12
"""Grey levels within which a row at the edge counts as even; JPEG blurs a frame a little."""


def measured(
    path: Path, lungs: Callable[[tuple[int, int]], NDArray[np.bool_]] | None = None
) -> NDArray[np.float32]:
    """Read a film and return its quality.

    Args:
        path: The film.
        lungs: Returns where its lungs are, given its height and width; None if not known.

    Returns:
        One value for each of `MEASURES`, shape (16,); NaN where there is nothing to measure.

    Raises:
        ImageReadError: If it cannot be read.
    """
    film = read_radiograph(path)
    height, width = film.full_shape
    file = (min(height, width), width / height, path.stat().st_size / (height * width))
    mask = None if lungs is None else lungs(film.shape)
    return np.array([*file, *quality_of(to_uint8(film), mask)], np.float32)


def quality_of(pixels: Pixels, lungs: NDArray[np.bool_] | None = None) -> list[float]:
    """Return the measures of a film's pixels: all but the first three, which are of its file.

    Args:
        pixels: Grey levels, shape (height, width).
        lungs: Where its lungs are, same shape; None if not known.
    """
    small = reduced(pixels, _SIDE)
    return [
        _even_margin(small),
        _grey_of_edge(small),
        *marks_share(pixels),
        _blockiness(pixels, _outside(lungs, pixels.shape)),
        *_greys(small, _outside(lungs, small.shape)),
        _sharpness(small, lungs),
        _sharpness(reduced(small, _COARSE_SIDE), lungs),
    ]


def _outside(lungs: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if lungs is None:
        return np.ones(shape, bool)
    sheet = Image.fromarray(lungs.astype(np.uint8) * 255)
    resized = np.asarray(sheet.resize((shape[1], shape[0]), Image.Resampling.NEAREST)) > 0
    return ~grown(resized, _LUNGS_EDGE)  # an edge of the lungs is theirs


def _even_margin(pixels: Pixels) -> float:
    """Return the mean over the four sides of the share of the side that is of one grey."""
    shares = []
    for lines in (pixels, pixels.T):
        even = np.ptp(lines, axis=1) <= _EVEN
        if even.all():
            return 0.5
        shares += [np.argmin(even) / even.size, np.argmin(even[::-1]) / even.size]
    return float(np.mean(shares))


def _grey_of_edge(pixels: Pixels) -> float:
    edge = np.ones(pixels.shape, bool)
    height, width = (max(1, round(_EDGE * length)) for length in pixels.shape)
    edge[height:-height, width:-width] = False
    return float(pixels[edge].mean())


def _blockiness(pixels: Pixels, outside: NDArray[np.bool_]) -> float:
    """Return how much larger steps are every eighth column and row than between: 1 if no block is.

    A step counts up to 16 grey levels: an edge of the body is no block.

    References:
        Wang, Bovik and Evans, "Blind measurement of blocking artifacts in images", ICIP 2000.
    """
    top, left = (max(0, (length - _CROP) // 2) for length in pixels.shape)
    middle = slice(top, top + _CROP), slice(left, left + _CROP)
    grey, counts = pixels[middle].astype(np.int16), outside[middle]
    ratios = []
    for lines, there in ((grey, counts), (grey.T, counts.T)):
        both = there[:, 1:] & there[:, :-1]
        steps = np.where(both, np.minimum(np.abs(np.diff(lines, axis=1)), _LARGEST_STEP), 0)
        sums, number = _by_phase(steps.sum(axis=0)), _by_phase(both.sum(axis=0))
        if not number.all():
            return float("nan")
        mean = sums / number
        first = int(mean.argmax())  # a cropped film's blocks may begin anywhere
        between = float(np.delete(mean, first).mean())
        ratios.append(float(mean[first]) / between if between > 0 else 1.0)
    return float(np.mean(ratios))


def _by_phase(columns: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the sums over every eighth column, shape (8,)."""
    phase = np.arange(columns.size) % _BLOCK
    return np.asarray(np.bincount(phase, weights=columns, minlength=_BLOCK), np.float64)


def _greys(pixels: Pixels, outside: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    grey = pixels[outside]
    if not grey.size:
        return (float("nan"),) * 4
    return (
        float(grey.mean()),
        float(grey.std()),
        float((grey <= 5).mean()),
        float((grey >= 250).mean()),
    )


def _sharpness(pixels: Pixels, lungs: NDArray[np.bool_] | None) -> float:
    """Return the variance of the Laplacian over that of the grey, which contrast leaves alone."""
    if min(pixels.shape) < 3:
        return float("nan")
    grey = pixels.astype(np.float32)
    bend = (
        grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    )
    outside = _outside(lungs, pixels.shape)
    if not outside[1:-1, 1:-1].any():
        return float("nan")
    spread = float(grey[outside].var())
    return float(bend[outside[1:-1, 1:-1]].var()) / spread if spread > 0 else float("nan")
