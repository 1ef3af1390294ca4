"""Fewer points of a long curve, such that nobody sees which are missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["thinned"]

Array = NDArray[np.float64]


def thinned(x: ArrayLike, y: ArrayLike, *, columns: int = 300) -> tuple[Array, Array]:
    """Keep of each narrow column along x the first, the last, the lowest and the highest point.

    Args:
        x: Rising, shape (n,), finite.
        y: Shape (n,), finite.
        columns: Number of columns, at least 1.

    Returns:
        Both with the same at most 4 `columns` points kept, in order; both ends among them. A curve
        that is short enough is returned whole.

    Raises:
        ValueError: If the shapes differ or `columns` is below 1.

    References:
        Jugel et al., "M4: a visualization-oriented time series data aggregation", VLDB 2014.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"x and y must have one shape (n,), got {a.shape} and {b.shape}")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    if a.size <= 4 * columns:
        return a, b
    span = a[-1] - a[0]
    if span <= 0:
        kept = np.unique([0, int(b.argmin()), int(b.argmax()), a.size - 1])
        return a[kept], b[kept]
    column = np.minimum((columns * (a - a[0]) / span).astype(np.int64), columns - 1)
    first = np.flatnonzero(np.r_[True, np.diff(column) != 0])
    last = np.r_[first[1:] - 1, a.size - 1]
    extremes = [
        begin + pick
        for begin, end in zip(first, last + 1, strict=True)
        for pick in (int(b[begin:end].argmin()), int(b[begin:end].argmax()))
    ]
    kept = np.unique(np.concatenate([first, last, np.array(extremes)]))
    return a[kept], b[kept]
