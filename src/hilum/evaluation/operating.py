"""Where to cut: thresholds for a purpose, what they reach, and what an answer is then worth.

A threshold is chosen on some films, and looks better on them than it is. So every point says on
which films it was chosen, and what such a choice reached on patients who had no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.intervals import percentile_interval, resample_patients
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.prevalence import PREVALENCES, predictive_values
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import share_estimate

__all__ = [
    "OperatingPoint",
    "Target",
    "Worth",
    "choose_threshold",
    "operating_point",
    "worth_at",
]

Array = NDArray[np.float64]
Kind = Literal["sensitivity", "specificity", "youden", "cost"]

_ROOM = 1e-12
_HOW = (
    "sensitivity=0.95, specificity=0.95, youden, or cost=10 (a miss costs ten false alarms), "
    "cost=10@0.02 (the same, where 2 % have it)"
)
_KINDS: dict[str, Kind] = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "cost": "cost",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a threshold is for."""

    kind: Kind
    value: float = 0.0
    """The share wanted, or how many false alarms one miss costs; unused by youden."""

    prevalence: float | None = None
    """Of the class where it will be used, for a cost ratio; the images' own by default."""

    def __post_init__(self) -> None:
        share = self.kind in ("sensitivity", "specificity")
        if share and not 0 < self.value < 1:
            raise ValueError(f"A wanted {self.kind} must be between 0 and 1, got {self.value}")
        if self.kind == "cost" and not (self.value > 0 and math.isfinite(self.value)):
            raise ValueError(f"A cost ratio must be above 0, got {self.value}")
        if self.prevalence is not None and not (self.kind == "cost" and 0 < self.prevalence < 1):
            raise ValueError(
                f"Only a cost ratio takes a prevalence, between 0 and 1, got {self.prevalence} "
                f"for {self.kind}"
            )

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read "sensitivity=0.95", "specificity=0.9", "youden", "cost=10" or "cost=10@0.02".

        Raises:
            ValueError: If it is none of these.
        """
        kind, _, rest = text.partition("=")
        if text == "youden":
            return cls("youden")
        number, at, share = rest.partition("@")
        try:
            return cls(_KINDS[kind], float(number), float(share) if at else None)
        except KeyError:
            raise ValueError(f"Expected {_HOW}, got {text!r}") from None
        except ValueError as error:
            raise ValueError(f"{error}. Expected {_HOW}, got {text!r}") from error

    @property
    def name(self) -> str:
        """A short name, as `parse` reads it."""
        if self.kind == "youden":
            return "youden"
        where = "" if self.prevalence is None else f"@{self.prevalence:g}"
        return f"{self.kind}={self.value:g}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a positive and a negative answer are worth at one prevalence."""

    prevalence: float
    ppv: Estimate
    npv: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """One threshold of one class against the rest, and what it reaches."""

    name: str
    """The target it was chosen for, or the name it was given."""

    label: str
    """The class called when its probability is at least `threshold`."""

    threshold: float
    threshold_low: float | None
    """Limits of the threshold when it is chosen anew on resampled patients."""

    threshold_high: float | None
    sensitivity: Estimate
    specificity: Estimate
    left_out_sensitivity: float | None
    """Reached on patients left out, when chosen anew on resamples; None where it was given."""

    left_out_specificity: float | None
    worth: tuple[Worth, ...]
    chosen_on: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return asdict(self)


