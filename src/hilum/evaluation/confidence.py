"""Whether a model is as sure as it is right: over all films, by source, and class by class.

The calibration error alone misleads: it is above 0 for a perfect model, the more so the fewer the
films. So it stands beside what a perfect model would show on the same films, and beside the
signed gap, which says in which direction the model errs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.calibration import ECE_BINS, bin_index
from hilum.evaluation.intervals import percentile_interval, resample_patients
from hilum.evaluation.metrics import log_losses, squared_errors
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import share_estimate
from hilum.evaluation.wilson import wilson_interval_of_patients

__all__ = [
    "ClassReliability",
    "Confidence",
    "class_reliability",
    "confidence_by_source",
    "ece_if_perfect",
    "measure_confidence",
]

Array = NDArray[np.float64]

_PERFECT_DRAWS = 400
_PERCENTILES = "percentiles of resampled patients"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How well what a model says fits how often it is right, on one group of films."""

    group: str
    n: int
    patients: int
    accuracy: Estimate
    confidence: float
    """Mean probability of the most probable class, in [0, 1]."""

    gap: Estimate
    """Mean confidence minus accuracy: above 0 is overconfident."""

    ece: Estimate
    perfect_ece: float
    """Mean calibration error of a perfectly calibrated model on these films."""

    perfect_ece_high: float
    """What it exceeds on one such set of films in twenty."""

    nll: Estimate
    brier: Estimate
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassReliability:
    """What is said of one class and how often it comes true, in equal-width bins."""

    label: str
    edges: tuple[float, ...]
    count: tuple[int, ...]
    said: tuple[float | None, ...]
    """Mean probability in each bin; None where it is empty."""

    true: tuple[float | None, ...]
    """Share of images truly of the class."""

    low: tuple[float | None, ...]
    high: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def measure_confidence(
    predictions: Predictions,
    *,
    group: str = "all",
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Confidence:
    """Measure how well confidence fits accuracy.

    Args:
        predictions: What a model said, and what is true.
        group: What these films are.
        resamples: Resamples of patients; 0 for no limits of the gap, the error and the losses.
        seed: Seed of the resampling and of the perfect model's draws.
        level: Confidence of the intervals, in (0, 1).
    """
    p, y = predictions.probabilities, predictions.labels
    who = predictions.patient_index()
    confidence, right = p.max(axis=1), predictions.decisions == y
    rng = np.random.default_rng(seed)
    sums = _sums_by_patient(p, y, who)
    names = ("gap", "ece", "nll", "brier")
    point = dict(zip(names, _figures(sums.sum(axis=0)[None])[:, 0].tolist(), strict=True))
    samples: list[Array] = []
    if resamples and len(sums) > 1:
        samples = [_figures(w @ sums) for w in resample_patients(len(sums), resamples, rng)]
    drawn = np.concatenate(samples, axis=1) if samples else None
    estimates = {
        name: _estimate(point[name], None if drawn is None else drawn[i], y.size, len(sums), level)
        for i, name in enumerate(names)
    }
    accuracy = share_estimate(right, who, level)
    expected, high = ece_if_perfect(confidence, who, rng=rng)
    said = float(confidence.mean())
    estimates["gap"] = _honest_gap(estimates["gap"], said, accuracy)
    return Confidence(
        group=group,
        n=int(y.size),
        patients=len(sums),
        accuracy=accuracy,
        confidence=said,
        perfect_ece=expected,
        perfect_ece_high=high,
        verdict=_verdict(said, accuracy, estimates["gap"], estimates["ece"], high),
        **estimates,
    )


def confidence_by_source(
    predictions: Predictions, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[Confidence, ...]:
    """Measure each source by itself, most films first; nothing where sources are unknown."""
    if predictions.sources is None:
        return ()
    names, counts = np.unique(predictions.sources, return_counts=True)
    return tuple(
        measure_confidence(
            predictions.take(predictions.sources == name),
            group=str(name),
            resamples=resamples,
            seed=seed,
            level=level,
        )
        for name in names[np.argsort(-counts, kind="stable")]
    )


def ece_if_perfect(
    confidence: Array, patients: NDArray[np.int64], *, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the calibration error a perfect model shows by chance: its mean, and 95th percentile.

    Each film is called right with exactly its confidence. Films of one patient come out together,
    as far as their confidences allow, which is the most they can hang together.

    Args:
        confidence: Probability of the most probable class, shape (n,).
        patients: Which patient each film shows, shape (n,), whole numbers from 0.
        rng: Where chance comes from.
    """
    index, found = bin_index(confidence, ECE_BINS), np.empty(_PERFECT_DRAWS)
    people = int(patients.max()) + 1
    for draw in range(_PERFECT_DRAWS):
        right = rng.random(people)[patients] < confidence
        gap = np.bincount(index, weights=right - confidence, minlength=ECE_BINS)
        found[draw] = np.abs(gap).sum() / confidence.size
    return float(found.mean()), float(np.quantile(found, 0.95))


def class_reliability(
    predictions: Predictions, c: int, *, bins: int = 10, level: float = 0.95
) -> ClassReliability:
    """Gather what is said of class `c`, and how often it is true, in equal-width bins.

    Args:
        predictions: What a model said, and what is true.
        c: The class, against the rest.
        bins: Number of bins, at least 1.
        level: Confidence of the limits, in (0, 1).

    Raises:
        ValueError: If `bins` is below 1.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    p, true = predictions.probabilities[:, c], predictions.labels == c
    who, index = predictions.patient_index(), bin_index(p, bins)
    count, said, share, low, high = [], [], [], [], []
    for b in range(bins):
        inside = index == b
        count.append(int(inside.sum()))
        found = share_estimate(true[inside], who[inside], level)
        limits = (found.low, found.high)
        if found.n and found.low is None:
            limits = wilson_interval_of_patients(true[inside], who[inside], level)[:2]
        said.append(float(p[inside].mean()) if found.n else None)
        share.append(found.estimate)
        low.append(limits[0])
        high.append(limits[1])
    return ClassReliability(
        label=predictions.classes[c],
        edges=tuple(np.linspace(0, 1, bins + 1).tolist()),
        count=tuple(count),
        said=tuple(said),
        true=tuple(share),
        low=tuple(low),
        high=tuple(high),
    )


def _sums_by_patient(p: Array, y: NDArray[np.int64], who: NDArray[np.int64]) -> Array:
    """Return of each patient: images, gap, log losses, squared errors, and the gap in each bin."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    gap, people = confidence - right, int(who.max()) + 1
    columns: Iterable[Array] = (np.ones(y.size), gap, log_losses(p, y), squared_errors(p, y))
    plain = np.stack([np.bincount(who, weights=c, minlength=people) for c in columns], axis=1)
    cell = who * ECE_BINS + bin_index(confidence, ECE_BINS)
    binned = np.bincount(cell, weights=gap, minlength=people * ECE_BINS)
    return np.concatenate([plain, binned.reshape(people, ECE_BINS)], axis=1)


def _figures(sums: Array) -> Array:
    """Return gap, ece, nll and brier, (4, b), of sums (b, 4 + bins)."""
    total = sums[:, 0]
    ece = np.abs(sums[:, 4:]).sum(axis=1)
    found: Array = np.stack([sums[:, 1], ece, sums[:, 2], sums[:, 3]]) / total
    return found


def _estimate(value: float, samples: Array | None, n: int, patients: int, level: float) -> Estimate:
    low: float | None
    high: float | None
    low, high, method = None, None, "none"
    if samples is not None:
        low, high, _ = percentile_interval(samples, level)
        method = _PERCENTILES
    reason = None
    if samples is None:
        few = "an interval over patients needs at least two"
        reason = f"no limits: {few if patients < 2 else 'no resamples were asked for'}"
    return Estimate(
        estimate=value, low=low, high=high, n=n, patients=patients, method=method, reason=reason
    )


def _honest_gap(gap: Estimate, said: float, accuracy: Estimate) -> Estimate:
    """Take the exact limits of an accuracy of 0 or 1, which no resample moves."""
    if accuracy.estimate not in (0, 1) or accuracy.low is None or accuracy.high is None:
        return gap
    return replace(
        gap,
        low=said - accuracy.high,
        high=said - accuracy.low,
        method=f"mean confidence minus limits of the accuracy: {accuracy.method}",
    )


def _verdict(said: float, accuracy: Estimate, gap: Estimate, ece: Estimate, chance: float) -> str:
    right = math.nan if accuracy.estimate is None else accuracy.estimate
    both = f"says {said:.1%} on average and is right in {right:.1%}"
    if gap.low is None or gap.high is None:
        return f"{both}; no limits, so nothing is shown"
    if gap.low > 0:
        return f"overconfident: {both}"
    if gap.high < 0:
        return f"underconfident: {both}"
    if ece.estimate is not None and ece.estimate > chance:
        return (
            f"neither over- nor underconfident on the whole, yet miscalibrated: the error of "
            f"{ece.estimate:.3f} is more than the {chance:.3f} a perfect model would rarely exceed"
        )
    return f"no miscalibration can be shown at this size: {both}"
