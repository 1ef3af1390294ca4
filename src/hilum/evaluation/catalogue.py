"""What each metric's name means, which images it rests on, and when it has no value.

One table, so that the JSON, the screen and the intervals cannot disagree about a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["METRICS", "Metric"]

Rests = Literal["all", "true", "called", "not true", "not called"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of the evaluation."""

    meaning: str
    """One line a reader can check the number against."""

    rests_on: Rests = "all"
    """Which images it is a share of: all, those truly of the class, those called it, the rest."""

    share: bool = False
    """Whether it is a plain share of images, for which exact limits exist."""

    ends: tuple[float, ...] = (0.0, 1.0)
    """Values at which resampling shows no spread although there is some."""

    undefined: str = "nothing to divide by"
    """Why it may have no value; `{name}` is the class."""


_CURVE = "needs images of {name} and of other classes"

METRICS: dict[str, Metric] = {
    "accuracy": Metric(meaning="share of images called rightly", share=True),
    "balanced_accuracy": Metric(
        meaning="mean recall of the classes", undefined="no image of {name}"
    ),
    "recall": Metric(
        meaning="sensitivity: TP / (TP + FN)",
        rests_on="true",
        share=True,
        undefined="no image of {name}",
    ),
    "precision": Metric(
        meaning="positive predictive value: TP / (TP + FP); moves with prevalence",
        rests_on="called",
        share=True,
        undefined="no image was called {name}",
    ),
    "specificity": Metric(
        meaning="TN / (TN + FP)",
        rests_on="not true",
        share=True,
        undefined="every image is of {name}",
    ),
    "npv": Metric(
        meaning="negative predictive value: TN / (TN + FN); moves with prevalence",
        rests_on="not called",
        share=True,
        undefined="every image was called {name}",
    ),
    "f1": Metric(
        meaning="2 TP / (2 TP + FP + FN)", undefined="{name} neither occurs nor was called"
    ),
    "auroc": Metric(
        meaning="chance that an image of the class scores above one of another; one against rest",
        undefined=_CURVE,
    ),
    "average_precision": Metric(
        meaning="precision averaged over recall, not interpolated; chance is the class's share",
        undefined="no image of {name}",
    ),
    "cohen_kappa": Metric(
        meaning="(p_o - p_e) / (1 - p_e), agreement beyond chance",
        ends=(1.0,),
        undefined="all images are of one class and called that class",
    ),
    "mcc": Metric(
        meaning="Matthews correlation coefficient of truth and decision",
        ends=(-1.0, 1.0),
        undefined="all images, or all decisions, are of one class",
    ),
    "brier": Metric(
        meaning="mean squared error of the probabilities: of the positive class (0 to 1) for two "
        "classes, summed over classes (0 to 2) for more"
    ),
    "nll": Metric(meaning="mean -log P(true class) in nats, P clipped at 1e-7", ends=(0.0,)),
    "ece": Metric(
        meaning="expected calibration error of the most probable class, 15 equal-width bins"
    ),
}

METRICS |= {
    f"macro_{name}": Metric(
        meaning=f"mean {name} of the classes", undefined=METRICS[name].undefined
    )
    for name in ("recall", "precision", "specificity", "npv", "f1", "auroc", "average_precision")
}