class _Cuts:
    """Every place where one class may be cut, from calling none to calling all."""

    def __init__(self, positive: NDArray[np.bool_], scores: Array) -> None:
        order = np.argsort(-scores, kind="stable")
        self._y, self._order = positive[order], order
        ordered = scores[order]
        self._last = np.flatnonzero(np.r_[np.diff(ordered) != 0, True])
        self._levels = ordered[self._last]

    def shares(self, weights: Array) -> tuple[Array, Array]:
        """Return sensitivity and specificity at each cut, (levels + 1,); NaN without images."""
        w = weights[self._order]
        hits = np.r_[0.0, np.cumsum(w * self._y)[self._last]]
        false = np.r_[0.0, np.cumsum(w * ~self._y)[self._last]]
        with np.errstate(invalid="ignore", divide="ignore"):
            return hits / hits[-1], 1 - false / false[-1]

    def threshold(self, cut: int) -> float:
        """Return the value midway between the last score called and the next, in [0, 1]."""
        if cut == 0:
            return float((1 + self._levels[0]) / 2)
        if cut == self._levels.size:
            return 0.0
        last, following = float(self._levels[cut - 1]), float(self._levels[cut])
        middle = (last + following) / 2
        return middle if middle > following else last

    def reachable(self, cut: int) -> bool:
        """Say whether a threshold in [0, 1] cuts there: nothing is above a score of 1."""
        return cut > 0 or float(self._levels[0]) < 1

    def choose(self, target: Target, weights: Array) -> int | None:
        """Return the cut that serves the target; None where it cannot be served."""
        sensitivity, specificity = self.shares(weights)
        if np.isnan(sensitivity[0]) or np.isnan(specificity[0]):
            return None
        first = 0 if self.reachable(0) else 1
        if target.kind == "sensitivity":
            cut = int(np.argmax(sensitivity >= target.value - _ROOM))
            return max(cut, first)
        if target.kind == "specificity":
            cut = int(np.flatnonzero(specificity >= target.value - _ROOM)[-1])
            return cut if cut >= first else None
        gain = sensitivity + specificity
        if target.kind == "cost":
            share = float((weights[self._order] * self._y).sum() / weights.sum())
            q = share if target.prevalence is None else target.prevalence
            gain = target.value * q * sensitivity + (1 - q) * specificity
        return first + int(np.argmax(gain[first:]))


def choose_threshold(positive: ArrayLike, scores: ArrayLike, target: Target) -> float:
    """Return the threshold that serves a target on these images.

    For a wanted sensitivity it is the highest that reaches it, for a specificity the lowest; for
    Youden's index the one with the greatest sum of both; for a cost ratio r at prevalence q that
    with the greatest r q sensitivity + (1 - q) specificity. It lies midway between two scores.

    Args:
        positive: Which images are of the class, shape (n,).
        scores: P(class), shape (n,), in [0, 1].
        target: What it is for.

    Raises:
        ValueError: If the shapes differ, a side is empty, or no threshold in [0, 1] serves.

    References:
        Youden, "Index for rating diagnostic tests", Cancer 3, 1950.
    """
    y, s = _checked(positive, scores)
    cuts = _Cuts(y, s)
    cut = cuts.choose(target, np.ones(y.size))
    if cut is None:
        raise ValueError(
            f"No threshold in [0, 1] gives {target.name}: some images of other classes have a "
            "probability of exactly 1"
        )
    return cuts.threshold(cut)


def _checked(positive: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Array]:
    y, s = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or y.shape != s.shape:
        raise ValueError(
            f"positive and scores must have one shape (n,), got {y.shape} and {s.shape}"
        )
    if not y.any() or y.all():
        raise ValueError(
            f"A threshold needs images on both sides, got {int(y.sum())} of the class and "
            f"{int((~y).sum())} others"
        )
    if not np.all((s >= 0) & (s <= 1)):
        raise ValueError(
            f"Scores must be probabilities in [0, 1], got {s.min():.3g} to {s.max():.3g}. "
            "If these are logits, pass them through softmax or sigmoid first."
        )
    return y, s


def operating_point(
    predictions: Predictions,
    c: int,
    at: Target | float,
    *,
    name: str | None = None,
    prevalences: Sequence[float] = PREVALENCES,
    chosen_on: str = "the scored images themselves, which flatters it",
    resamples: int = 200,
    seed: int = 0,
    level: float = 0.95,
) -> OperatingPoint:
    """Choose a threshold of class `c` against the rest, or take one, and say what it reaches.

    Args:
        predictions: What a model said, and what is true.
        c: Index of the class.
        at: What the threshold is for; or a threshold chosen elsewhere, in [0, 1].
        name: What to call it; the target's name by default.
        prevalences: Where predictive values are wanted, each in (0, 1).
        chosen_on: Which images it was chosen on, for the reader.
        resamples: Of patients, on which the choice is made anew; 0 for none.
        seed: Seed of the resampling.
        level: Confidence of the intervals, in (0, 1).

    Raises:
        ValueError: If a side is empty, or no threshold in [0, 1] serves the target.
    """
    y, s = _checked(predictions.labels == c, predictions.probabilities[:, c])
    who = predictions.patient_index()
    again: dict[str, float | None] = dict.fromkeys(_AGAIN)
    if isinstance(at, Target):
        threshold = choose_threshold(y, s, at)
        again |= _anew(y, s, at, _weights(who, resamples, seed), level)
    else:
        threshold = at
    sensitivity = share_estimate(s[y] >= threshold, who[y], level)
    specificity = share_estimate(s[~y] < threshold, who[~y], level)
    return OperatingPoint(
        name=name or (at.name if isinstance(at, Target) else f"at {at:.3g}"),
        label=predictions.classes[c],
        threshold=threshold,
        sensitivity=sensitivity,
        specificity=specificity,
        worth=worth_at(sensitivity, specificity, prevalences, patients=int(np.unique(who).size)),
        chosen_on=chosen_on,
        **again,
    )


