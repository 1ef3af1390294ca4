"""What can be measured on an evidence map: how much lies in a region, where its peak is, its order.

A map is coarse (7 x 7 of a 224 pixel square) and a mask is fine, so the mask is brought to the
map's cells, each with the share of its area that the mask covers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from hilum.evaluation.intervals import percentile_interval, resample_patients
from hilum.evaluation.record import Estimate

__all__ = ["cover", "grown", "mean_over_patients", "rank_correlation", "share_inside"]

Array = NDArray[np.float64]

_FEWEST = 5


def cover(mask: NDArray[np.bool_], shape: tuple[int, int]) -> Array:
    """Return the share of each cell that a mask covers.

    Args:
        mask: Over the square the network sees, shape (size, size).
        shape: (h, w) of the map.

    Returns:
        Shape (h, w), in [0, 1].
    """
    picture = Image.fromarray(mask.astype(np.float32))
    cells = picture.resize((shape[1], shape[0]), Image.Resampling.BOX)
    return np.clip(np.asarray(cells, np.float64), 0.0, 1.0)


def share_inside(evidence: NDArray[np.floating], cells: Array) -> float:
    """Return how much of a map lies inside a region.

    Args:
        evidence: At least 0 and not all 0, shape (h, w).
        cells: Share of each cell that the region covers, shape (h, w).
    """
    values = evidence.astype(np.float64)
    return float((values * cells).sum() / values.sum())


def grown(cells: Array) -> NDArray[np.bool_]:
    """Return the cells that touch a region, and the eight round each of them.

    Args:
        cells: Share of each cell that the region covers, shape (h, w).
    """
    height, width = cells.shape
    wide = np.pad(cells > 0, 1)
    shifted = [wide[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.asarray(np.logical_or.reduce(shifted))


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Return Spearman's rank correlation; NaN if either is the same everywhere.

    Args:
        first: Any shape, flattened.
        second: The same shape.

    >>> rank_correlation([1, 2, 3, 4], [1, 4, 9, 16])
    1.0
    """
    a, b = _ranks(np.ravel(first)), _ranks(np.ravel(second))
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length > 0 else float("nan")


def _ranks(values: NDArray[np.floating]) -> Array:
    """Return ranks from 1, equal values sharing their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def mean_over_patients(
    values: Array,
    patients: Sequence[str] | NDArray[np.str_],
    *,
    resamples: int,
    seed: int,
    over: Array | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the mean of one value a film, with limits that resample patients.

    Args:
        values: One a film, shape (n,).
        patients: Whom each film shows, shape (n,).
        over: One a film, above 0, shape (n,): the mean is then a share of the mean of these.
        resamples: How often patients are drawn.
        seed: Of the draws.
        level: Confidence of the interval, in (0, 1).
    """
    x = np.asarray(values, np.float64)
    names, who = np.unique(np.asarray(patients, str), return_inverse=True)
    base = np.ones_like(x) if over is None else np.asarray(over, np.float64)
    value = float(x.sum() / base.sum()) if x.size else None
    low: float | None = None
    high: float | None = None
    reason = None
    if x.size == 0:
        reason = "there is no such film"
    elif names.size < _FEWEST:
        reason = f"no limits: resampling fewer than {_FEWEST} patients understates their spread"
    else:
        sums = np.bincount(who, weights=x)
        bases = np.bincount(who, weights=base)
        rng = np.random.default_rng(seed)
        drawn = [
            (counts @ sums) / (counts @ bases)
            for counts in resample_patients(names.size, resamples, rng)
        ]
        low, high, _ = percentile_interval(np.concatenate(drawn), level)
    return Estimate(
        estimate=value,
        low=low,
        high=high,
        n=int(x.size),
        patients=int(names.size),
        method="percentiles of resampled patients" if low is not None else "none",
        reason=reason,
    )
