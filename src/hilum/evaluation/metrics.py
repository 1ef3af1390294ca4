"""Metrics that follow from a confusion matrix, and the two proper scores.

Every function of a confusion matrix takes one of shape (k, k), or a stack (..., k, k) of them as a
bootstrap makes: rows are the true class, columns the decision, entries are counts or sums of
weights. Where a metric is undefined (nothing to divide by) the answer is NaN, never 0. What
depends on the order of scores is in `ranking`, what depends on bins of them in `calibration`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "NLL_CLIP",
    "RANGE_TOLERANCE",
    "accuracy",
    "balanced_accuracy",
    "brier_score",
    "cohen_kappa",
    "confusion_matrix",
    "f1",
    "matthews_correlation",
    "negative_log_likelihood",
    "negative_predictive_value",
    "precision",
    "recall",
    "specificity",
]

Array = NDArray[np.float64]

RANGE_TOLERANCE = 1e-6
"""How far outside [0, 1] rounding may carry a probability; it is clipped."""

NLL_CLIP = 1e-7
"""Probabilities of the true class below this count as this in the negative log-likelihood."""


def ratio(numerator: Array, denominator: Array) -> Array:
    """Divide; NaN where there is nothing to divide by."""
    result = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)
    return result


def confusion_matrix(
    labels: ArrayLike, decisions: ArrayLike, n_classes: int, *, weights: ArrayLike | None = None
) -> Array:
    """Count the images of each true class that were called each class.

    Args:
        labels: Index of the true class, shape (n,), in [0, n_classes).
        decisions: Index of the class decided for, shape (n,), in [0, n_classes).
        n_classes: Number of classes, `k`.
        weights: Weight of each image, shape (n,), >= 0; 1 each by default.

    Returns:
        Sums of weights, shape (k, k); rows are the true class.

    Raises:
        ValueError: If the shapes differ or an index is out of range.
    """
    true, called = np.asarray(labels), np.asarray(decisions)
    if true.shape != called.shape or true.ndim != 1:
        raise ValueError(
            f"labels and decisions must have one shape (n,), got {true.shape} and {called.shape}"
        )
    for name, index in (("labels", true), ("decisions", called)):
        if index.size and (index.min() < 0 or index.max() >= n_classes):
            raise ValueError(
                f"{name} must be in [0, {n_classes}), got {index.min()} to {index.max()}"
            )
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    cells = np.bincount(true * n_classes + called, weights=w, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes).astype(np.float64)


def _parts(confusion: ArrayLike) -> tuple[Array, Array, Array, Array]:
    """Return true positives, images, decisions of each class (..., k), and the sum (..., 1)."""
    c = np.asarray(confusion, dtype=np.float64)
    if c.ndim < 2 or c.shape[-1] != c.shape[-2]:
        raise ValueError(f"A confusion matrix must have shape (..., k, k), got {c.shape}")
    hits = np.diagonal(c, axis1=-2, axis2=-1)
    total = c.sum(axis=(-2, -1))[..., None]
    return hits, c.sum(axis=-1), c.sum(axis=-2), total


def accuracy(confusion: ArrayLike) -> Array:
    """Return the share of images whose decision is right: sum_c TP_c / n.

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (...), in [0, 1]; NaN without images.
    """
    hits, _, _, total = _parts(confusion)
    return ratio(hits.sum(axis=-1), total[..., 0])


def recall(confusion: ArrayLike) -> Array:
    """Return the share of each class's images that were found: TP / (TP + FN).

    Also called sensitivity.

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (..., k), in [0, 1]; NaN for a class without images.
    """
    hits, true, _, _ = _parts(confusion)
    return ratio(hits, true)


def precision(confusion: ArrayLike) -> Array:
    """Return the share of each class's decisions that are right: TP / (TP + FP).

    Also called positive predictive value. It moves with prevalence: a test set with half its
    images diseased says nothing about a clinic where one in a hundred is.

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (..., k), in [0, 1]; NaN for a class never decided for.
    """
    hits, _, called, _ = _parts(confusion)
    return ratio(hits, called)


def specificity(confusion: ArrayLike) -> Array:
    """Return the share of other images not called this class: TN / (TN + FP).

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (..., k), in [0, 1]; NaN where every image is of the class.
    """
    hits, true, called, total = _parts(confusion)
    return ratio(total - true - called + hits, total - true)


def negative_predictive_value(confusion: ArrayLike) -> Array:
    """Return the share of images not called this class that are not: TN / (TN + FN).

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (..., k), in [0, 1]; NaN where every image was called the class.
    """
    hits, true, called, total = _parts(confusion)
    return ratio(total - true - called + hits, total - called)


def f1(confusion: ArrayLike) -> Array:
    """Return the harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (..., k), in [0, 1]; NaN for a class that neither occurs nor is decided for.
    """
    hits, true, called, _ = _parts(confusion)
    return ratio(2 * hits, true + called)


def balanced_accuracy(confusion: ArrayLike) -> Array:
    """Return the mean recall over the classes.

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (...), in [0, 1]; NaN if any class has no image.

    References:
        Brodersen et al., "The balanced accuracy and its posterior distribution", ICPR 2010.
    """
    mean: Array = recall(confusion).mean(axis=-1)
    return mean


def cohen_kappa(confusion: ArrayLike) -> Array:
    """Return the agreement beyond chance: (p_o - p_e) / (1 - p_e).

    p_o is the accuracy, p_e = sum_c (images of c / n) (decisions for c / n).

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (...), in [-1, 1]; NaN where all images are of one class and called that class.

    References:
        Cohen, "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20, 1960.
    """
    hits, true, called, total = _parts(confusion)
    n = total[..., 0]
    chance = (true * called).sum(axis=-1)
    return ratio(n * hits.sum(axis=-1) - chance, n * n - chance)


def matthews_correlation(confusion: ArrayLike) -> Array:
    """Return the correlation of truth and decision, for any number of classes.

    With t_c images and p_c decisions of class c, n images and h of them right,
    MCC = (h n - sum_c t_c p_c) / sqrt((n^2 - sum_c p_c^2) (n^2 - sum_c t_c^2)).

    Args:
        confusion: Shape (..., k, k), rows true, columns decided.

    Returns:
        Shape (...), in [-1, 1]; NaN where all images or all decisions are of one class.

    References:
        Gorodkin, "Comparing two K-category assignments by a K-category correlation
        coefficient", Comput. Biol. Chem. 28, 2004, equation 8.
    """
    hits, true, called, total = _parts(confusion)
    n = total[..., 0]
    covariance = hits.sum(axis=-1) * n - (true * called).sum(axis=-1)
    spread_called = n * n - (called * called).sum(axis=-1)
    spread_true = n * n - (true * true).sum(axis=-1)
    return ratio(covariance, np.sqrt(np.maximum(spread_called * spread_true, 0)))


def squared_errors(probabilities: Array, labels: NDArray[np.int64]) -> Array:
    """Return the squared error of each image, (n,); see `brier_score`."""
    n, k = probabilities.shape
    difference = probabilities.copy()
    difference[np.arange(n), labels] -= 1
    total: Array = (difference**2).sum(axis=1)
    return total / 2 if k == 2 else total


def log_losses(probabilities: Array, labels: NDArray[np.int64]) -> Array:
    """Return the negative log-likelihood of each image, (n,), clipped at `NLL_CLIP`."""
    true = probabilities[np.arange(labels.size), labels]
    losses: Array = -np.log(np.clip(true, NLL_CLIP, 1.0))
    return losses


def _mean(values: Array, weights: ArrayLike | None) -> float:
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    return float(np.average(values, weights=w))


def brier_score(
    labels: ArrayLike, probabilities: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    """Return the mean squared error of the probabilities.

    For two classes mean (p - y)^2 with p the positive class's, in [0, 1]; for more
    mean sum_c (p_c - y_c)^2, in [0, 2]. Lower is better.

    Args:
        labels: Index of the true class, shape (n,).
        probabilities: P(class), shape (n, k).
        weights: Weight of each image, shape (n,), >= 0; 1 each by default.

    Raises:
        ValueError: If the shapes do not fit or a probability is outside [0, 1].

    References:
        Brier, "Verification of forecasts expressed in terms of probability", Mon. Weather Rev.
        78, 1950.
    """
    y, p = check_probabilities(labels, probabilities)
    return _mean(squared_errors(p, y), weights)


def negative_log_likelihood(
    labels: ArrayLike, probabilities: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    """Return mean -log P(true class), P clipped to at least 1e-7.

    The clip keeps one certain mistake from making the mean infinite: it costs 16.1 nats.

    Args:
        labels: Index of the true class, shape (n,).
        probabilities: P(class), shape (n, k).
        weights: Weight of each image, shape (n,), >= 0; 1 each by default.

    Returns:
        Nats an image, in [0, 16.2]; lower is better.

    Raises:
        ValueError: If the shapes do not fit or a probability is outside [0, 1].
    """
    y, p = check_probabilities(labels, probabilities)
    return _mean(log_losses(p, y), weights)


def check_probabilities(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], Array]:
    """Return labels (n,) and probabilities (n, k) as arrays.

    Raises:
        ValueError: If the shapes do not fit, or a value is out of range.
    """
    y = np.asarray(labels, dtype=np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    if y.ndim != 1 or p.ndim != 2 or p.shape[0] != y.size or y.size == 0 or p.shape[1] < 2:
        raise ValueError(
            f"Expected labels (n,) and probabilities (n, k >= 2), got {y.shape} and {p.shape}"
        )
    if not np.all((p >= -RANGE_TOLERANCE) & (p <= 1 + RANGE_TOLERANCE)):
        raise ValueError(
            f"Probabilities must be in [0, 1], got {p.min():.3g} to {p.max():.3g}. "
            "If these are logits, pass them through softmax or sigmoid first."
        )
    if y.min() < 0 or y.max() >= p.shape[1]:
        raise ValueError(f"labels must be in [0, {p.shape[1]}), got {y.min()} to {y.max()}")
    return y, np.clip(p, 0.0, 1.0)
