"""Metrics that depend only on the order of the scores: AUROC and average precision.

`Ranking` sorts once and is then weighed as often as one likes, which is what makes thousands of
resamples of ten thousand images take seconds: a resample is a weight for each image, so all that
is left of it is one cumulative sum. Equal scores are one threshold, exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.metrics import ratio

__all__ = [
    "Ranking",
    "auroc",
    "average_precision",
    "precision_recall_points",
    "roc_points",
]

Array = NDArray[np.float64]

_FEW_LEVELS = 32
"""Up to this many distinct scores, images are added up by score instead of kept in order."""


class Ranking:
    """Hold the order of `n` scores for one class, ready to be weighed.

    Args:
        positive: Which images are of the class, shape (n,).
        scores: Higher means more likely of the class, shape (n,), finite.
        columns: Which column of the weights belongs to each image, shape (n,): images of one
            patient share a column. One column an image by default.

    Raises:
        ValueError: If the shapes differ, there is no image, or a score is not finite.
    """

    def __init__(
        self, positive: ArrayLike, scores: ArrayLike, columns: ArrayLike | None = None
    ) -> None:
        y, s = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
        if y.ndim != 1 or y.shape != s.shape or y.size == 0:
            raise ValueError(
                f"positive and scores must have one shape (n,), got {y.shape} and {s.shape}"
            )
        if not np.all(np.isfinite(s)):
            raise ValueError("Scores must be finite, got NaN or infinity")
        which = np.arange(y.size) if columns is None else np.asarray(columns)
        order = np.argsort(-s, kind="stable")
        new = np.diff(s[order]) != 0
        level = np.cumsum(np.r_[0, new])
        self._levels: tuple[Array, Array] | None = None
        if level[-1] < _FEW_LEVELS:
            self._add_up_levels(y[order], which[order], level)
        else:
            self._keep_order(y[order], which[order], new, level)

    def _add_up_levels(
        self, y: NDArray[np.bool_], columns: NDArray[np.int64], level: NDArray[np.int64]
    ) -> None:
        """Few distinct scores: count images by column and level once."""
        every = np.zeros((int(columns.max()) + 1, int(level[-1]) + 1))
        hits = np.zeros_like(every)
        np.add.at(every, (columns, level), 1)
        np.add.at(hits, (columns[y], level[y]), 1)
        self._levels = (every, hits)

    def _keep_order(
        self,
        y: NDArray[np.bool_],
        columns: NDArray[np.int64],
        new: NDArray[np.bool_],
        level: NDArray[np.int64],
    ) -> None:
        """Many distinct scores: remember where the level of each hit begins and ends."""
        self._columns = columns
        self._hits = np.flatnonzero(y)
        self._before = np.flatnonzero(np.r_[True, new])[level[y]]
        self._through = np.flatnonzero(np.r_[new, True])[level[y]] + 1
        self._hits_before = np.searchsorted(self._hits, self._before)
        self._hits_through = np.searchsorted(self._hits, self._through)

    def areas(self, weights: Array) -> tuple[Array, Array]:
        """Return AUROC and average precision under each row of weights.

        Args:
            weights: Shape (b, columns), >= 0.

        Returns:
            Two arrays of shape (b,); NaN where a resample has no image of the class, or for
            AUROC none of the others.
        """
        if self._levels is None:
            ordered = np.take(weights, self._columns, axis=1)
            gained = np.take(ordered, self._hits, axis=1)
            every, hits = _running(ordered), _running(gained)
            every_before = np.take(every, self._before, axis=1)
            every_through = np.take(every, self._through, axis=1)
            hits_before = np.take(hits, self._hits_before, axis=1)
            hits_through = np.take(hits, self._hits_through, axis=1)
        else:
            gained = weights @ self._levels[1]
            every, hits = _running(weights @ self._levels[0]), _running(gained)
            every_before, every_through = every[:, :-1], every[:, 1:]
            hits_before, hits_through = hits[:, :-1], hits[:, 1:]
        others = (every_through - hits_through) + (every_before - hits_before)
        positives = hits[:, -1]
        negatives = every[:, -1] - positives
        above = 0.5 * np.einsum("bi,bi->b", gained, others)
        area = ratio(positives * negatives - above, positives * negatives)
        mean_precision = np.einsum("bi,bi->b", gained, _shares(hits_through, every_through))
        return area, ratio(mean_precision, positives)


def _shares(part: Array, whole: Array) -> Array:
    """Divide; 0 where there is nothing, which then weighs nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _running(weights: Array) -> Array:
    """Return cumulative sums (b, n + 1) that start with 0."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


def auroc(positive: ArrayLike, scores: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Return the area under the receiver operating characteristic.

    The probability that an image of the class scores higher than one of another, equal scores
    counting half: sum_ij w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) / sum_ij w_i w_j over positive i
    and negative j.

    Args:
        positive: Which images are of the class, shape (n,).
        scores: Higher means more likely of the class, shape (n,).
        weights: Weight of each image, shape (n,), >= 0; 1 each by default.

    Returns:
        In [0, 1]; 0.5 is chance; NaN if all images are of the class, or none.

    References:
        Hanley and McNeil, "The meaning and use of the area under a receiver operating
        characteristic (ROC) curve", Radiology 143, 1982.
    """
    return float(Ranking(positive, scores).areas(_row(positive, weights))[0][0])


