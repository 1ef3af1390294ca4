"""Connected parts of a small mask, without a library for it: runs of pixels, joined row by row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["filled", "hull_area", "label_parts"]


def label_parts(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the connected parts of a mask; pixels that share a side are connected.

    Args:
        mask: Shape (height, width).

    Returns:
        0 outside, and 1, 2, ... from the largest part to the smallest, shape (height, width).
        Parts of one size are numbered from the top.

    >>> label_parts(np.array([[1, 0, 1], [0, 0, 1]], bool)).tolist()
    [[2, 0, 1], [0, 0, 1]]
    """
    rows, starts, ends = _runs(mask)
    parents = _join(rows, starts, ends)
    names, part = np.unique(parents, return_inverse=True)
    sizes = np.bincount(part, weights=ends - starts, minlength=len(names))
    rank = np.empty(len(names), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(1, len(names) + 1)
    labels = np.zeros(mask.shape, np.int64)
    labels[mask] = np.repeat(rank[part], ends - starts)
    return labels


def filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask without holes: what cannot be reached from the picture's edge is inside.

    Args:
        mask: Shape (height, width).
    """
    outside = label_parts(np.pad(~mask, 1, constant_values=True))
    return np.asarray(outside != outside[0, 0])[1:-1, 1:-1]


def hull_area(mask: NDArray[np.bool_]) -> float:
    """Return the area of the smallest convex figure round a mask, in pixels; 0 if it is empty.

    Pixels are squares: of a rectangle it is the number of its pixels.

    Args:
        mask: Shape (height, width).

    References:
        Andrew, "Another efficient algorithm for convex hulls in two dimensions", Information
        Processing Letters 9, 1979.
    """
    rows = np.nonzero(mask.any(axis=1))[0]
    if not rows.size:
        return 0.0
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1)
    left, right = _bent(_corners(rows, first), 1), _bent(_corners(rows, last), -1)
    y, x = np.array([*left, *right[::-1]], np.float64).T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def _corners(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Return the upper and the lower corner of each pixel on one side, from top to bottom."""
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row + end, column) for row, column in pairs for end in (0, 1)]


def _bent(points: list[tuple[int, int]], side: int) -> list[tuple[int, int]]:
    """Return the points of a chain from top to bottom that bends to one side only."""
    kept: list[tuple[int, int]] = []
    for row, column in points:
        while len(kept) > 1:
            (y0, x0), (y1, x1) = kept[-2:]
            if side * ((y1 - y0) * (column - x0) - (row - y0) * (x1 - x0)) > 0:
                break
            kept.pop()
        kept.append((row, column))
    return kept


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return row, first column and column after the last of each run of pixels, in order."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    return rows, starts, ends


def _join(
    rows: NDArray[np.intp], starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return for each run the number of the first run of its part."""
    parents = list(range(len(rows)))

    def first(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    row, start, end = rows.tolist(), starts.tolist(), ends.tolist()
    above = 0
    for run in range(len(row)):
        while above < run and (
            row[above] < row[run] - 1 or (row[above] == row[run] - 1 and end[above] <= start[run])
        ):
            above += 1
        other = above
        while other < run and row[other] == row[run] - 1 and start[other] < end[run]:
            one, two = first(run), first(other)
            parents[max(one, two)] = min(one, two)
            other += 1
    return np.array([first(run) for run in range(len(row))], np.int64)
