"""Printed rows, how many images each class had, and the constraints that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.published.metric import Counts, Metric, parse_metric
from hilum.evaluation.published.number import Printed

__all__ = ["Item", "Nearest", "PublishedRow", "PublishedTable", "Solution", "Space"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One row of a printed table."""

    name: str

    printed: Mapping[str, Printed]
    """Numbers by the name of their column."""

    confusion: tuple[tuple[int, ...], ...] | None = None
    """A printed confusion matrix: true classes in rows, in the order of the table's classes."""

    recomputed: Mapping[str, float] = field(default_factory=dict)
    """What a number must be given the others, in the printed unit."""

    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """One printed table, all of whose rows were tested on the same images."""

    name: str
    counts: Counts
    rows: tuple[PublishedRow, ...]
    caption: str = ""
    percent: bool = False
    """Whether its numbers are printed in hundredths."""

    folds: int | None = None
    """Parts of a cross-validation over which its numbers are means."""

    def items(self, row: PublishedRow) -> tuple[Item, ...]:
        """Return what a row demands of the counts."""
        found = []
        for label, printed in row.printed.items():
            metric = parse_metric(label, self.counts)
            if metric is None or (self.folds and not _has_fixed_divisor(metric)):
                continue
            low, high = printed.low, printed.high
            if self.folds:
                low, high = self._widened(metric, low, high)
            found.append(
                Item(
                    metric=metric,
                    printed=printed,
                    label=label,
                    table=self.name,
                    low=low,
                    high=high,
                )
            )
        return tuple(found)

    def _widened(self, metric: Metric, low: float, high: float) -> tuple[float, float]:
        """Return what a mean over folds leaves open to the share of all images.

        Folds differ in size by a few images, so that a mean over them is not the share of all.
        """
        size = self.counts.total if metric.of is None else self.counts.images[metric.of]
        folds, slack = self.folds or 1, len(self.counts.classes)
        small = max(1, size // folds - slack) * folds
        large = (-(-size // folds) + slack) * folds
        return 1 - (1 - low) * large / size, 1 - (1 - high) * small / size


def _has_fixed_divisor(metric: Metric) -> bool:
    return metric.kind == "accuracy" or (metric.kind == "recall" and metric.of is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One printed number as a demand: this figure lies between these ends."""

    metric: Metric
    printed: Printed
    label: str
    table: str
    low: float
    high: float

    def cut_off(self) -> Item:
        """Return the demand if digits were cut off instead of rounded."""
        value, step = self.printed.value, self.printed.step
        return self.reread(low=value, high=value + step * (1 - 1e-6))

    def of(self, metric: Metric) -> Item:
        """Return the demand if the number is of another figure."""
        return self.reread(metric=metric)

    def reread(
        self, *, metric: Metric | None = None, low: float | None = None, high: float | None = None
    ) -> Item:
        """Return the same number read in another way."""
        return Item(
            metric=metric or self.metric,
            printed=self.printed,
            label=self.label,
            table=self.table,
            low=self.low if low is None else low,
            high=self.high if high is None else high,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What counts are left by a set of demands."""

    possible: bool | None
    """None where there were too many to try all, and none of those tried fits."""

    count: int
    """With two classes confusion matrices, with more sets of found and wrongly called images."""

    complete: bool
    """Whether `count` is all of them."""

    example: NDArray[np.int64] | None = None
    """A confusion matrix, true classes in rows, shape (k, k)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """A value that can be, beside one that cannot."""

    value: float
    fraction: str | None


class Space(Protocol):
    """All confusion matrices with given rows' sums."""

    counts: Counts

    def possible(self, items: Sequence[Item]) -> bool | None:
        """Tell whether any matrix meets all demands; None where too many would have to be tried."""

    def solve(self, items: Sequence[Item]) -> Solution:
        """Count the matrices that meet all demands."""

    def span(self, items: Sequence[Item], metric: Metric) -> tuple[float, float] | None:
        """Return the least and greatest value of a figure under the demands; None if unknown."""

    def nearest(
        self, items: Sequence[Item], metric: Metric, value: float
    ) -> tuple[Nearest | None, Nearest | None]:
        """Return the closest possible values below and above."""

    def holds(self, items: Sequence[Item], confusion: NDArray[np.int64]) -> bool:
        """Tell whether a confusion matrix meets all demands."""
