"""Bodies that differ: each subject's films bent in a smooth way of its own.

Phantoms share one plan of the chest and differ in its measures. Laid over each other as well as an
affine map allows, two of them in a few ten thousand pairs are more alike than two people ever
were in 1,920 patients, and pass for one film. A bend of a few hundredths of the width, the same
for every film of a subject, gives them the differences of shape that people have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["bend"]

_KNOTS = 5
_MOST = 0.02
"""Standard deviation of the shift at a knot, as a share of the shorter side."""


def bend(planes: Sequence[NDArray[Any]], rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Shift every point of a film by a smooth random field.

    Args:
        planes: Grey levels or masks of one film, all of shape (h, w).
        rng: Seeded by the subject, so that all its films are bent alike.

    Returns:
        The planes, 8 bits; masks as 0 to 255.
    """
    height, width = planes[0].shape
    inner = rng.normal(0, _MOST * min(height, width), (2, _KNOTS, _KNOTS)).astype(np.float32)
    # The film's own edge stays straight.
    knots = np.pad(inner, ((0, 0), (1, 1), (1, 1)))
    down, across = (
        np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC))
        for one in knots
    )
    y = np.clip(np.arange(height)[:, None] + down, 0, height - 1.001)
    x = np.clip(np.arange(width)[None, :] + across, 0, width - 1.001)
    return [_sampled(plane, y, x) for plane in planes]


def _sampled(
    plane: NDArray[Any], y: NDArray[np.floating], x: NDArray[np.floating]
) -> NDArray[np.uint8]:
    grey = plane.astype(np.float32) * (255 if plane.dtype == np.bool_ else 1)
    row, column = y.astype(int), x.astype(int)
    low, right = y - row, x - column
    upper = grey[row, column] * (1 - right) + grey[row, column + 1] * right
    lower = grey[row + 1, column] * (1 - right) + grey[row + 1, column + 1] * right
    return np.asarray(np.rint(upper * (1 - low) + lower * low), np.uint8)
