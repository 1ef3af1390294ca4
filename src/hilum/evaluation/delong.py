"""Limits of an AUROC, and of the difference of two, without resampling.

An AUROC is a mean over pairs of a positive and a negative image. What each image adds to it is
known from its rank alone; the spread of these parts over patients gives the variance, and for
several scores on the same images their covariance. With one image a patient this is DeLong's
method, with several Obuchowski's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.wilson import student_quantile

__all__ = ["Areas", "auroc_covariance", "auroc_interval"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Areas:
    """AUROCs of `r` scores on the same images."""

    values: Array
    """Shape (r,), in [0, 1]."""

    covariance: Array
    """Shape (r, r); NaN where fewer than two patients are positive, or negative."""

    freedom: int
    """Patients with images of the rarer side, less one: what the covariance is estimated from."""


def auroc_covariance(
    positive: ArrayLike, scores: ArrayLike, patients: ArrayLike | None = None
) -> Areas:
    """Return the AUROC of each score and their covariance over patients.

    With M positive and N negative images, V10 of a positive image is the share of negatives it
    scores above, V01 of a negative one the share of positives that score above it, ties half.
    Summed within patients and centred they give S10 (over the I10 patients with positives), S01
    and S11, and the covariance is S10 / M + S01 / N + (S11 + S11') / (M N).

    Args:
        positive: Which images are of the class, shape (n,).
        scores: Higher means more likely of the class, shape (n,), or (r, n) for several.
        patients: Which patient each image shows, shape (n,), whole numbers from 0; one image a
            patient by default.

    Raises:
        ValueError: If the shapes do not fit, a score is not finite, or a side is empty.

    References:
        DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated
        receiver operating characteristic curves", Biometrics 44, 1988.
        Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53, 1997.
        Sun and Xu, "Fast implementation of DeLong's algorithm", IEEE Signal Process. Lett. 21,
        2014.
    """
    y, s = np.asarray(positive, dtype=bool), np.atleast_2d(np.asarray(scores, dtype=np.float64))
    who = np.arange(y.size) if patients is None else np.asarray(patients)
    if y.ndim != 1 or s.ndim != 2 or s.shape[1] != y.size or who.shape != y.shape:
        raise ValueError(
            "Expected positive (n,), scores (r, n) and patients (n,), "
            f"got {y.shape}, {s.shape} and {who.shape}"
        )
    m, n = int(y.sum()), int((~y).sum())
    if m == 0 or n == 0:
        raise ValueError(f"An AUROC needs images on both sides, got {m} positive, {n} negative")
    if not np.all(np.isfinite(s)):
        raise ValueError("Scores must be finite, got NaN or infinity")
    above, below = zip(*(_components(y, row) for row in s), strict=True)
    values = np.array([part.mean() for part in above])
    sides = [np.unique(who[side]).size for side in (y, ~y)]
    covariance = _covariance(np.stack(above), np.stack(below), who[y], who[~y])
    return Areas(values, covariance, min(sides) - 1)


def _components(y: NDArray[np.bool_], scores: Array) -> tuple[Array, Array]:
    """Return V10 of each positive image and V01 of each negative one, by midranks."""
    positive, negative = scores[y], scores[~y]
    return _share_below(positive, negative), 1 - _share_below(negative, positive)


def _share_below(values: Array, others: Array) -> Array:
    """Return for each value the share of `others` below it, equal ones half."""
    ordered = np.sort(others)
    left = np.searchsorted(ordered, values, side="left")
    right = np.searchsorted(ordered, values, side="right")
    share: Array = (left + right) / (2 * others.size)
    return share


def _covariance(
    above: Array, below: Array, positives: NDArray[np.int64], negatives: NDArray[np.int64]
) -> Array:
    size = int(max(positives.max(), negatives.max())) + 1
    a, b = _by_patient(above, positives, size), _by_patient(below, negatives, size)
    i10, i01 = np.unique(positives).size, np.unique(negatives).size
    every = np.union1d(positives, negatives).size
    if i10 < 2 or i01 < 2:
        return np.full((above.shape[0],) * 2, np.nan)
    mixed = a @ b.T
    found: Array = (
        i10 / (i10 - 1) * (a @ a.T)
        + i01 / (i01 - 1) * (b @ b.T)
        + every / (every - 1) * (mixed + mixed.T)
    )
    return found


def _by_patient(components: Array, who: NDArray[np.int64], size: int) -> Array:
    """Return centred components summed within patients, over the number of images: (r, size)."""
    centred = components - components.mean(axis=1, keepdims=True)
    rows = [np.bincount(who, weights=row, minlength=size) for row in centred]
    return np.stack(rows) / who.size


def auroc_interval(
    area: float, variance: float, freedom: int, level: float = 0.95
) -> tuple[float, float] | None:
    """Return limits of an AUROC that stay inside (0, 1).

    They are symmetric on the scale log(A / (1 - A)), whose variance is var(A) / (A (1 - A))^2,
    and as wide as Student's t asks for a variance estimated from few patients.

    Args:
        area: The AUROC, in [0, 1].
        variance: Its variance.
        freedom: Degrees of freedom of the variance, at least 1.
        level: Confidence of the interval, in (0, 1).

    Returns:
        Low and high; None where the method has no answer: an AUROC of exactly 0 or 1, no spread,
        or fewer than two patients on a side.

    References:
        Pepe, "The Statistical Evaluation of Medical Tests for Classification and Prediction",
        2003, section 5.2.
    """
    if not 0 < area < 1 or not variance > 0 or freedom < 1:
        return None
    z = student_quantile(level, freedom)
    middle = np.log(area / (1 - area))
    half = z * np.sqrt(variance) / (area * (1 - area))
    low, high = 1 / (1 + np.exp(-(middle + np.array([-half, half]))))
    return float(low), float(high)
