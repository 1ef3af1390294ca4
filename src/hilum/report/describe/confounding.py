"""How much the source of an image gives its label away, in numbers.

The question to ask of a data set before any other: where every image of one source has one label,
a network can learn the source's grey scale and never look at a lung.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.report.describe.collect import UNLABELLED, Cross

__all__ = ["Confounding", "LabelConfounding", "confounding", "cramers_v"]


@dataclass(frozen=True, slots=True)
class LabelConfounding:
    """What the source says of one label against all others.

    Args:
        label: The class.
        images: That have it.
        decided: Images, of any label, whose source has this label always or never.
        cramers_v: Between the source and "has this label", in [0, 1]; None where it has no meaning.
    """

    label: str
    images: int
    decided: int
    cramers_v: float | None


@dataclass(frozen=True, slots=True)
class Confounding:
    """What the source says of the label.

    Args:
        where: "all images", or a split.
        images: With a label.
        one_class_sources: Sources whose images all have one label.
        decided: Images in such sources: the source alone decides their label.
        majority: Images for which the commonest label of their source is right.
        commonest: Images with the commonest label of all, what guessing without a source gives.
        cramers_v: Between source and label, in [0, 1]; None with fewer than two of either.
        labels: Each label against the rest.
    """

    where: str
    images: int
    one_class_sources: tuple[str, ...]
    decided: int
    majority: int
    commonest: int
    cramers_v: float | None
    labels: tuple[LabelConfounding, ...]

    @property
    def worst(self) -> LabelConfounding | None:
        """The label that the source says most of, if it says anything."""
        known = [label for label in self.labels if label.cramers_v is not None]
        return max(known, key=lambda label: (label.decided, label.cramers_v or 0), default=None)


def cramers_v(counts: NDArray[np.int64]) -> float | None:
    """Return Cramer's V of a table of counts: 0 = unrelated, 1 = one decides the other.

    V = sqrt(chi2 / (n * (min(rows, columns) - 1))), over rows and columns that hold anything.

    Args:
        counts: Shape (rows, columns).

    Returns:
        In [0, 1], or None if fewer than two rows or two columns hold anything.

    References:
        Cramer, "Mathematical Methods of Statistics", 1946, section 21.9.

    >>> cramers_v(np.array([[10, 0], [0, 30]]))
    1.0
    """
    held = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.float64)
    smaller = min(held.shape)
    if smaller < 2:
        return None
    n = held.sum()
    expected = held.sum(axis=1, keepdims=True) * held.sum(axis=0, keepdims=True) / n
    chi2 = ((held - expected) ** 2 / expected).sum()
    return float(np.sqrt(min(chi2 / (n * (smaller - 1)), 1.0)))


def confounding(frame: pl.DataFrame, by_label: Cross) -> tuple[Confounding, ...]:
    """Return what the source says of the label: over all images, then in each split.

    Args:
        frame: As `working_frame` returns it.
        by_label: Images by source (rows) and label (columns), of all of it.
    """
    found = [_measure("all images", by_label)]
    for split in frame["split"].drop_nulls().unique(maintain_order=True):
        part = frame.filter(pl.col("split") == split)
        held = {(s, c): n for s, c, n in part.group_by("source", "label").len().iter_rows()}
        images = tuple(
            tuple(held.get((row, column), 0) for column in by_label.columns)
            for row in by_label.rows
        )
        found.append(_measure(split, Cross(by_label.rows, by_label.columns, images)))
    order = {"all images": -1, "train": 0, "val": 1, "test": 2}
    return tuple(sorted(found, key=lambda part: (order.get(part.where, 3), part.where)))


def _measure(where: str, by_label: Cross) -> Confounding:
    labelled = [c for c, name in enumerate(by_label.columns) if name != UNLABELLED]
    counts = by_label.array()[:, labelled]
    sums = counts.sum(axis=1)
    pure = (counts.max(axis=1, initial=0) == sums) & (sums > 0)
    return Confounding(
        where=where,
        images=int(sums.sum()),
        one_class_sources=tuple(
            name for name, alone in zip(by_label.rows, pure, strict=True) if alone
        ),
        decided=int(sums[pure].sum()),
        majority=int(counts.max(axis=1, initial=0).sum()),
        commonest=int(counts.sum(axis=0).max(initial=0)),
        cramers_v=cramers_v(counts),
        labels=tuple(
            _against_rest(by_label.columns[c], counts[:, place], sums)
            for place, c in enumerate(labelled)
            if counts[:, place].any()
        ),
    )


def _against_rest(
    label: str, having: NDArray[np.int64], sums: NDArray[np.int64]
) -> LabelConfounding:
    settled = (having == 0) | (having == sums)
    table = np.stack([having, sums - having], axis=1)
    return LabelConfounding(label, int(having.sum()), int(sums[settled].sum()), cramers_v(table))
