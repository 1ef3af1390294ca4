"""How alike two small pictures are once one is laid over the other as well as it can be.

Two crops of one film differ by a small shift and stretch, and so do two films of one chest. Detail
tells them apart: ribs and vessels of one film fall into place, those of another do not. Pictures
are therefore reduced to their middle frequencies and aligned by an affine map (Gauss-Newton on the
squared difference); what counts is the correlation then.

References:
    Baker and Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", IJCV 56(3), 2004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["aligned_correlation", "correlation", "detail"]

Pictures = NDArray[np.float32]
"""Shape (n, side, side)."""

_FINE, _COARSE = 1.0, 4.0
"""Standard deviations, in pixels of 64, between which detail is kept."""

_STEPS = 6
_FARTHEST = 1.5
"""Pixels of 32 that one step may move a corner."""

_OVERLAP = 0.7
"""Share of the picture that must still be covered by the other."""


def detail(pictures: Pictures) -> Pictures:
    """Keep the middle frequencies of pictures, shape (n, 64, 64)."""
    side = pictures.shape[-1]
    fine, coarse = _blur(side, _FINE), _blur(side, _COARSE)
    kept = fine @ pictures @ fine.T - coarse @ pictures @ coarse.T
    return np.asarray(kept, np.float32)


def correlation(moving: Pictures, fixed: Pictures) -> NDArray[np.float32]:
    """Return Pearson's correlation of each pair as it lies, shape (n,), in [-1, 1]."""
    a = moving.reshape(len(moving), -1)
    b = fixed.reshape(len(fixed), -1)
    return _correlated(a, b, np.ones_like(a))


def aligned_correlation(moving: Pictures, fixed: Pictures) -> NDArray[np.float32]:
    """Return the correlation of each pair after an affine alignment, shape (n,), in [-1, 1].

    The map is found at half the size and judged at the whole one. The best correlation met on the
    way counts, so the result is never below that of the pair as it lies.

    Args:
        moving: Detail of pictures, shape (n, side, side).
        fixed: Detail of the others, same shape.
    """
    best = correlation(moving, fixed)
    small, target = _halved(moving), _halved(fixed)
    slopes: tuple[Pictures, ...] = tuple(np.gradient(small, axis=(1, 2)))
    maps = np.zeros((len(small), 2, 3), np.float32)
    for _ in range(_STEPS):
        maps = maps + _step(small, slopes, target, maps)
        warped, inside = _warped(moving, maps * 2)
        enough = inside.mean(axis=1) > _OVERLAP
        now = _correlated(warped, fixed.reshape(warped.shape), inside)
        best = np.where(enough, np.maximum(best, now), best)
    return best


def _blur(side: int, deviation: float) -> NDArray[np.float32]:
    """Return the matrix that blurs a column by a Gaussian; weights add to 1 at the edges too."""
    place = np.arange(side)
    weights = np.exp(-0.5 * ((place[:, None] - place[None]) / deviation) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _halved(pictures: Pictures) -> Pictures:
    n, side, _ = pictures.shape
    found: Pictures = pictures.reshape(n, side // 2, 2, side // 2, 2).mean((2, 4))
    return found


def _grid(side: int) -> NDArray[np.float32]:
    """Return 1, x and y of every pixel, x and y in [-0.5, 0.5]; shape (3, side * side)."""
    axis = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / side
    return np.stack([np.ones(side * side, np.float32), np.tile(axis, side), np.repeat(axis, side)])


def _warped(pictures: Pictures, maps: Pictures) -> tuple[Pictures, Pictures]:
    """Sample pictures where the maps send each pixel; also say which samples lie inside.

    Args:
        pictures: Shape (n, side, side).
        maps: Shape (n, 2, 3): shift in x and y, each a constant plus a slope along x and y.

    Returns:
        Values and 0 or 1, both of shape (n, side * side).
    """
    n, side, _ = pictures.shape
    grid = _grid(side)
    moved = maps @ grid
    x = moved[:, 0] + grid[1] * side + (side - 1) / 2
    y = moved[:, 1] + grid[2] * side + (side - 1) / 2
    inside = (x >= 0) & (x <= side - 1) & (y >= 0) & (y <= side - 1)
    x, y = np.clip(x, 0, side - 1.001), np.clip(y, 0, side - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, down = (x - column).astype(np.float32), (y - row).astype(np.float32)
    flat = pictures.reshape(-1)
    place = row * side + column + (np.arange(n) * side * side)[:, None]
    upper = flat[place] * (1 - right) + flat[place + 1] * right
    lower = flat[place + side] * (1 - right) + flat[place + side + 1] * right
    return upper * (1 - down) + lower * down, inside.astype(np.float32)


def _step(
    moving: Pictures, slopes: tuple[Pictures, ...], fixed: Pictures, maps: Pictures
) -> Pictures:
    """Return the change of the maps that reduces the squared difference most."""
    n, side, _ = moving.shape
    grid = _grid(side)
    warped, inside = _warped(moving, maps)
    down, across = (_warped(slope, maps)[0] * inside for slope in slopes)
    a = _centred(warped, inside)
    b = _centred(fixed.reshape(n, -1), inside)
    scale = np.sqrt((a * a).sum(1, keepdims=True) / ((b * b).sum(1, keepdims=True) + 1e-12))
    wrong = b * scale - a
    columns = np.concatenate([across[:, None] * grid, down[:, None] * grid], axis=1)
    normal = columns @ columns.swapaxes(1, 2)
    damping = 1e-3 * np.trace(normal, axis1=1, axis2=2) / 6 + 1e-9
    normal += np.eye(6, dtype=np.float32) * damping[:, None, None]
    change = np.linalg.solve(normal, columns @ wrong[:, :, None])
    return np.clip(change, -_FARTHEST, _FARTHEST).reshape(n, 2, 3).astype(np.float32)


def _centred(values: Pictures, inside: Pictures) -> Pictures:
    """Subtract the mean of the pixels inside; the others become 0."""
    mean = (values * inside).sum(1, keepdims=True) / (inside.sum(1, keepdims=True) + 1e-12)
    found: Pictures = (values - mean) * inside
    return found


def _correlated(a: Pictures, b: Pictures, inside: Pictures) -> NDArray[np.float32]:
    a, b = _centred(a, inside), _centred(b, inside)
    length = np.sqrt((a * a).sum(1) * (b * b).sum(1)) + 1e-12
    return np.asarray((a * b).sum(1) / length, np.float32)
