"""How well one column tells the label, without any picture: three plain measures of a table.

Kept apart from the rules because sources, file types, sizes, views and ages are all judged by the
same measures, and because these can be checked by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Association", "auroc_of_groups", "beyond_chance", "cramers_v", "majority_accuracy"]

Array = NDArray[np.float64]

_Z999 = 3.0902


def _table(counts: ArrayLike) -> Array:
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.size == 0 or table.sum() <= 0:
        raise ValueError(f"counts must have shape (groups, classes) and a sum, got {table.shape}")
    return table


def cramers_v(counts: ArrayLike) -> float:
    """Return Cramér's V of groups and classes, corrected for chance.

    Args:
        counts: Images by group (rows) and class (columns), shape (g, k).

    Returns:
        0 where the group says nothing of the class, 1 where it says all.

    References:
        Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", J. Korean Stat. Soc. 42,
        2013.

    >>> cramers_v([[10, 0], [0, 10]])
    1.0
    """
    table = _table(counts)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    (g, k), n = table.shape, table.sum()
    if min(g, k) < 2 or n < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / n
    phi2 = ((table - expected) ** 2 / expected).sum() / n
    corrected = max(0.0, phi2 - (g - 1) * (k - 1) / (n - 1))
    rows, columns = g - (g - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    smaller = min(rows, columns) - 1
    return float(min(1.0, (corrected / smaller) ** 0.5)) if smaller > 0 else 0.0


def majority_accuracy(counts: ArrayLike) -> float:
    """Return the share of images that have the commonest class of their group.

    Args:
        counts: Images by group and class, shape (g, k).
    """
    table = _table(counts)
    return float(table.max(axis=1).sum() / table.sum())


def auroc_of_groups(counts: ArrayLike, c: int) -> float:
    """Return how often the group alone ranks an image of class `c` above another image.

    Groups are ranked by their share of the class, ties count half; the share of classes does not
    matter, unlike for accuracy.

    Args:
        counts: Images by group and class, shape (g, k).
        c: The class.

    Returns:
        In [0.5, 1]; NaN if all images are of the class, or none.

    >>> auroc_of_groups([[10, 0], [0, 10]], 1)
    1.0
    """
    table = _table(counts)
    table = table[table.sum(axis=1) > 0]
    of_class = table[:, c]
    others = table.sum(axis=1) - of_class
    if not of_class.sum() or not others.sum():
        return float("nan")
    _, level = np.unique(of_class / (of_class + others), return_inverse=True)
    hits, misses = np.bincount(level, of_class), np.bincount(level, others)
    below = np.cumsum(misses) - misses
    return float((hits * (below + misses / 2)).sum() / (hits.sum() * misses.sum()))


def beyond_chance(counts: ArrayLike) -> bool:
    """Say whether groups and classes go together more than chance makes them, at p < 0.001.

    Pearson's chi-squared, its tail by the Wilson-Hilferty cube root.

    Args:
        counts: Patients, who are independent of each other, by group and class, shape (g, k).

    References:
        Wilson and Hilferty, "The distribution of chi-square", PNAS 17, 1931.
    """
    table = _table(counts)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    g, k = table.shape
    if min(g, k) < 2:
        return False
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    free = (g - 1) * (k - 1)
    spread = 2 / (9 * free)
    return bool(((statistic / free) ** (1 / 3) - (1 - spread)) / spread**0.5 > _Z999)


@dataclass(frozen=True, slots=True)
class Association:
    """Images by group and class, with names.

    Args:
        groups: Names of the groups, g of them.
        classes: Names of the classes, k of them.
        counts: Images, shape (g, k).
        patients: Patients, shape (g, k).
    """

    groups: tuple[str, ...]
    classes: tuple[str, ...]
    counts: Array
    patients: Array

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, int, int]]) -> Association:
        """Make one of rows (group, class, images, patients), each pair once."""
        rows = [*rows]
        groups = tuple(sorted({row[0] for row in rows}))
        classes = tuple(sorted({row[1] for row in rows}))
        row_of = {group: place for place, group in enumerate(groups)}
        column_of = {name: place for place, name in enumerate(classes)}
        counts = np.zeros((2, len(groups), len(classes)))
        for group, name, images, patients in rows:
            counts[:, row_of[group], column_of[name]] = images, patients
        return cls(groups, classes, counts[0], counts[1])

    @property
    def n(self) -> int:
        """Images in all."""
        return int(self.counts.sum())

    def images_of(self, label: str) -> int:
        """Return the number of images of a class."""
        return int(self.counts[:, self.classes.index(label)].sum())

    def auroc(self, label: str) -> float:
        """Return how well the group tells this class from the rest; see `auroc_of_groups`."""
        return auroc_of_groups(self.counts, self.classes.index(label))

    def apart(self, label: str) -> bool:
        """Whether no group holds both images of the class and others."""
        column = self.counts[:, self.classes.index(label)]
        return bool(np.all((column == 0) | (column == self.counts.sum(axis=1))))

    def pure(self) -> list[str]:
        """Return the groups that hold one class only."""
        held = (self.counts > 0).sum(axis=1)
        return [name for name, kinds in zip(self.groups, held, strict=True) if kinds == 1]

    def versus_rest(self, label: str) -> Array:
        """Return images of the class and of all others by group, shape (g, 2)."""
        return self._versus(self.counts, label)

    def _versus(self, counts: Array, label: str) -> Array:
        column = counts[:, self.classes.index(label)]
        return np.stack([column, counts.sum(axis=1) - column], axis=1)

    def telling(self, *, at_least: int = 10, first: Sequence[str] = ()) -> list[tuple[str, float]]:
        """Return classes and how well the group tells each from the rest, the best told first.

        Left out is what may be chance. Of two classes only one is given: both are told equally
        well.

        Args:
            at_least: Patients a class, and the rest, must have; fewer prove nothing.
            first: Which classes to name rather than others; by default the rarer.
        """
        rank = {label: place for place, label in enumerate(first)}
        labels: Sequence[str] = sorted(
            self.classes, key=lambda label: (rank.get(label, len(rank)), self.images_of(label))
        )
        if len(labels) < 2 or len(self.groups) < 2:
            return []
        if len(labels) == 2:
            labels = labels[:1]
        versus = {label: self._versus(self.patients, label) for label in labels}
        proven = [
            label
            for label, table in versus.items()
            if table.sum(axis=0).min() >= at_least and beyond_chance(table)
        ]
        return sorted(((label, self.auroc(label)) for label in proven), key=lambda pair: -pair[1])