_AGAIN = ("threshold_low", "threshold_high", "left_out_sensitivity", "left_out_specificity")


def _weights(who: NDArray[np.int64], resamples: int, seed: int) -> Iterator[Array]:
    people = int(who.max()) + 1
    if people > 1 and resamples:
        rng = np.random.default_rng(seed)
        for counts in resample_patients(people, resamples, rng, images=who.size):
            yield from counts[:, who]


def _anew(
    y: NDArray[np.bool_], s: Array, target: Target, resampled: Iterator[Array], level: float
) -> dict[str, float | None]:
    """Choose on each resample; return the thresholds' spread and what patients left out get."""
    cuts, chosen = _Cuts(y, s), []
    called, of = np.zeros(2), np.zeros(2)  # right decisions and images: positive, negative
    for weights in resampled:
        cut = cuts.choose(target, weights)
        if cut is None:
            continue
        threshold, out = cuts.threshold(cut), weights == 0
        chosen.append(threshold)
        right = (s >= threshold) == y
        called += (right & y & out).sum(), (right & ~y & out).sum()
        of += (y & out).sum(), (~y & out).sum()
    if not chosen or not of.all():
        return {}
    low, high, _ = percentile_interval(chosen, level)
    return dict(zip(_AGAIN, (low, high, *(called / of).tolist()), strict=True))


def worth_at(
    sensitivity: Estimate,
    specificity: Estimate,
    prevalences: Sequence[float],
    *,
    patients: int | None = None,
) -> tuple[Worth, ...]:
    """Return predictive values at each prevalence, from sensitivity and specificity with limits.

    Args:
        sensitivity: With its limits.
        specificity: Likewise.
        prevalences: Each in (0, 1).
        patients: In all; by default those of both sides, as if nobody had films on either.

    Raises:
        ValueError: If a prevalence is not between 0 and 1.
    """
    both = (sensitivity, specificity)
    people = sum(e.patients for e in both) if patients is None else patients
    return tuple(_worth(both, q, people) for q in prevalences)


def _worth(both: tuple[Estimate, Estimate], prevalence: float, people: int) -> Worth:
    n = sum(e.n for e in both)
    limits = [_limits(e) for e in both]
    found = predictive_values(limits[0], limits[1], prevalence)
    bounded = all(e.low is not None for e in both)
    estimates = []
    for value, low, high in found:
        defined = not math.isnan(value)
        estimates.append(
            Estimate(
                estimate=value if defined else None,
                low=low if bounded and defined else None,
                high=high if bounded and defined else None,
                n=n,
                patients=people,
                method="from the limits of sensitivity and specificity (MOVER)"
                if bounded and defined
                else "none",
                reason=_reason(both, defined=defined, bounded=bounded),
            )
        )
    return Worth(prevalence=prevalence, ppv=estimates[0], npv=estimates[1])


def _limits(share: Estimate) -> tuple[float, float, float]:
    value = math.nan if share.estimate is None else share.estimate
    low = value if share.low is None else share.low
    high = value if share.high is None else share.high
    return value, low, high


def _reason(both: tuple[Estimate, Estimate], *, defined: bool, bounded: bool) -> str | None:
    if not defined:
        missing = [e.reason for e in both if e.estimate is None and e.reason]
        return missing[0] if missing else "undefined: no such answer is ever given"
    return None if bounded else "no limits: sensitivity or specificity has none"
