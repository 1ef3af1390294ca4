"""One number that makes a classifier as sure as it should be.

Dividing every logit by a temperature changes no decision, only how sure it sounds. It is fitted on
validation images; fitted on the images it is then judged by, it looks better than it is, as it did
in published work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.metrics import check_probabilities

__all__ = ["fit_temperature", "scale_by_temperature"]

_TINY = 1e-300
_STEPS = 60
_LOWEST, _HIGHEST = 0.05, 20.0


def scale_by_temperature(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Return the probabilities that logits divided by `temperature` would have given.

    softmax(z / T) needs no logits: they are log p up to a constant a row.

    Args:
        probabilities: P(class), shape (n, k).
        temperature: Above 0; above 1 makes less sure, below 1 surer.

    Raises:
        ValueError: If the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"A temperature must be above 0, got {temperature}")
    logits = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _TINY)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    weights = np.exp(logits)
    scaled: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return scaled


def fit_temperature(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the temperature that gives the least negative log-likelihood.

    The loss is convex in 1 / T; its slope there is the mean of (expected logit - true logit), so
    bisection on the slope's sign finds the one minimum.

    Args:
        labels: Index of the true class, shape (n,).
        probabilities: P(class), shape (n, k).

    Returns:
        In [0.05, 20]; at an end if the best lies beyond it, as for separable images.

    Raises:
        ValueError: If the shapes do not fit or a probability is out of range.

    References:
        Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
    """
    y, p = check_probabilities(labels, probabilities)
    logits = np.log(np.maximum(p, _TINY))
    logits -= logits.max(axis=1, keepdims=True)
    true = logits[np.arange(y.size), y]
    low, high = 1 / _HIGHEST, 1 / _LOWEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        weights = np.exp(logits * middle)
        expected = (weights * logits).sum(axis=1) / weights.sum(axis=1)
        if (expected - true).mean() > 0:  # too much weight on wrong classes still: be less sure
            high = middle
        else:
            low = middle
    return float(2 / (low + high))
