"""Which counts of three or more classes give a row.

Every figure follows from two numbers a class: images found, and other images called it. Whether
errors can be spread over a matrix with those margins is a transport problem with a forbidden
diagonal: with r missed and q wrongly called images of each class, and e errors in all, they can if
and only if r + q <= e for every class (Hall's condition; a single class is the only bottleneck).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.published.metric import Counts, Metric
from hilum.evaluation.published.table import Item, Nearest, Solution
from hilum.evaluation.published.two_classes import TwoClasses

__all__ = ["ManyClasses", "spread_errors"]

Index = NDArray[np.int64]
_TOLERANCE = 1e-12
_GLANCE = 30_000
"""Combinations tried first, at each of the two stages."""
_TRIED = 1_000_000
"""Combinations tried at most."""
_ROWS = 2000
"""Sets of found images looked at where not all can be."""


@dataclass(frozen=True)
class _Margins:
    """Images found and wrongly called, shape (m, k) each, and whether they are all there are."""

    found: Index
    wrong: Index
    complete: bool


@dataclass(frozen=True)
class _Hits:
    """Images found, shape (m, k), and the least and most that may wrongly be called each class."""

    found: Index
    low: Index
    high: Index
    complete: bool


class ManyClasses:
    """All confusion matrices of three or more classes with given row sums.

    Args:
        counts: The classes and their images.
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self._images = np.array(counts.images, dtype=np.int64)
        pairs = zip(counts.classes, counts.images, strict=True)
        self._each = [
            TwoClasses(Counts((name, "rest"), (n, counts.total - n))) for name, n in pairs
        ]
        self._searched: dict[tuple[object, ...], _Margins] = {}

    def possible(self, items: Sequence[Item]) -> bool | None:
        """Tell whether any matrix meets all demands; None where too many would have to be tried."""
        margins = self._search(items, _GLANCE)
        if not len(margins.found) and not margins.complete:
            margins = self._search(items, _TRIED)
        return True if len(margins.found) else False if margins.complete else None

    def solve(self, items: Sequence[Item]) -> Solution:
        """Look for margins that meet all demands."""
        margins = self._search(items, _TRIED)
        count = len(margins.found)
        if not count:
            possible = False if margins.complete else None
            return Solution(possible=possible, count=0, complete=margins.complete)
        found, wrong = margins.found[count // 2], margins.wrong[count // 2]
        example = spread_errors(self._images - found, wrong) + np.diag(found)
        return Solution(possible=True, count=count, complete=margins.complete, example=example)

    def holds(self, items: Sequence[Item], confusion: Index) -> bool:
        """Tell whether a confusion matrix meets all demands."""
        found = np.diagonal(confusion)
        return bool(self._meets(items, found, confusion.sum(axis=0) - found))

    def span(self, items: Sequence[Item], metric: Metric) -> tuple[float, float] | None:
        """Return the least and greatest value of a figure; None where not all could be tried."""
        margins = self._search(items, _TRIED)
        if not margins.complete or not len(margins.found):
            return None
        values = self._values(metric, margins.found, margins.wrong)
        return float(values.min()), float(values.max())

    def nearest(
        self, items: Sequence[Item], metric: Metric, value: float
    ) -> tuple[Nearest | None, Nearest | None]:
        """Return the closest possible values below and above; None where unknown."""
        if not items and metric.of is not None:
            return self._each[metric.of].nearest((), Metric(metric.kind, of=0), value)
        if not items and metric.kind == "accuracy":
            return self._nearest_share(value)
        margins = self._search(items, _TRIED)
        if not margins.complete or not len(margins.found):
            return None, None
        values = self._values(metric, margins.found, margins.wrong)
        below, above = np.flatnonzero(values <= value), np.flatnonzero(values > value)
        return (
            self._at(margins, metric, below[values[below].argmax()]) if below.size else None,
            self._at(margins, metric, above[values[above].argmin()]) if above.size else None,
        )

    def _nearest_share(self, value: float) -> tuple[Nearest | None, Nearest | None]:
        total = self.counts.total
        right = int(np.floor(value * total))
        both = [Nearest(value=k / total, fraction=f"{k}/{total}") for k in (right, right + 1)]
        below, above = both
        return below, above if right < total else None

    def _at(self, margins: _Margins, metric: Metric, at: np.int64) -> Nearest:
        found, wrong = margins.found[at], margins.wrong[at]
        fraction = metric.fraction(found.tolist(), wrong.tolist(), self.counts.images)
        return Nearest(value=float(self._values(metric, found, wrong)), fraction=fraction)

    def _values(self, metric: Metric, found: Index, wrong: Index) -> NDArray[np.float64]:
        images = self._images.astype(np.float64)
        return metric.values(found.astype(np.float64), wrong.astype(np.float64), images)

    def _meets(self, items: Sequence[Item], found: Index, wrong: Index) -> NDArray[np.bool_]:
        meets = np.ones(found.shape[:-1], dtype=np.bool_)
        for item in items:
            values = self._values(item.metric, found, wrong)
            meets &= (values >= item.low - _TOLERANCE) & (values <= item.high + _TOLERANCE)
        return meets

    def _search(self, items: Sequence[Item], budget: int) -> _Margins:
        key = (budget, *((item.metric, item.low, item.high) for item in items))
        if key not in self._searched:
            self._searched[key] = self._calls(self._hits(items, budget), items, budget)
        return self._searched[key]

    def _hits(self, items: Sequence[Item], budget: int) -> _Hits:
        """Return which numbers of found images can be, by everything that bounds them."""
        choices = [self._choices(c, items) for c in range(len(self._each))]
        sizes = [len(hits) for hits, _, _ in choices]
        complete = float(np.prod([float(size) for size in sizes])) <= budget
        if not complete:
            most = int(budget ** (1 / len(sizes)))
            choices = [
                (_spaced(there, most), _spaced(low, most), _spaced(high, most))
                for there, low, high in choices
            ]
        index = np.indices([len(parts[0]) for parts in choices]).reshape(len(choices), -1)
        found, low, high = (
            np.stack([parts[p][at] for parts, at in zip(choices, index, strict=True)], axis=-1)
            for p in range(3)
        )
        errors = self.counts.total - found.sum(axis=-1)
        high = np.minimum(high, errors[:, None] - (self._images - found))
        there = (low <= high).all(axis=-1) & (low.sum(axis=-1) <= errors)
        there &= errors <= high.sum(axis=-1)
        settled = [item for item in items if _needs_hits_only(item.metric)]
        there &= self._meets(settled, found, np.zeros_like(found))
        return _Hits(found[there], low[there], high[there], complete)

    def _choices(self, number: int, items: Sequence[Item]) -> tuple[Index, Index, Index]:
        """Return what one class's own numbers leave: found images, least and most wrong calls."""
        own = [i.of(Metric(i.metric.kind, of=0)) for i in items if i.metric.of == number]
        low, high = self._each[number].bounds(own)
        there = np.flatnonzero(low <= high)
        rest = self.counts.total - self.counts.images[number]
        return there, rest - high[there], rest - low[there]

    def _calls(self, hits: _Hits, items: Sequence[Item], budget: int) -> _Margins:
        """Return every way, or where there are too many some ways, to call the errors."""
        last = int((hits.high - hits.low).max(axis=0).argmax()) if len(hits.found) else 0
        free = [c for c in range(len(self._each)) if c != last]
        widths = hits.high - hits.low + 1
        complete = float(widths[:, free].astype(np.float64).prod(axis=-1).sum()) <= budget
        rows = np.arange(len(hits.found))
        steps = np.ones_like(widths)
        if not complete:
            rows = _spaced(rows, _ROWS)
            most = max(1, int((budget / len(rows)) ** (1 / len(free))))
            steps = -(-widths // most)
        points = -(-widths[rows] // steps[rows])
        ways = points[:, free].prod(axis=-1)
        row = np.repeat(rows, ways)
        number = np.arange(len(row)) - np.repeat(np.cumsum(ways) - ways, ways)
        wrong = hits.low[row]
        for c in free:
            radix = np.repeat(points[:, c], ways)
            wrong[:, c] += steps[row, c] * (number % radix)
            number //= radix
        found = hits.found[row]
        wrong[:, last] = self.counts.total - found.sum(axis=-1) - wrong[:, free].sum(axis=-1)
        there = ((wrong >= hits.low[row]) & (wrong <= hits.high[row])).all(axis=-1)
        found, wrong = found[there], wrong[there]
        meets = self._meets([item for item in items if item.metric.of is None], found, wrong)
        return _Margins(found[meets], wrong[meets], complete and hits.complete)


def _needs_hits_only(metric: Metric) -> bool:
    return metric.of is None and metric.kind in {"accuracy", "balanced_accuracy", "recall"}


def _spaced(values: Index, most: int) -> Index:
    """Return at most so many of them, evenly spaced, ends included."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, max(most, 1)).round().astype(np.int64)]


def spread_errors(missed: Index, wrong: Index) -> Index:
    """Return a matrix with a zero diagonal and these sums of rows and columns.

    Args:
        missed: Images of each class that were called another, shape (k,).
        wrong: Images of other classes that were called it, shape (k,); the same sum.

    Returns:
        Shape (k, k), true classes in rows.

    Raises:
        ValueError: If there is no such matrix.
    """
    rows, columns = missed.astype(np.int64), wrong.astype(np.int64)
    cells = np.zeros((rows.size, rows.size), dtype=np.int64)
    if rows.sum() != columns.sum() or (rows + columns > rows.sum()).any() or (columns < 0).any():
        raise ValueError(f"No errors add up to rows {rows.tolist()} and columns {columns.tolist()}")
    while left := int(rows.sum()):
        for i, j in zip(*np.nonzero(np.outer(rows, columns)), strict=True):
            others = [c for c in range(rows.size) if c not in {i, j}]
            room = [left - int(rows[c] + columns[c]) for c in others]
            moved = min(int(rows[i]), int(columns[j]), *room) if i != j else 0
            if moved > 0:
                cells[i, j] += moved
                rows[i] -= moved
                columns[j] -= moved
                break
    return cells
