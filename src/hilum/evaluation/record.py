"""The records an evaluation is made of: a number with its interval, baselines, and all of it.

Kept apart from the computing so that whoever draws or stores an evaluation needs only this.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.catalogue import METRICS

if TYPE_CHECKING:
    from hilum.evaluation.evidence import Evidence

__all__ = ["RESEARCH_USE", "Baseline", "Estimate", "Evaluation"]

RESEARCH_USE = "Research use only. Not a medical device; not for diagnosis."


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One number, with all that is needed to judge it."""

    estimate: float | None
    """The value on the images as they are; None where undefined."""

    low: float | None
    """Lower limit; None where there is no honest one."""

    high: float | None
    """Upper limit; None where there is no honest one."""

    n: int
    """Images it rests on: for recall those of the class, for precision those called it."""

    patients: int
    """Patients those images show."""

    method: str
    """How the limits were found."""

    undefined_resamples: int = 0
    """Resamples in which it was undefined and which the limits leave out."""

    reason: str | None = None
    """Why the value or the limits are missing."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return asdict(self)

    def text(self, *, percent: bool = False) -> str:
        """Return the number and its limits for a reader.

        >>> Estimate(estimate=0.9, low=0.85, high=0.94, n=9, patients=9, method="").text()
        '0.900 (0.850 to 0.940)'
        """
        if self.estimate is None or math.isnan(self.estimate):
            return "undefined"
        scale, places, unit = (100, 1, " %") if percent else (1, 3, "")
        value = f"{self.estimate * scale:.{places}f}"
        if self.low is None or self.high is None:
            return f"{value}{unit}"
        return f"{value}{unit} ({self.low * scale:.{places}f} to {self.high * scale:.{places}f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The score of a rule that never looks at the picture."""

    title: str
    """What the rule is, in a few words."""

    fitted_on: str = ""
    """Where the rule's labels come from."""

    metrics: dict[str, Estimate] = field(default_factory=dict)
    """accuracy, balanced_accuracy and macro_auroc of the rule."""

    gain: dict[str, Estimate] = field(default_factory=dict)
    """The model's value minus the rule's, over the same resamples."""

    unavailable: str | None = None
    """Why there is none, if there is none."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "title": self.title,
            "available": self.unavailable is None,
            "reason": self.unavailable,
            "fitted_on": self.fitted_on or None,
            "metrics": {name: value.to_dict() for name, value in self.metrics.items()},
            "model_minus_baseline": {name: value.to_dict() for name, value in self.gain.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How well a set of predictions fits the truth, and how sure that is."""

    classes: tuple[str, ...]
    n_images: int
    n_patients: int

    metrics: dict[str, Estimate]
    """Figures over all classes; for two classes `auroc` and `average_precision` are those of the
    second, positive class."""

    per_class: dict[str, dict[str, Estimate]]
    """Figures of each class against the rest."""

    confusion: NDArray[np.int64]
    """Images by true class (rows) and decision (columns), shape (k, k)."""

    baselines: dict[str, Baseline]
    """`source_majority` and `overall_majority`, in this order."""

    method: str
    """How the intervals were made, in a sentence."""

    decision: str
    """How a class was decided for."""

    level: float
    resamples: int
    seed: int

    notes: tuple[str, ...] = ()
    """What a reader must know before using a figure."""

    evidence: Evidence | None = None
    """What an answer is worth, operating points and calibration, where they were asked for."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: no NaN, baselines before the model's own figures."""
        used = {*self.metrics, *(name for row in self.per_class.values() for name in row)}
        counts = self.confusion.sum(axis=1).tolist()
        return {
            "use": RESEARCH_USE,
            "classes": list(self.classes),
            "positive_class": self.classes[1] if len(self.classes) == 2 else None,
            "n_images": self.n_images,
            "n_patients": self.n_patients,
            "class_counts": dict(zip(self.classes, counts, strict=True)),
            "decision": self.decision,
            "intervals": {
                "method": self.method,
                "level": self.level,
                "resamples": self.resamples,
                "seed": self.seed,
            },
            "notes": list(self.notes),
            "baselines": {name: value.to_dict() for name, value in self.baselines.items()},
            "metrics": {name: value.to_dict() for name, value in self.metrics.items()},
            "per_class": {
                label: {name: value.to_dict() for name, value in row.items()}
                for label, row in self.per_class.items()
            },
            "confusion": {
                "rows": "true class",
                "columns": "decision",
                "counts": self.confusion.tolist(),
            },
            **({} if self.evidence is None else self.evidence.to_dict()),
            "definitions": {name: METRICS[name].meaning for name in METRICS if name in used},
        }
