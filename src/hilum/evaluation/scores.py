"""Every metric of one set of predictions, under any weights of its patients, many at a time.

This is what makes the bootstrap fast. Sums over images (errors, calibration gaps) are added up by
patient once, so that a resample is one matrix product; the confusion matrix is one sum over
images sorted by cell; the ranking metrics are one cumulative sum a class over images sorted once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation import metrics
from hilum.evaluation.calibration import ECE_BINS, bin_index
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.ranking import Ranking

__all__ = ["Scores", "WeightedScores"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Metrics under `b` weightings."""

    overall: dict[str, Array]
    """Name to values of shape (b,)."""

    per_class: dict[str, Array]
    """Name to values of shape (b, k)."""

    @staticmethod
    def joined(parts: list[Scores]) -> Scores:
        """Return the scores of several batches of weightings as one."""
        first = parts[0]
        return Scores(
            {name: np.concatenate([p.overall[name] for p in parts]) for name in first.overall},
            {name: np.concatenate([p.per_class[name] for p in parts]) for name in first.per_class},
        )


class WeightedScores:
    """Score one set of predictions under weights of its patients.

    Args:
        predictions: What to score.
        decisions: Index of the class decided for, shape (n,); the most probable by default.
    """

    def __init__(
        self, predictions: Predictions, decisions: NDArray[np.int64] | None = None
    ) -> None:
        p, y = predictions.probabilities, predictions.labels
        self._k = len(predictions.classes)
        self.patients = predictions.patient_index()
        self.n_patients = int(self.patients.max()) + 1
        self.decisions = predictions.decisions if decisions is None else decisions
        self.confusion = metrics.confusion_matrix(y, self.decisions, self._k)
        self._sort_by_cell(y)
        self._add_up_by_patient(p, y)
        self._rankings = [Ranking(y == c, p[:, c], self.patients) for c in range(self._k)]

    def _sort_by_cell(self, labels: NDArray[np.int64]) -> None:
        cell = labels * self._k + self.decisions
        order = np.argsort(cell, kind="stable")
        self._cells, self._starts = np.unique(cell[order], return_index=True)
        self._columns = self.patients[order]

    def _add_up_by_patient(self, p: Array, y: NDArray[np.int64]) -> None:
        confidence = p.max(axis=1)
        sums = np.zeros((self.n_patients, 2 + ECE_BINS))
        np.add.at(sums[:, 0], self.patients, metrics.squared_errors(p, y))
        np.add.at(sums[:, 1], self.patients, metrics.log_losses(p, y))
        gap = (p.argmax(axis=1) == y) - confidence
        np.add.at(sums, (self.patients, 2 + bin_index(confidence, ECE_BINS)), gap)
        self._sums = sums

    def __call__(self, weights: Array) -> Scores:
        """Return every metric under each row of `weights`, shape (b, n_patients), >= 0."""
        confusion = self._confusions(weights)
        sums = weights @ self._sums
        total = confusion.sum(axis=(1, 2))
        areas = [ranking.areas(weights) for ranking in self._rankings]
        per_class = {
            "recall": metrics.recall(confusion),
            "precision": metrics.precision(confusion),
            "specificity": metrics.specificity(confusion),
            "npv": metrics.negative_predictive_value(confusion),
            "f1": metrics.f1(confusion),
            "auroc": np.stack([area for area, _ in areas], axis=1),
            "average_precision": np.stack([mean for _, mean in areas], axis=1),
        }
        overall = {
            "accuracy": metrics.accuracy(confusion),
            "balanced_accuracy": metrics.balanced_accuracy(confusion),
            **{f"macro_{name}": values.mean(axis=1) for name, values in per_class.items()},
            "cohen_kappa": metrics.cohen_kappa(confusion),
            "mcc": metrics.matthews_correlation(confusion),
            "brier": metrics.ratio(sums[:, 0], total),
            "nll": metrics.ratio(sums[:, 1], total),
            "ece": metrics.ratio(np.abs(sums[:, 2:]).sum(axis=1), total),
        }
        if self._k == 2:
            overall |= {name: per_class[name][:, 1] for name in ("auroc", "average_precision")}
        return Scores(overall, per_class)

    def _confusions(self, weights: Array) -> Array:
        found = np.zeros((weights.shape[0], self._k * self._k))
        ordered = np.take(weights, self._columns, axis=1)
        found[:, self._cells] = np.add.reduceat(ordered, self._starts, axis=1)
        return found.reshape(-1, self._k, self._k)
