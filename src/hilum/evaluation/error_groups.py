"""Whether errors gather where images share something: a source, a view, a device, an age.

Two things make a table of error rates by group lie, and both are dealt with here. A group may hold
more images of the class that is hard for everyone, so each rate stands beside the rate its mix of
classes would give, and groups are tested against each other within each class only. And images of
one patient are not independent, so limits are widened by how alike they are, and the test moves
whole patients between groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.wilson import wilson_interval_of_patients

__all__ = ["GroupErrors", "GroupTest", "compare_groups", "error_rates", "holm", "share_limits"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_CELLS = 1 << 21


@dataclass(frozen=True, slots=True)
class GroupErrors:
    """How often the images of one group were called wrongly.

    Args:
        value: What they share.
        images: Of the group.
        patients: Whom they show.
        wrong: Images called wrongly.
        rate: wrong / images.
        low: Lower 95 % limit; None for a single patient.
        high: Upper 95 % limit; likewise.
        expected: The rate if its images were called wrongly as often as all images of their true
            classes are.
    """

    value: str
    images: int
    patients: int
    wrong: int
    rate: float
    low: float | None
    high: float | None
    expected: float


@dataclass(frozen=True, slots=True)
class GroupTest:
    """Whether the error rates of groups differ by more than chance, within true classes.

    Args:
        p_value: Share of shuffles with differences at least as large; None if not testable.
        shuffles: How many there were.
        reason: Why there is no p value.
    """

    p_value: float | None
    shuffles: int
    reason: str | None = None


def share_limits(
    wrong: ArrayLike, patients: ArrayLike, level: float = 0.95
) -> tuple[float, float] | None:
    """Return Wilson's limits of a share among images of which several may show one patient.

    Args:
        wrong: What is counted, shape (n,), of bool.
        patients: Whom each image shows, shape (n,), of int from 0.
        level: Confidence, in (0, 1).

    Returns:
        Low and high, or None for a single patient.

    Raises:
        ValueError: If there is no image or the shapes differ.

    >>> [round(limit, 3) for limit in share_limits([True, False] * 20, range(40))]
    [0.352, 0.648]
    """
    low, high, _ = wilson_interval_of_patients(wrong, patients, level)
    return (low, high) if np.unique(np.asarray(patients)).size > 1 else None


def error_rates(
    wrong: NDArray[np.bool_],
    groups: Sequence[str] | NDArray[np.str_],
    *,
    patients: Index,
    labels: Index,
) -> tuple[GroupErrors, ...]:
    """Return the error rate of each group, most images first.

    Args:
        wrong: Whether each image was called wrongly, shape (n,).
        groups: What each image is grouped by, shape (n,).
        patients: Whom each shows, shape (n,).
        labels: Index of each true class, shape (n,).

    Raises:
        ValueError: If there is no image or the shapes differ.
    """
    names, index = _indexed(wrong, groups, patients, labels)
    usual = _by_class(wrong, labels)[labels]
    found = []
    for number, name in enumerate(names):
        here = index == number
        limits = share_limits(wrong[here], patients[here])
        low, high = (None, None) if limits is None else limits
        found.append(
            GroupErrors(
                value=name,
                images=int(here.sum()),
                patients=int(np.unique(patients[here]).size),
                wrong=int(wrong[here].sum()),
                rate=float(wrong[here].mean()),
                low=low,
                high=high,
                expected=float(usual[here].mean()),
            )
        )
    return tuple(sorted(found, key=lambda group: (-group.images, group.value)))


def _by_class(wrong: NDArray[np.bool_], labels: Index) -> Array:
    counts = np.bincount(labels)
    return np.bincount(labels, weights=wrong, minlength=counts.size) / np.maximum(counts, 1)


def _indexed(
    wrong: NDArray[np.bool_], groups: Sequence[str] | NDArray[np.str_], *others: Index
) -> tuple[list[str], Index]:
    values = np.asarray(groups, dtype=np.str_)
    shapes = {wrong.shape, values.shape, *(other.shape for other in others)}
    if len(shapes) > 1 or wrong.ndim != 1 or wrong.size == 0:
        raise ValueError(
            f"wrong, groups, patients and labels must have one shape (n >= 1,), got {shapes}"
        )
    names, index = np.unique(values, return_inverse=True)
    return names.tolist(), index.astype(np.int64)


def compare_groups(
    wrong: NDArray[np.bool_],
    groups: Sequence[str] | NDArray[np.str_],
    *,
    patients: Index,
    labels: Index,
    rng: np.random.Generator,
    shuffles: int = 2000,
) -> GroupTest:
    """Test whether the groups' error rates differ by more than chance, within true classes.

    Patients are shuffled between groups within each true class, all images of a patient together;
    the measure is sum over groups of (errors - expected)^2 / expected. So a group is not blamed
    for holding more of a class that is hard for everyone.

    Args:
        wrong: Whether each image was called wrongly, shape (n,).
        groups: What each image is grouped by, shape (n,).
        patients: Whom each shows, shape (n,).
        labels: Index of each true class, shape (n,).
        rng: Where chance comes from.
        shuffles: At least 1; the smallest p value is 1 / (shuffles + 1).

    Raises:
        ValueError: If there is no image, the shapes differ, or `shuffles` is below 1.

    References:
        Phipson and Smyth, "Permutation p-values should never be zero", Stat. Appl. Genet. Mol.
        Biol. 9, 2010; Mantel and Haenszel, JNCI 22, 1959, for comparing within strata.
    """
    if shuffles < 1:
        raise ValueError(f"shuffles must be at least 1, got {shuffles}")
    names, index = _indexed(wrong, groups, patients, labels)
    strata = [*_strata(wrong, index, patients, labels)]
    if not wrong.any() or wrong.all():
        same = "every image is wrong" if wrong.any() else "no image is wrong"
        return GroupTest(None, 0, f"nothing to compare: {same}")
    if not strata:
        return GroupTest(
            None, 0, "within each class that has both right and wrong images, all are of one group"
        )
    seen = _distance(strata, len(names), 1, None)[0]
    step = max(1, _CELLS // sum(stratum.groups.size for stratum in strata))
    as_far = 0
    for start in range(0, shuffles, step):
        rows = min(step, shuffles - start)
        as_far += int((_distance(strata, len(names), rows, rng) >= seen * (1 - 1e-12)).sum())
    return GroupTest((1 + as_far) / (1 + shuffles), shuffles)


@dataclass(frozen=True, slots=True)
class _Stratum:
    """Patients of one true class: the group, the images and the errors of each."""

    groups: Index
    images: Array
    wrong: Array


def _strata(
    wrong: NDArray[np.bool_], index: Index, patients: Index, labels: Index
) -> Iterator[_Stratum]:
    """Yield the classes in which groups can be compared; a patient in two groups counts in each."""
    for label in np.unique(labels):
        here = labels == label
        if np.unique(index[here]).size < 2 or np.unique(wrong[here]).size < 2:
            continue
        pairs = np.stack([patients[here], index[here]], axis=1)
        units, unit = np.unique(pairs, axis=0, return_inverse=True)
        images = np.bincount(unit.ravel()).astype(np.float64)
        bad = np.bincount(unit.ravel(), weights=wrong[here])
        yield _Stratum(units[:, 1], images, np.asarray(bad, np.float64))


def _distance(
    strata: list[_Stratum], groups: int, rows: int, rng: np.random.Generator | None
) -> Array:
    """Return how far errors are from expected, shape (rows,): as they are, or shuffled."""
    observed, expected = np.zeros(rows * groups), np.zeros(rows * groups)
    for stratum in strata:
        placed = np.tile(stratum.groups, (rows, 1))
        if rng is not None:
            placed = rng.permuted(placed, axis=1)
        cells = (placed + groups * np.arange(rows)[:, None]).ravel()
        rate = stratum.wrong.sum() / stratum.images.sum()
        observed += np.bincount(cells, np.tile(stratum.wrong, rows), rows * groups)
        expected += rate * np.bincount(cells, np.tile(stratum.images, rows), rows * groups)
    gap = np.square(observed - expected) / np.maximum(expected, 1e-12)
    return np.asarray(gap.reshape(rows, groups).sum(axis=1))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p values adjusted for having tested them all, by Holm's method; None stays None.

    References:
        Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6, 1979.

    >>> holm([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = largest
    return adjusted
