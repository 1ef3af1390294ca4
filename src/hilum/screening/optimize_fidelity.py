"""How near a fast engine comes to the one it would replace, on the same films.

The question is not how good the network is but whether the engine changes what it says. It passes
if it decides alike on at least 99.5 % of the films, by the most probable class and by the bundle's
own rule of decision, and loses at most 0.002 of the AUROC. The figures decide as they are; their
limits say how far these films can carry them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import BundleError
from hilum.evaluation.compare import compare
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import share_estimate
from hilum.screening.heatmap import is_empty
from hilum.screening.optimize_films import Films
from hilum.screening.record import BundleRecord
from hilum.screening.threshold import Threshold

__all__ = ["LEAST_AGREEMENT", "MOST_LOST", "Answers", "Fidelity", "measure_fidelity"]

LEAST_AGREEMENT = 0.995
MOST_LOST = 0.002
"""Of the macro AUROC, in its own unit."""

_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Answers:
    """What an engine says of films: probabilities (n, classes) and maps (n, classes, h, w)."""

    probabilities: NDArray[np.float64]
    cams: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How near one engine's answers are to another's.

    Args:
        films: Compared.
        patients: They show.
        agreement: Share of films with the same most probable class.
        same_decision: Share of films with the same decision by the bundle's default threshold.
        flips: Films decided otherwise by it.
        auroc: Macro AUROC of the engine (of two classes, of the second).
        auroc_before: The same of the engine it would replace.
        auroc_difference: The first minus the second, paired, patients resampled.
        largest_change: Of any probability of any film.
        mean_change: Of all of them.
        map_correlation: Median over films and classes.
        map_correlation_low: 5th percentile.
        maps: Pairs of maps it rests on; those that are empty in both engines are none.
        maps_lost: Maps that are empty in one engine alone.
    """

    films: int
    patients: int
    agreement: Estimate
    same_decision: Estimate
    flips: int
    auroc: Estimate
    auroc_before: Estimate
    auroc_difference: Estimate
    largest_change: float
    mean_change: float
    map_correlation: float | None
    map_correlation_low: float | None
    maps: int
    maps_lost: int

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the engine may not be used; nothing if it passes."""
        found = []
        shares = {"the most probable class": self.agreement}
        if self.same_decision != self.agreement:  # equal where the most probable class decides
            shares["the decision"] = self.same_decision
        for what, share in shares.items():
            if share.estimate is not None and share.estimate < LEAST_AGREEMENT:
                found.append(
                    f"{what} is the same on {share.text(percent=True)} of the films; "
                    f"at least {LEAST_AGREEMENT:.1%} is wanted"
                )
        lost = self.auroc_difference.estimate
        if lost is None:
            found.append("the AUROC is undefined")
        elif lost < -MOST_LOST:
            found.append(
                f"{-lost:.4f} of the AUROC is lost; at most {MOST_LOST} may be "
                f"({_span(self.auroc_difference)})"
            )
        return tuple(found)

    @property
    def passed(self) -> bool:
        """Whether the engine may be used."""
        return not self.problems

    @property
    def doubts(self) -> tuple[str, ...]:
        """What these films are too few to show; sentences."""
        found = []
        low = self.agreement.low
        if low is not None and low < LEAST_AGREEMENT:
            found.append(
                f"{self.films} films cannot show that the engines agree on "
                f"{LEAST_AGREEMENT:.1%} of all: the lower limit is {low:.1%}. About "
                f"{_films_needed()} that all agree would."
            )
        gap = self.auroc_difference
        if gap.low is not None and gap.low < -MOST_LOST:
            found.append(f"A loss of {-gap.low:.4f} of the AUROC cannot be excluded.")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "passed": self.passed,
            "problems": list(self.problems),
            "doubts": list(self.doubts),
            "films": self.films,
            "patients": self.patients,
            "agreement": self.agreement.to_dict(),
            "same_decision": self.same_decision.to_dict(),
            "flips": self.flips,
            "auroc": self.auroc.to_dict(),
            "auroc_before": self.auroc_before.to_dict(),
            "auroc_difference": self.auroc_difference.to_dict(),
            "largest_probability_change": self.largest_change,
            "mean_probability_change": self.mean_change,
            "map_correlation_median": self.map_correlation,
            "map_correlation_5th_percentile": self.map_correlation_low,
            "maps_compared": self.maps,
            "maps_empty_in_one_only": self.maps_lost,
        }


def measure_fidelity(
    films: Films, before: Answers, after: Answers, record: BundleRecord, *, seed: int = 0
) -> Fidelity:
    """Compare the answers of two engines to the same films.

    Args:
        films: What is true of them.
        before: Of the engine that would be replaced.
        after: Of the engine that would replace it.
        record: Of the bundle; its default threshold decides.
        seed: Of the resampling of patients.

    Raises:
        BundleError: If a probability is not a number.
    """
    for answers, whose in ((before, "bundle's own"), (after, "fast")):
        if not np.isfinite(answers.probabilities).all():
            raise BundleError(f"The {whose} engine gave NaN or infinity; there is nothing to say.")
    first, second = films.predictions(before.probabilities), films.predictions(after.probabilities)
    who = first.patient_index()
    alike = first.decisions == second.decisions
    rule = record.threshold()[1]
    decided = [_decided(one.probabilities, rule, record.classes) for one in (before, after)]
    same = decided[0] == decided[1]
    compared = compare(
        second, first, names=("fast", "own"), resamples=_RESAMPLES, seed=seed
    ).metrics["macro_auroc"]
    change = np.abs(after.probabilities - before.probabilities)
    correlations, lost = _correlations(before.cams, after.cams)
    some = correlations.size > 0
    return Fidelity(
        films=len(films),
        patients=films.patients,
        agreement=share_estimate(alike, who),
        same_decision=share_estimate(same, who),
        flips=int((~same).sum()),
        auroc=compared.a,
        auroc_before=compared.b,
        auroc_difference=compared.difference,
        largest_change=float(change.max()),
        mean_change=float(change.mean()),
        map_correlation=float(np.median(correlations)) if some else None,
        map_correlation_low=float(np.percentile(correlations, 5)) if some else None,
        maps=int(correlations.size),
        maps_lost=lost,
    )


def _decided(
    probabilities: NDArray[np.float64], rule: Threshold, classes: tuple[str, ...]
) -> NDArray[np.str_]:
    return np.array(
        [rule.decide(dict(zip(classes, row, strict=True))) for row in probabilities.tolist()]
    )


def _correlations(
    before: NDArray[np.float32], after: NDArray[np.float32]
) -> tuple[NDArray[np.float64], int]:
    """Return Pearson's correlation of each pair of maps, and how many are empty on one side."""
    found, lost = [], 0
    for one, other in zip(before, after, strict=True):
        empty = np.stack([is_empty(one), is_empty(other)])
        lost += int((empty[0] != empty[1]).sum())
        for c in np.flatnonzero(~empty.any(axis=0)):
            r = _pearson(one[c].astype(np.float64).ravel(), other[c].astype(np.float64).ravel())
            if r is not None:
                found.append(r)
    return np.array(found, np.float64), lost


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    x, y = x - x.mean(), y - y.mean()
    size = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / size if size > 0 else None


def _films_needed() -> int:
    """Return how many films must all agree for the exact lower limit to reach 99.5 %."""
    return math.ceil(math.log(0.025) / math.log(LEAST_AGREEMENT))


def _span(gap: Estimate) -> str:
    if gap.low is None or gap.high is None:
        return "no limits"
    return f"95 % limits of the difference {gap.low:+.4f} to {gap.high:+.4f}"
