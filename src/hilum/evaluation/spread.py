"""From a figure and its resamples to an estimate: value, limits, and why one may be missing.

Where resampling shows no spread although there is some (a share of exactly 0 or 1, a perfect
AUROC) it must not be taken for certainty: shares get exact limits, the rest none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.catalogue import METRICS, Metric
from hilum.evaluation.intervals import exact_interval, percentile_interval, resample_patients
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.scores import Scores, WeightedScores

__all__ = ["Scored", "Spread", "resample"]

Array = NDArray[np.float64]


@dataclass
class Scored:
    """One set of predictions, its figures as they are, and under every resample."""

    predictions: Predictions
    weighted: WeightedScores
    point: Scores
    resampled: Scores | None = None

    @classmethod
    def start(cls, predictions: Predictions, decisions: NDArray[np.int64] | None) -> Scored:
        """Score the images as they are, each patient once."""
        weighted = WeightedScores(predictions, decisions)
        return cls(predictions, weighted, weighted(np.ones((1, weighted.n_patients))))


def resample(scored: list[Scored], resamples: int, seed: int) -> None:
    """Weigh all by the same resamples; nothing to learn from a single patient."""
    first = scored[0].weighted
    if resamples == 0 or first.n_patients < 2:
        return
    rng = np.random.default_rng(seed)
    parts: list[list[Scores]] = [[] for _ in scored]
    for counts in resample_patients(
        first.n_patients, resamples, rng, images=len(scored[0].predictions)
    ):
        for part, one in zip(parts, scored, strict=True):
            part.append(one.weighted(counts))
    for part, one in zip(parts, scored, strict=True):
        one.resampled = Scores.joined(part)


class Spread:
    """Turn the figures of one set of predictions into estimates with limits."""

    def __init__(self, scored: Scored, level: float, resamples: int) -> None:
        self.scored = scored
        self.level = level
        self.resamples = resamples

    def overall(self, name: str) -> Estimate:
        """Return a figure over all classes."""
        scored = self.scored
        if name in scored.point.per_class:  # of two classes, the positive one's
            return self.of_class(name, 1)
        value = scored.point.overall[name][0]
        samples = None if scored.resampled is None else scored.resampled.overall[name]
        every = np.ones(len(scored.predictions), dtype=bool)
        return self._estimate(METRICS[name], value, samples, every, self._classes_missing(name))

    def of_class(self, name: str, c: int) -> Estimate:
        """Return a figure of class `c` against the rest."""
        scored = self.scored
        metric = METRICS[name]
        value = scored.point.per_class[name][0, c]
        samples = None if scored.resampled is None else scored.resampled.per_class[name][:, c]
        called, true = scored.weighted.decisions == c, scored.predictions.labels == c
        images = {
            "all": np.ones_like(true),
            "true": true,
            "called": called,
            "not true": ~true,
            "not called": ~called,
        }[metric.rests_on]
        label = scored.predictions.classes[c]
        return self._estimate(metric, value, samples, images, metric.undefined.format(name=label))

    def difference(self, other: Scored, name: str) -> Estimate:
        """Return this figure minus another's, under the same resamples."""
        mine, theirs = self.scored, other
        value = mine.point.overall[name][0] - theirs.point.overall[name][0]
        samples = None
        if mine.resampled is not None and theirs.resampled is not None:
            samples = mine.resampled.overall[name] - theirs.resampled.overall[name]
        every = np.ones(len(mine.predictions), dtype=bool)
        metric = Metric(meaning="difference", ends=(float(value),))
        return self._estimate(metric, value, samples, every, self._classes_missing(name))

    def _classes_missing(self, name: str) -> str:
        """Say why a figure over all classes is undefined, naming the classes at fault."""
        per_class = {"balanced_accuracy": "recall"}.get(name, name.removeprefix("macro_"))
        values = self.scored.point.per_class.get(per_class)
        if values is None:
            return METRICS[name].undefined
        missing = np.flatnonzero(np.isnan(values[0]))
        labels = [self.scored.predictions.classes[c] for c in missing]
        return METRICS[name].undefined.format(name=" and of ".join(labels))

    def _estimate(
        self,
        metric: Metric,
        value: float,
        samples: Array | None,
        images: NDArray[np.bool_],
        why: str,
    ) -> Estimate:
        patients = int(np.unique(self.scored.weighted.patients[images]).size)
        low, high, missing, method, reason = None, None, 0, "none", None
        if np.isnan(value):
            reason = f"undefined: {why}"
        elif self.resamples == 0:
            reason = "no limits: no resamples were asked for"
        elif samples is None or patients < 2:
            reason = "no limits: an interval over patients needs at least two"
        elif metric.share and value in (0, 1):
            low, high = exact_interval(value, patients, self.level)
            method = "exact binomial over patients, as every resample is the same"
        else:
            low, high, missing, reason = self._percentiles(metric, value, samples)
            method = "none" if low is None else "percentiles of resampled patients"
        return Estimate(
            estimate=None if np.isnan(value) else float(value),
            low=low,
            high=high,
            n=int(images.sum()),
            patients=patients,
            method=method,
            undefined_resamples=missing,
            reason=reason,
        )

    def _percentiles(
        self, metric: Metric, value: float, samples: Array
    ) -> tuple[float | None, float | None, int, str | None]:
        low, high, missing = percentile_interval(samples, self.level)
        left = f"undefined in {missing} of {samples.size} resamples" if missing else None
        if missing == samples.size:
            return None, None, missing, f"no limits: {left}"
        if low == high == value and value in metric.ends:
            return None, None, missing, "no limits: every resample gives the same value"
        return low, high, missing, f"limits over the rest: {left}" if left else None