def average_precision(
    positive: ArrayLike, scores: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    """Return the precision averaged over the recall gained at each distinct score.

    AP = sum_t (R_t - R_(t-1)) P_t over thresholds t from high to low; no interpolation.

    Args:
        positive: Which images are of the class, shape (n,).
        scores: Higher means more likely of the class, shape (n,).
        weights: Weight of each image, shape (n,), >= 0; 1 each by default.

    Returns:
        In [0, 1]; chance is the share of images of the class; NaN if there is none.

    References:
        Boyd et al., "Area under the precision-recall curve: point estimates and confidence
        intervals", ECML PKDD 2013 (the estimator called average precision).
    """
    return float(Ranking(positive, scores).areas(_row(positive, weights))[1][0])


def _row(positive: ArrayLike, weights: ArrayLike | None) -> Array:
    n = np.asarray(positive).size
    row = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if row.shape != (n,) or not np.all(np.isfinite(row) & (row >= 0)):
        raise ValueError(f"weights must be finite, >= 0 and of shape ({n},), got {row.shape}")
    return row[None, :]


def roc_points(positive: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    """Return false positive rate and recall at every distinct score, from (0, 0) to (1, 1).

    Args:
        positive: Which images are of the class, shape (n,); some must be and some not.
        scores: Higher means more likely of the class, shape (n,).

    Returns:
        Two arrays of shape (distinct scores + 1,), rising; NaN where one side is empty.
    """
    hits, called = _counts(positive, scores)
    misses = called - hits
    return ratio(misses, np.full(1, misses[-1])), ratio(hits, np.full(1, hits[-1]))


def precision_recall_points(positive: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    """Return recall and precision at every distinct score, from the highest down.

    Args:
        positive: Which images are of the class, shape (n,); some must be.
        scores: Higher means more likely of the class, shape (n,).

    Returns:
        Two arrays of shape (distinct scores,); recall rises to 1.
    """
    hits, called = _counts(positive, scores)
    return ratio(hits, np.full(1, hits[-1]))[1:], ratio(hits, called)[1:]


def _counts(positive: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    """Return hits and decisions at every distinct score from the highest down, after a 0."""
    y, s = np.asarray(positive, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    order = np.argsort(-s, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(s[order]) != 0, True])
    hits = np.r_[0.0, np.cumsum(y[order])[last]]
    return hits, np.r_[0.0, last + 1.0]
