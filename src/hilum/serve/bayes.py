"""What an answer becomes when something is known beforehand.

A calibrated probability holds for films among which a class is as common as where the bundle was
calibrated. Where it is rarer or more common, or where the history makes it more or less likely for
this patient, Bayes' rule in odds carries the film's own evidence over:

    likelihood ratio = odds(probability) / odds(prevalence)
    odds(post-test)  = odds(pre-test) * likelihood ratio

References:
    Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori
    Probabilities: A Simple Procedure", Neural Computation 14, 2002, equation 2.4 (two classes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Update", "update"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The working.

    Args:
        pretest: What was held likely before the film was seen.
        prevalence: Share of the class where the bundle was calibrated.
        probability: What the bundle said.
        likelihood_ratio: How much the film itself speaks for the class.
        posttest: What is likely now.
        working: The steps, as lines of text.
    """

    pretest: float
    prevalence: float
    probability: float
    likelihood_ratio: float
    posttest: float
    working: tuple[str, ...]


def update(probability: float, *, prevalence: float, pretest: float) -> Update:
    """Return what a probability becomes for another pre-test probability.

    Args:
        probability: Calibrated, in (0, 1).
        prevalence: Share of the class among the films it was calibrated on, in (0, 1).
        pretest: What is held likely before the film is seen, in (0, 1).

    Raises:
        ValueError: If any of them is not strictly between 0 and 1: nothing follows from certainty.

    >>> round(update(0.8, prevalence=0.5, pretest=0.1).posttest, 3)
    0.308
    """
    given = {"probability": probability, "prevalence": prevalence, "pretest": pretest}
    for name, value in given.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must be strictly between 0 and 1, got {value:g}")
    ratio = _odds(probability) / _odds(prevalence)
    odds = _odds(pretest) * ratio
    posttest = odds / (1 + odds)
    return Update(
        pretest=pretest,
        prevalence=prevalence,
        probability=probability,
        likelihood_ratio=ratio,
        posttest=posttest,
        working=_working(given, ratio, odds),
    )


def _working(given: Mapping[str, float], ratio: float, odds: float) -> tuple[str, ...]:
    p, share, before = given["probability"], given["prevalence"], given["pretest"]
    return (
        f"The bundle says {p:.3f}; of the films it was calibrated on, {share:.3f} had the class.",
        f"Likelihood ratio: {_odds(p):.3g} / {_odds(share):.3g} = {ratio:.3g} (odds of both).",
        f"Odds before: {before:.3f} / {1 - before:.3f} = {_odds(before):.3g}.",
        f"Odds after: {_odds(before):.3g} x {ratio:.3g} = {odds:.3g}.",
        f"Post-test probability: {odds:.3g} / (1 + {odds:.3g}) = {odds / (1 + odds):.3f}.",
    )


def _odds(probability: float) -> float:
    return probability / (1 - probability)
