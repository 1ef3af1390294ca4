"""What a reader asks after the score: what is an answer worth, where to cut, is it sure rightly?

Kept beside an evaluation, not in it: it is made only where someone will read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hilum.evaluation.confidence import Confidence, confidence_by_source, measure_confidence
from hilum.evaluation.decisions import DecisionCurve, decision_curve
from hilum.evaluation.operating import OperatingPoint, Target, Worth, operating_point, worth_at
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.prevalence import PREVALENCES
from hilum.evaluation.record import Evaluation

__all__ = ["TARGETS", "Evidence", "gather_evidence"]

TARGETS = (Target("sensitivity", 0.95), Target("specificity", 0.95))
"""What thresholds are chosen for unless asked otherwise."""

_MOST_RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the score means for those who would use the model."""

    worth: dict[str, tuple[Worth, ...]]
    """Of the decisions as they were made, by class."""

    points: tuple[OperatingPoint, ...]
    confidence: tuple[Confidence, ...]
    """All films first, then each source."""

    curves: tuple[DecisionCurve, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "predictive_values": {
                label: [
                    {"prevalence": w.prevalence, "ppv": w.ppv.to_dict(), "npv": w.npv.to_dict()}
                    for w in row
                ]
                for label, row in self.worth.items()
            },
            "operating_points": [point.to_dict() for point in self.points],
            "calibration": [group.to_dict() for group in self.confidence],
            "decision_curves": [curve.to_dict() for curve in self.curves],
        }


def gather_evidence(
    predictions: Predictions,
    evaluation: Evaluation,
    *,
    prevalences: Sequence[float] = PREVALENCES,
    thresholds: Mapping[str, tuple[str, float, str]] | None = None,
    resamples: int = 1000,
) -> Evidence:
    """Work out what an answer is worth, where to cut, and how sure the model is.

    Args:
        predictions: What was scored.
        evaluation: Its figures.
        prevalences: Where predictive values are wanted, each in (0, 1).
        thresholds: Thresholds chosen elsewhere: name to class, value and where they come from.
        resamples: Of patients; 1,000 are enough here.

    Raises:
        ValueError: If a prevalence is not between 0 and 1.
    """
    k, level, seed = len(predictions.classes), evaluation.level, evaluation.seed
    classes = [1] if k == 2 else list(range(k))
    images = len(predictions)
    both_sides = [c for c in classes if 0 < int((predictions.labels == c).sum()) < images]
    sided = set(both_sides) | ({0, 1} if k == 2 and both_sides else set())
    drawn = min(resamples, _MOST_RESAMPLES)
    given = [
        operating_point(
            predictions,
            predictions.classes.index(label),
            value,
            name=name,
            prevalences=prevalences,
            chosen_on=source,
            level=level,
        )
        for name, (label, value, source) in (thresholds or {}).items()
        if predictions.classes.index(label) in sided
    ]
    chosen = [
        operating_point(
            predictions, c, target, prevalences=prevalences, resamples=min(200, drawn),
            seed=seed, level=level,
        )
        for c in both_sides
        for target in TARGETS
        if _served(predictions, c, target)
    ]  # fmt: skip
    rows = {predictions.classes[c]: evaluation.per_class[predictions.classes[c]] for c in classes}
    options: dict[str, Any] = {"resamples": drawn, "seed": seed, "level": level}
    return Evidence(
        worth={
            label: worth_at(
                row["recall"], row["specificity"], prevalences, patients=evaluation.n_patients
            )
            for label, row in rows.items()
        },
        points=(*given, *chosen),
        confidence=(
            measure_confidence(predictions, **options),
            *confidence_by_source(predictions, **options),
        ),
        curves=tuple(decision_curve(predictions, c, level=level) for c in both_sides),
    )


def _served(predictions: Predictions, c: int, target: Target) -> bool:
    """Say whether a threshold in [0, 1] serves: others with a probability of 1 may forbid it."""
    if target.kind != "specificity":
        return True
    others = predictions.probabilities[predictions.labels != c, c]
    return bool((others < 1).mean() >= target.value)
