"""Whether a mean and a spread over the folds of a cross-validation can be.

With few images a fold, accuracies move in steps: folds either agree closely or differ by an image,
and nothing lies between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb, sqrt

import numpy as np

from hilum.evaluation.published.number import Printed

__all__ = ["FoldSpread", "check_spread"]

_TRIED = 500_000
_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class FoldSpread:
    """What a mean and its spread come to."""

    possible: bool | None
    """None where the steps are fine enough, or the ways too many, to look at each."""

    sizes: tuple[int, int]
    """Images of the smallest and largest fold if they are as equal as can be."""

    step: float
    """What one image changes in the accuracy of a fold."""


def check_spread(printed: Printed, *, images: int, folds: int, slack: int) -> FoldSpread:
    """Look for accuracies of folds with a printed mean and spread.

    The spread may be a standard deviation, over n or over n - 1, or the standard error.

    Args:
        printed: The mean, with its spread.
        images: How many are divided over the folds.
        folds: At least 2.
        slack: By how many images a fold may be larger or smaller than an equal share.

    Raises:
        ValueError: If there is no spread or are fewer than 2 folds.
    """
    if printed.spread is None or folds < 2:
        raise ValueError(f"Expected a spread and at least 2 folds, got {printed} and {folds}")
    sizes = images // folds, -(-images // folds)
    step = 1 / sizes[1]
    accuracies = _near(printed, sizes, slack, folds)
    ways = comb(len(accuracies) + folds - 1, folds)
    if ways > _TRIED:
        return FoldSpread(None, sizes, step)
    there = any(
        sum(size for _, size in few) == images and _fits(printed, [a for a, _ in few])
        for few in combinations_with_replacement(accuracies, folds)
    )
    return FoldSpread(there, sizes, step)


def _near(
    printed: Printed, sizes: tuple[int, int], slack: int, folds: int
) -> list[tuple[float, int]]:
    """Return the accuracies a fold can have, and its size, that are not too far from the mean."""
    spread = printed.spread.high if printed.spread is not None else 0.0
    reach = spread * folds  # none is farther, even if it is a standard error over n - 1
    low, high = printed.low - reach, printed.high + reach
    return [
        (right / size, size)
        for size in range(max(1, sizes[0] - slack), sizes[1] + slack + 1)
        for right in _between(low * size, high * size, size)
    ]


def _between(low: float, high: float, size: int) -> Iterator[int]:
    return iter(range(max(0, int(np.ceil(low))), min(size, int(np.floor(high))) + 1))


def _fits(printed: Printed, accuracies: list[float]) -> bool:
    if printed.spread is None or not printed.fits(float(np.mean(accuracies))):
        return False
    over_n = float(np.std(accuracies))
    over_fewer = float(np.std(accuracies, ddof=1))
    spreads = (over_n, over_fewer, over_fewer / sqrt(len(accuracies)))
    return any(printed.spread.fits(value + _TOLERANCE) for value in spreads)
