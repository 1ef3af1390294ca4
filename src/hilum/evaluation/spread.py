"""From a figure and its resamples to an estimate: value, limits, and why one may be missing.

Where resampling shows no spread although there is some (a share of exactly 0 or 1, a perfect
AUROC) it must not be taken for certainty: shares get exact limits, the rest none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.bca import bca_interval, leave_out_patients
from hilum.evaluation.catalogue import METRICS, Metric
from hilum.evaluation.delong import auroc_covariance, auroc_interval
from hilum.evaluation.intervals import exact_interval, percentile_interval, resample_patients
from hilum.evaluation.paired import paired_difference
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.scores import Scores, WeightedScores
from hilum.evaluation.wilson import wilson_interval_of_patients

__all__ = ["Interval", "Scored", "Spread", "resample", "share_estimate"]

Array = NDArray[np.float64]
Interval = Literal["auto", "percentile", "bca"]
"""How limits are found: by the method that was measured to hold best for each figure, or by one
kind of bootstrap for all."""

EXACT = "exact binomial over patients, as every resample is the same"
WILSON = "Wilson, as many images as the patients' vary like"
DELONG = "DeLong on the logit scale, patients as clusters"


@dataclass
class Scored:
    """One set of predictions, its figures as they are, and under every resample."""

    predictions: Predictions
    weighted: WeightedScores
    point: Scores
    resampled: Scores | None = None
    left_out: Scores | None = None
    """Figures without each patient; only BCa limits need them."""

    @classmethod
    def start(cls, predictions: Predictions, decisions: NDArray[np.int64] | None) -> Scored:
        """Score the images as they are, each patient once."""
        weighted = WeightedScores(predictions, decisions)
        return cls(predictions, weighted, weighted(np.ones((1, weighted.n_patients))))


def resample(
    scored: list[Scored], resamples: int, seed: int, *, interval: Interval = "percentile"
) -> None:
    """Weigh all by the same resamples; nothing to learn from a single patient.

    Raises:
        ValueError: If there is no interval of that name.
    """
    if interval not in get_args(Interval):
        raise ValueError(
            f"interval must be one of {', '.join(get_args(Interval))}, got {interval!r}"
        )
    first, images = scored[0].weighted, len(scored[0].predictions)
    if resamples == 0 or first.n_patients < 2:
        return
    rng = np.random.default_rng(seed)
    parts: list[list[Scores]] = [[] for _ in scored]
    for counts in resample_patients(first.n_patients, resamples, rng, images=images):
        for part, one in zip(parts, scored, strict=True):
            part.append(one.weighted(counts))
    for part, one in zip(parts, scored, strict=True):
        one.resampled = Scores.joined(part)
    if interval == "bca":
        _leave_out(scored, rng)


def _leave_out(scored: list[Scored], rng: np.random.Generator) -> None:
    first, images = scored[0].weighted, len(scored[0].predictions)
    weights = list(leave_out_patients(first.n_patients, rng, images=images))
    for one in scored:
        one.left_out = Scores.joined([one.weighted(rows) for rows in weights])


def share_estimate(
    right: NDArray[np.bool_], patients: NDArray[np.int64], level: float = 0.95, *, empty: str = ""
) -> Estimate:
    """Return a share of images with limits that need no resampling.

    Args:
        right: Whether each image counts, shape (n,); n may be 0.
        patients: Which patient each shows, shape (n,), whole numbers from 0.
        level: Confidence of the interval, in (0, 1).
        empty: Why there may be no image.
    """
    n, people = int(right.size), int(np.unique(patients).size)
    if n == 0:
        return Estimate(
            estimate=None, low=None, high=None, n=0, patients=0, method="none", reason=empty or None
        )
    low: float | None
    high: float | None
    share, reason = float(right.mean()), None
    if people < 2:
        low, high, method = None, None, "none"
        reason = "no limits: an interval over patients needs at least two"
    elif share in (0, 1):
        low, high = exact_interval(share, people, level)
        method = EXACT
    else:
        low, high, _ = wilson_interval_of_patients(right, patients, level)
        method = WILSON
    return Estimate(
        estimate=share, low=low, high=high, n=n, patients=people, method=method, reason=reason
    )


@dataclass(frozen=True, slots=True)
class _Figure:
    """One figure of one set of predictions, with all its limits may be made from."""

    metric: Metric
    value: float
    samples: Array | None
    left_out: Array | None
    images: NDArray[np.bool_]
    """Which images it rests on."""

    right: NDArray[np.bool_] | None
    """Of a share: which images count."""

    why: str
    """Why it is undefined, if it is."""


class Spread:
    """Turn the figures of one set of predictions into estimates with limits."""

    def __init__(
        self, scored: Scored, level: float, resamples: int, interval: Interval = "percentile"
    ) -> None:
        self.scored = scored
        self.level = level
        self.resamples = resamples
        self.interval: Interval = interval

    def overall(self, name: str) -> Estimate:
        """Return a figure over all classes."""
        scored = self.scored
        if name in scored.point.per_class:  # of two classes, the positive one's
            return self.of_class(name, 1)
        every = np.ones(len(scored.predictions), dtype=bool)
        found = self._estimate(
            _Figure(
                metric=METRICS[name],
                value=float(scored.point.overall[name][0]),
                samples=None if scored.resampled is None else scored.resampled.overall[name],
                left_out=None if scored.left_out is None else scored.left_out.overall[name],
                images=every,
                right=scored.weighted.decisions == scored.predictions.labels,
                why=self._classes_missing(name),
            )
        )
        if name == "macro_auroc" and len(scored.predictions.classes) == 2:
            area = self.of_class("auroc", 1)  # the mean of two equal areas
            found = found if area.estimate is None else area
        return found

    def of_class(self, name: str, c: int) -> Estimate:
        """Return a figure of class `c` against the rest."""
        scored, metric = self.scored, METRICS[name]
        called, true = scored.weighted.decisions == c, scored.predictions.labels == c
        images = {
            "all": np.ones_like(true),
            "true": true,
            "called": called,
            "not true": ~true,
            "not called": ~called,
        }[metric.rests_on]
        label = scored.predictions.classes[c]
        found = self._estimate(
            _Figure(
                metric=metric,
                value=float(scored.point.per_class[name][0, c]),
                samples=None
                if scored.resampled is None
                else scored.resampled.per_class[name][:, c],
                left_out=None if scored.left_out is None else scored.left_out.per_class[name][:, c],
                images=images,
                right=called == true,
                why=metric.undefined.format(name=label),
            )
        )
        if name == "auroc" and self.interval == "auto" and found.method != "none":
            return self._by_delong(found, c)
        return found

    def difference(self, other: Scored, name: str, c: int | None = None) -> Estimate:
        """Return this figure minus another's, under the same resamples.

        Args:
            other: The other set of predictions, of the same images.
            name: The figure.
            c: Of which class against the rest; over all classes by default.
        """
        mine, theirs = self.scored, other
        if name == "macro_auroc" and c is None and len(mine.predictions.classes) == 2:
            # As `overall` does; rounding can make the two areas differ where probabilities are 1.
            return self.difference(other, "auroc", 1)
        value = _values(mine.point, name, c)[0] - _values(theirs.point, name, c)[0]
        samples = left_out = None
        if mine.resampled is not None and theirs.resampled is not None:
            samples = _values(mine.resampled, name, c) - _values(theirs.resampled, name, c)
        if mine.left_out is not None and theirs.left_out is not None:
            left_out = _values(mine.left_out, name, c) - _values(theirs.left_out, name, c)
        by_formula = self._share_difference(other, name, c)
        if by_formula is not None:
            return by_formula
        why = self._classes_missing(name)
        if c is not None:
            why = METRICS[name].undefined.format(name=mine.predictions.classes[c])
        return self._estimate(
            _Figure(
                metric=Metric(meaning="difference", ends=(float(value),)),
                value=float(value),
                samples=samples,
                left_out=left_out,
                images=np.ones(len(mine.predictions), dtype=bool),
                right=None,
                why=why,
            )
        )

    def _share_difference(self, other: Scored, name: str, c: int | None) -> Estimate | None:
        """Return the difference of two shares of the same images; None where it is not one."""
        metric = METRICS[name]
        same_images = metric.share and metric.rests_on in ("all", "true", "not true")
        if self.interval != "auto" or not same_images or self.scored.resampled is None:
            return None
        mine, theirs = self.scored, other
        labels = mine.predictions.labels
        decided = (mine.weighted.decisions, theirs.weighted.decisions)
        right = [d == labels if c is None else (d == c) == (labels == c) for d in decided]
        images = np.ones_like(right[0])
        if metric.rests_on != "all":
            images = (labels == c) == (metric.rests_on == "true")
        who = mine.weighted.patients[images]
        limits = paired_difference(right[0][images], right[1][images], who, self.level)
        if limits is None:
            return None
        return Estimate(
            estimate=float(right[0][images].mean() - right[1][images].mean()),
            low=limits[0],
            high=limits[1],
            n=int(images.sum()),
            patients=int(np.unique(who).size),
            method="Student's t over patients, paired",
        )

    def _classes_missing(self, name: str) -> str:
        """Say why a figure over all classes is undefined, naming the classes at fault."""
        per_class = {"balanced_accuracy": "recall"}.get(name, name.removeprefix("macro_"))
        values = self.scored.point.per_class.get(per_class)
        if values is None:
            return METRICS[name].undefined
        missing = np.flatnonzero(np.isnan(values[0]))
        labels = [self.scored.predictions.classes[c] for c in missing]
        return METRICS[name].undefined.format(name=" and of ".join(labels))

    def _by_delong(self, found: Estimate, c: int) -> Estimate:
        """Return an AUROC with limits by formula; those found where the formula has none."""
        predictions = self.scored.predictions
        areas = auroc_covariance(
            predictions.labels == c, predictions.probabilities[:, c], self.scored.weighted.patients
        )
        limits = auroc_interval(
            float(areas.values[0]), float(areas.covariance[0, 0]), areas.freedom, self.level
        )
        if limits is None:
            return found
        return replace(
            found, low=limits[0], high=limits[1], method=DELONG, undefined_resamples=0, reason=None
        )

    def _estimate(self, figure: _Figure) -> Estimate:
        who = self.scored.weighted.patients[figure.images]
        patients = int(np.unique(who).size)
        low, high, missing, method, reason = None, None, 0, "none", None
        if np.isnan(figure.value):
            reason = f"undefined: {figure.why}"
        elif self.resamples == 0:
            reason = "no limits: no resamples were asked for"
        elif figure.samples is None or patients < 2:
            reason = "no limits: an interval over patients needs at least two"
        elif figure.metric.share and figure.value in (0, 1):
            low, high = exact_interval(figure.value, patients, self.level)
            method = EXACT
        elif figure.metric.share and figure.right is not None and self.interval == "auto":
            low, high, _ = wilson_interval_of_patients(figure.right[figure.images], who, self.level)
            method = WILSON
        else:
            low, high, missing, reason = self._resampled(figure, figure.samples)
            kind = "BCa limits" if self.interval == "bca" else "percentiles"
            method = "none" if low is None else f"{kind} of resampled patients"
        return Estimate(
            estimate=None if np.isnan(figure.value) else float(figure.value),
            low=low,
            high=high,
            n=int(figure.images.sum()),
            patients=patients,
            method=method,
            undefined_resamples=missing,
            reason=reason,
        )

    def _resampled(
        self, figure: _Figure, samples: Array
    ) -> tuple[float | None, float | None, int, str | None]:
        if self.interval == "bca" and figure.left_out is not None:
            low, high, missing = bca_interval(samples, figure.value, figure.left_out, self.level)
        else:
            low, high, missing = percentile_interval(samples, self.level)
        left = f"undefined in {missing} of {samples.size} resamples" if missing else None
        if missing == samples.size:
            return None, None, missing, f"no limits: {left}"
        if low == high == figure.value and figure.value in figure.metric.ends:
            return None, None, missing, "no limits: every resample gives the same value"
        return low, high, missing, f"limits over the rest: {left}" if left else None


def _values(scores: Scores, name: str, c: int | None) -> Array:
    """Return a figure of a class, or over all, shape (b,)."""
    return scores.overall[name] if c is None else scores.per_class[name][:, c]
