"""Whether a probability of 0.8 comes true eight times in ten.

Top-label calibration: the confidence is the probability of the most probable class, the outcome
is whether that class is the true one. Separate from `metrics` because the answer depends on bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.metrics import check_probabilities

__all__ = ["ECE_BINS", "ReliabilityBins", "expected_calibration_error", "reliability_bins"]

Array = NDArray[np.float64]

ECE_BINS = 15
"""Equal-width bins of the expected calibration error, as Guo et al. use."""


@dataclass(frozen=True, slots=True)
class ReliabilityBins:
    """Confidence and outcome in equal-width bins; NaN where a bin is empty."""

    edges: Array
    """Shape (bins + 1,), from 0 to 1."""

    count: Array
    """Images (or weight) in each bin, shape (bins,)."""

    confidence: Array
    """Mean confidence in each bin, shape (bins,), in [0, 1]."""

    accuracy: Array
    """Share of right decisions in each bin, shape (bins,), in [0, 1]."""


def bin_index(confidence: Array, bins: int) -> NDArray[np.int64]:
    """Return the bin of each confidence, (n,): bin b holds [b / bins, (b + 1) / bins)."""
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)


def reliability_bins(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    bins: int = ECE_BINS,
    weights: ArrayLike | None = None,
) -> ReliabilityBins:
    """Gather confidence and outcome of the most probable class in equal-width bins.

    Args:
        labels: Index of the true class, shape (n,).
        probabilities: P(class), shape (n, k).
        bins: Number of bins, at least 1.
        weights: Weight of each image, shape (n,), >= 0; 1 each by default.

    Raises:
        ValueError: If the shapes do not fit, a probability is outside [0, 1], or `bins` < 1.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    y, p = check_probabilities(labels, probabilities)
    w = np.ones(y.size) if weights is None else np.asarray(weights, dtype=np.float64)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    index = bin_index(confidence, bins)
    count = np.bincount(index, weights=w, minlength=bins).astype(np.float64)
    some = np.where(count > 0, count, np.nan)
    return ReliabilityBins(
        edges=np.linspace(0, 1, bins + 1),
        count=count,
        confidence=np.bincount(index, weights=w * confidence, minlength=bins) / some,
        accuracy=np.bincount(index, weights=w * right, minlength=bins) / some,
    )


def expected_calibration_error(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    bins: int = ECE_BINS,
    weights: ArrayLike | None = None,
) -> float:
    """Return the mean gap between confidence and accuracy over equal-width bins.

    ECE = sum_b (n_b / n) |accuracy_b - confidence_b|, of the most probable class. It rises as
    images get fewer: noise in a bin counts as error.

    Args:
        labels: Index of the true class, shape (n,).
        probabilities: P(class), shape (n, k).
        bins: Number of bins, at least 1; empty ones do not count.
        weights: Weight of each image, shape (n,), >= 0; 1 each by default.

    Returns:
        In [0, 1]; 0.05 means off by 5 percentage points.

    Raises:
        ValueError: If the shapes do not fit, a probability is outside [0, 1], or `bins` < 1.

    References:
        Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3.
        Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    found = reliability_bins(labels, probabilities, bins=bins, weights=weights)
    gap = found.count * np.abs(found.accuracy - found.confidence)
    return float(np.nansum(gap) / found.count.sum())
