"""Every confusion matrix of two classes that gives a row, without trying them one by one.

For each number of images found of the first class, a printed number leaves an interval of images
found of the second, because every figure rises with it. Intervals meet or they do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.published.metric import Counts, Metric
from hilum.evaluation.published.table import Item, Nearest, Solution

__all__ = ["TwoClasses"]

Index = NDArray[np.int64]
Values = NDArray[np.float64]
_TOLERANCE = 1e-12


class TwoClasses:
    """All confusion matrices of two classes with given row sums.

    Args:
        counts: Two classes and their images; 20,000 each take a fraction of a second.
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self._images = np.array(counts.images, dtype=np.float64)
        self._first = np.arange(counts.images[0] + 1)
        self._known: dict[tuple[Metric, float, float], tuple[Index, Index]] = {}

    def values(self, metric: Metric, first: Index, second: Index) -> Values:
        """Return a figure for images found of the first and of the second class."""
        found = np.stack([first, second], axis=-1).astype(np.float64)
        wrong = self._images[::-1] - found[..., ::-1]
        return metric.values(found, wrong, self._images)

    def bounds(self, items: Sequence[Item]) -> tuple[Index, Index]:
        """Return, for each number found of the first class, least and most of the second.

        Where the least is above the most, there is none.
        """
        low = np.zeros_like(self._first)
        high = np.full_like(self._first, self.counts.images[1])
        for item in items:
            key = (item.metric, item.low, item.high)
            if key not in self._known:
                least = self._reaching(item.metric, item.low - _TOLERANCE, above=False)
                most = self._reaching(item.metric, item.high + _TOLERANCE, above=True) - 1
                self._known[key] = least, most
            least, most = self._known[key]
            low, high = np.maximum(low, least), np.minimum(high, most)
        return low, high

    def _reaching(self, metric: Metric, level: float, *, above: bool) -> Index:
        """Return the fewest found of the second class with a value of `level`, or above it."""
        last = self.counts.images[1]
        low, high = np.zeros_like(self._first), np.full_like(self._first, last + 1)
        while np.any(low < high):
            middle = (low + high) // 2
            values = self.values(metric, self._first, np.minimum(middle, last))
            reached = values > level if above else values >= level
            moving = low < high
            high = np.where(moving & reached, middle, high)
            low = np.where(moving & ~reached, middle + 1, low)
        return low

    def possible(self, items: Sequence[Item]) -> bool | None:
        """Tell whether any matrix meets all demands."""
        low, high = self.bounds(items)
        return bool((low <= high).any())

    def solve(self, items: Sequence[Item]) -> Solution:
        """Count the matrices that meet all demands."""
        low, high = self.bounds(items)
        widths = np.maximum(high - low + 1, 0)
        count = int(widths.sum())
        if not count:
            return Solution(possible=False, count=0, complete=True)
        at = int(np.searchsorted(np.cumsum(widths), (count + 1) // 2))
        first, second = int(self._first[at]), int(low[at] + high[at]) // 2
        example = self._matrix(first, second)
        return Solution(possible=True, count=count, complete=True, example=example)

    def _matrix(self, first: int, second: int) -> Index:
        n = self.counts.images
        return np.array([[first, n[0] - first], [n[1] - second, second]], dtype=np.int64)

    def holds(self, items: Sequence[Item], confusion: Index) -> bool:
        """Tell whether a confusion matrix meets all demands."""
        low, high = self.bounds(items)
        at = int(confusion[0, 0])
        return bool(low[at] <= confusion[1, 1] <= high[at])

    def span(self, items: Sequence[Item], metric: Metric) -> tuple[float, float] | None:
        """Return the least and greatest value of a figure; None where no matrix is left."""
        low, high = self.bounds(items)
        there = low <= high
        if not there.any():
            return None
        first = self._first[there]
        least = self.values(metric, first, low[there]).min()
        return float(least), float(self.values(metric, first, high[there]).max())

    def nearest(
        self, items: Sequence[Item], metric: Metric, value: float
    ) -> tuple[Nearest | None, Nearest | None]:
        """Return the closest possible values below and above."""
        low, high = self.bounds(items)
        first_above = self._reaching(metric, value, above=True)
        above, below = np.maximum(first_above, low), np.minimum(first_above - 1, high)
        return (
            self._best(metric, below, (low <= below), largest=True),
            self._best(metric, above, (above <= high), largest=False),
        )

    def _best(
        self, metric: Metric, second: Index, there: NDArray[np.bool_], *, largest: bool
    ) -> Nearest | None:
        if not there.any():
            return None
        first, second = self._first[there], second[there]
        values = self.values(metric, first, second)
        best = values.max() if largest else values.min()
        at = int(np.flatnonzero(values == best)[-1])
        a, b = int(first[at]), int(second[at])
        n = self.counts.images
        fraction = metric.fraction((a, b), (n[1] - b, n[0] - a), n)
        return Nearest(value=float(values[at]), fraction=fraction)
