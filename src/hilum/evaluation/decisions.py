"""Is acting on the model better than treating everyone or no one, and when should it stay silent?

A decision curve weighs false alarms by what the chosen threshold says they cost. An abstain band
leaves the doubtful films to a reader, and says how many these are and how many errors are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hilum.evaluation.operating import Target, choose_threshold
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import share_estimate
from hilum.evaluation.wilson import student_quantile

__all__ = ["AbstainBand", "DecisionCurve", "abstain_band", "decision_curve"]

STEPS = tuple(round(0.01 + 0.02 * i, 2) for i in range(50))
"""Thresholds of a decision curve: 0.01 to 0.99."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCurve:
    """Net benefit of acting on one class, over the threshold from which one would act."""

    label: str
    prevalence: float
    from_data: bool
    """Whether the prevalence is that of the scored images."""

    thresholds: tuple[float, ...]
    model: tuple[float, ...]
    """True positives an image, less false positives weighed by the threshold's odds."""

    low: tuple[float, ...]
    """Lower limits; empty where there are none."""

    high: tuple[float, ...]
    treat_all: tuple[float, ...]
    n: int
    patients: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; treating no one is 0 everywhere."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstainBand:
    """Two thresholds of one class; between them no answer is given."""

    label: str
    low: float
    """Below this, the class is ruled out."""

    high: float
    """From this on, it is called."""

    abstained: Estimate
    """Share of images left to a reader."""

    error: Estimate
    """Share of wrong answers among those given."""

    error_without: Estimate
    """The same if `high` alone decided every image."""

    missed: Estimate
    """Share of the class that is ruled out."""

    false_alarms: Estimate
    """Share of other images that are called."""

    chosen_on: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def decision_curve(
    predictions: Predictions,
    c: int,
    *,
    prevalence: float | None = None,
    thresholds: Sequence[float] = STEPS,
    level: float = 0.95,
) -> DecisionCurve:
    """Return the net benefit of acting on class `c` where its probability reaches a threshold.

    NB(t) = q sensitivity(t) - (1 - q) (1 - specificity(t)) t / (1 - t).

    Args:
        predictions: What a model said, and what is true.
        c: Index of the class.
        prevalence: Share of the class where the model will be used, q; the images' by default.
        thresholds: Where to compute it, each in (0, 1).
        level: Confidence of the limits at each threshold, in (0, 1). The net benefit is a mean of
            what each image adds; its variance is taken over patients.

    Raises:
        ValueError: If a threshold or the prevalence is out of range, or a side is empty.

    References:
        Vickers and Elkin, "Decision curve analysis: a novel method for evaluating prediction
        models", Med. Decis. Making 26, 2006.
    """
    t, y = np.asarray(thresholds, dtype=np.float64), predictions.labels == c
    if not np.all((t > 0) & (t < 1)) or (prevalence is not None and not 0 < prevalence < 1):
        raise ValueError(f"Thresholds and prevalence must be in (0, 1), got {t} and {prevalence}")
    if not y.any() or y.all():
        raise ValueError(f"A decision curve needs images of {predictions.classes[c]} and others")
    who = predictions.patient_index()
    people = int(who.max()) + 1
    called = (predictions.probabilities[:, c][:, None] >= t).astype(np.float64)
    q = float(y.mean()) if prevalence is None else prevalence
    gain, loss = q / y.sum(), (1 - q) / (~y).sum() * t / (1 - t)
    worth = np.where(y[:, None], gain * called, -loss * called)
    benefit = worth.sum(axis=0)
    low, high = np.empty(0), np.empty(0)
    if people > 1:
        if prevalence is None:
            parts = worth - benefit / y.size
        else:
            shares = np.where(y[:, None], called[y].mean(axis=0), called[~y].mean(axis=0))
            parts = np.where(y[:, None], gain, -loss) * (called - shares)
        sums = np.zeros((people, t.size))
        np.add.at(sums, who, parts)
        spread = np.sqrt(people / (people - 1) * (sums**2).sum(axis=0))
        half = student_quantile(level, people - 1) * spread
        low, high = benefit - half, benefit + half
    return DecisionCurve(
        label=predictions.classes[c],
        prevalence=q,
        from_data=prevalence is None,
        thresholds=tuple(t.tolist()),
        model=tuple(benefit.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        treat_all=tuple((q - (1 - q) * t / (1 - t)).tolist()),
        n=int(y.size),
        patients=people,
    )


def abstain_band(
    predictions: Predictions,
    c: int,
    *,
    sensitivity: float = 0.95,
    specificity: float = 0.95,
    band: tuple[float, float] | None = None,
    chosen_on: str = "the scored images themselves, which flatters it",
    level: float = 0.95,
) -> AbstainBand:
    """Rule class `c` out below one threshold, call it from another on, and stay silent between.

    Args:
        predictions: What a model said, and what is true.
        c: Index of the class.
        sensitivity: Share of the class that must not be ruled out; sets the lower threshold.
        specificity: Share of others that must not be called; sets the upper threshold.
        band: Both thresholds, if they were chosen elsewhere.
        chosen_on: Which images they were chosen on, for the reader.
        level: Confidence of the limits, in (0, 1).

    Returns:
        The band; where the two wishes need no silence, both thresholds are the upper one.

    Raises:
        ValueError: If a side is empty, or no threshold in [0, 1] serves.
    """
    y, s = predictions.labels == c, predictions.probabilities[:, c]
    if band is None:
        high = choose_threshold(y, s, Target("specificity", specificity))
        low = min(high, choose_threshold(y, s, Target("sensitivity", sensitivity)))
    else:
        low, high = band
    who = predictions.patient_index()
    out, called = s < low, s >= high
    silent = ~out & ~called
    wrong = (out & y) | (called & ~y)
    nothing = "no answer is ever given"
    return AbstainBand(
        label=predictions.classes[c],
        low=low,
        high=high,
        abstained=share_estimate(silent, who, level),
        error=share_estimate(wrong[~silent], who[~silent], level, empty=nothing),
        error_without=share_estimate(called != y, who, level),
        missed=share_estimate(out[y], who[y], level),
        false_alarms=share_estimate(called[~y], who[~y], level),
        chosen_on=chosen_on,
    )
