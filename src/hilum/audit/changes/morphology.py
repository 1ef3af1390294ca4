"""Growing, opening and local averages of pictures, separable, so that a wide reach costs little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["averaged", "grown", "opened", "reduced"]

Scalar = TypeVar("Scalar", bound=np.generic)


def grown(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Return the mask grown by `reach` pixels to every side, corners square.

    >>> grown(np.array([[0, 0, 0, 1]], bool), 2).astype(int).tolist()
    [[0, 1, 1, 1]]
    """
    return _ranked(mask, reach, np.logical_or)


def opened(pixels: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    """Return the grey levels without whatever bright is narrower than 2 `reach` + 1 pixels."""
    return _ranked(_ranked(pixels, reach, np.minimum), reach, np.maximum)


def averaged(plane: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return the mean over the square of 2 `reach` + 1 pixels round each; smaller at the edges."""
    for axis in (0, 1):
        moved = np.moveaxis(plane, axis, 0)
        sums = np.concatenate([np.zeros_like(moved[:1]), np.cumsum(moved, axis=0)])
        at = np.arange(len(moved))
        first, last = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(moved))
        width = (last - first).astype(np.float32)[:, None]
        plane = np.moveaxis((sums[last] - sums[first]) / width, 0, axis)
    return plane


def reduced(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a film with a shorter side of at most `side` pixels, each the mean of those it was."""
    scale = side / min(pixels.shape)
    if scale >= 1:
        return pixels
    height, width = (max(1, round(length * scale)) for length in pixels.shape)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))


def _ranked(plane: NDArray[Scalar], reach: int, pick: Callable[..., Any]) -> NDArray[Scalar]:
    """Return the least or the largest within `reach` pixels, by rows and then by columns."""
    for axis in (0, 1):
        moved = np.moveaxis(plane, axis, 0).copy()
        left = min(reach, len(moved) - 1)
        # Reaches of 1, 2, 4 ... add up, so that 20 pixels take five steps.
        step = 1
        while left > 0:
            step = min(step, left)
            before = moved.copy()
            pick(moved[step:], before[:-step], out=moved[step:])
            pick(moved[:-step], before[step:], out=moved[:-step])
            left -= step
            step *= 2
        plane = np.moveaxis(moved, 0, axis)
    return np.ascontiguousarray(plane)
