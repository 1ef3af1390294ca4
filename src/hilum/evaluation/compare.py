"""Two models on the same films: which is better, if that can be said.

Both are wrong on many of the same films, so their intervals may overlap although one is better,
and a difference may look large although a few films made it. Everything here is paired: the same
resamples of patients for both, the films on which exactly one is right, and the covariance of the
two AUROCs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import PredictionsError
from hilum.evaluation.delong import auroc_covariance
from hilum.evaluation.mcnemar import Discordance, mcnemar
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import RESEARCH_USE, Estimate
from hilum.evaluation.spread import Interval, Scored, Spread, resample
from hilum.evaluation.wilson import student_quantile

__all__ = ["Compared", "Comparison", "compare", "paired"]

Array = NDArray[np.float64]

_SHOWN = 5
_OVERALL = ("accuracy", "balanced_accuracy", "macro_auroc", "brier", "nll", "ece")
_PER_CLASS = ("recall", "specificity", "precision", "auroc", "average_precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One figure of two models on the same films."""

    a: Estimate
    b: Estimate
    difference: Estimate
    """a - b, paired."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
            "a_minus_b": self.difference.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on the same films."""

    names: tuple[str, str]
    classes: tuple[str, ...]
    n_images: int
    n_patients: int
    verdict: str
    """What can be said of the accuracy, in a sentence."""

    metrics: dict[str, Compared]
    per_class: dict[str, dict[str, Compared]]
    discordance: Discordance
    level: float
    resamples: int
    seed: int
    method: str
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "use": RESEARCH_USE,
            "a": self.names[0],
            "b": self.names[1],
            "verdict": self.verdict,
            "classes": list(self.classes),
            "n_images": self.n_images,
            "n_patients": self.n_patients,
            "intervals": {
                "method": self.method,
                "level": self.level,
                "resamples": self.resamples,
                "seed": self.seed,
            },
            "notes": list(self.notes),
            "mcnemar": self.discordance.to_dict(),
            "metrics": {name: value.to_dict() for name, value in self.metrics.items()},
            "per_class": {
                label: {name: value.to_dict() for name, value in row.items()}
                for label, row in self.per_class.items()
            },
        }


def compare(
    a: Predictions,
    b: Predictions,
    *,
    names: tuple[str, str] = ("A", "B"),
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    interval: Interval = "auto",
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare two models on the films both answered.

    Args:
        a: The first model's predictions.
        b: The second's. Films, truth and patients are matched by image name.
        names: What to call them.
        resamples: Number of resamples of patients; 0 for no limits.
        seed: Seed of the resampling.
        level: Confidence of the intervals, in (0, 1).
        interval: How limits are found; see `evaluate`.
        notes: What a reader must know; kept in the record.

    Raises:
        PredictionsError: If no film is in both, or they disagree on truth, patients or classes.
        ValueError: If `resamples` is negative or `level` out of range.
    """
    if resamples < 0 or not 0 < level < 1:
        raise ValueError(f"Expected resamples >= 0 and 0 < level < 1, got {resamples} and {level}")
    a, b, missing = paired(a, b, names)
    first, second = Scored.start(a, None), Scored.start(b, None)
    resample([first, second], resamples, seed, interval=interval)
    spreads = [Spread(one, level, resamples, interval) for one in (first, second)]
    metrics = {name: _overall(spreads, name) for name in _OVERALL}
    per_class = {
        label: {name: _of_class(spreads, name, c) for name in _PER_CLASS}
        for c, label in enumerate(a.classes)
    }
    who = first.weighted.patients
    found = mcnemar(a.decisions == a.labels, b.decisions == b.labels, who)
    return Comparison(
        names=names,
        classes=a.classes,
        n_images=len(a),
        n_patients=first.weighted.n_patients,
        verdict=_verdict(names, metrics["accuracy"], found, level),
        metrics=metrics,
        per_class=per_class,
        discordance=found,
        level=level,
        resamples=resamples,
        seed=seed,
        method=_method(level, resamples, spreads[0].interval),
        notes=(*notes, *missing, *_notes(first.weighted.n_patients)),
    )


def paired(
    a: Predictions, b: Predictions, names: tuple[str, str] = ("A", "B")
) -> tuple[Predictions, Predictions, tuple[str, ...]]:
    """Return the films in both, in one order, with one order of classes; and what was left out.

    Raises:
        PredictionsError: If no film is in both, or they disagree on truth, patients or classes.
    """
    if set(a.classes) != set(b.classes):
        raise PredictionsError(
            f"{names[0]} knows the classes {', '.join(a.classes)}, {names[1]} "
            f"{', '.join(b.classes)}: they cannot be compared film by film."
        )
    row = {image: i for i, image in enumerate(b.images.tolist())}
    mine = [i for i, image in enumerate(a.images.tolist()) if image in row]
    if not mine:
        raise PredictionsError(
            f"No image is in both: {names[0]} starts with {a.images[0]!r}, {names[1]} with "
            f"{b.images[0]!r}. The image columns must hold the same names."
        )
    notes = [
        f"{len(one) - len(mine)} of {len(one)} images of {name} are not in the other and are left "
        "out."
        for name, one in zip(names, (a, b), strict=True)
        if len(one) > len(mine)
    ]
    kept = a if len(mine) == len(a) else a.take(mine)
    order = [row[image] for image in kept.images.tolist()]
    other = _reordered(b.take(order), kept.classes)
    _check_truth(kept, other, names)
    if kept.sources is None and other.sources is not None:
        kept = kept.with_sources(other.sources)
    elif other.sources is None and kept.sources is not None:
        other = other.with_sources(kept.sources)
    return kept, other, tuple(notes)


def _reordered(predictions: Predictions, classes: tuple[str, ...]) -> Predictions:
    if predictions.classes == classes:
        return predictions
    place = [predictions.classes.index(name) for name in classes]
    return Predictions(
        predictions.images,
        predictions.patient_ids,
        np.argsort(place)[predictions.labels],
        classes,
        predictions.probabilities[:, place],
        sources=predictions.sources,
    )


def _check_truth(a: Predictions, b: Predictions, names: tuple[str, str]) -> None:
    table = np.array(a.classes)
    columns = [("label", table[a.labels], table[b.labels]), ("patient_id", a.patient_ids,
               b.patient_ids)]  # fmt: skip
    if a.sources is not None and b.sources is not None:
        columns.append(("source", a.sources, b.sources))
    problems = []
    for column, mine, theirs in columns:
        differ = np.flatnonzero(mine != theirs)
        if differ.size:
            shown = "; ".join(
                f"{a.images[i]}: {str(mine[i])!r} and {str(theirs[i])!r}" for i in differ[:_SHOWN]
            )
            more = f"; and {differ.size - _SHOWN} more" if differ.size > _SHOWN else ""
            problems.append(f"{column} differs for {differ.size} of {len(a)} images: {shown}{more}")
    if problems:
        raise PredictionsError(
            f"{names[0]} and {names[1]} disagree on what is true of the same images:", problems
        )


def _overall(spreads: list[Spread], name: str) -> Compared:
    first, second = spreads
    if len(first.scored.predictions.classes) == 2 and name == "macro_auroc":
        return _of_class(spreads, "auroc", 1)
    difference = first.difference(second.scored, name)
    return Compared(a=first.overall(name), b=second.overall(name), difference=difference)


def _of_class(spreads: list[Spread], name: str, c: int) -> Compared:
    first, second = spreads
    a, b = first.of_class(name, c), second.of_class(name, c)
    difference = first.difference(second.scored, name, c)
    drawn = first.scored.resampled is not None
    if name == "auroc" and first.interval == "auto" and drawn and difference.estimate is not None:
        difference = _delong(first, second, c, difference)
    return Compared(a=a, b=b, difference=difference)


def _delong(first: Spread, second: Spread, c: int, fallback: Estimate) -> Estimate:
    """Return the difference of two AUROCs with limits by formula, where there are any."""
    mine, theirs = first.scored.predictions, second.scored.predictions
    scores = np.stack([mine.probabilities[:, c], theirs.probabilities[:, c]])
    areas = auroc_covariance(mine.labels == c, scores, first.scored.weighted.patients)
    cov = areas.covariance
    variance = float(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    if not variance > 0:
        return fallback
    gap = float(areas.values[0] - areas.values[1])
    half = student_quantile(first.level, areas.freedom) * math.sqrt(variance)
    return Estimate(
        estimate=gap,
        low=max(-1.0, gap - half),
        high=min(1.0, gap + half),
        n=fallback.n,
        patients=fallback.patients,
        method="DeLong, paired, patients as clusters",
    )


def _verdict(names: tuple[str, str], accuracy: Compared, found: Discordance, level: float) -> str:
    """Say what the difference in accuracy allows to be said.

    A difference is called shown only where the limits and the exact test agree: with few films
    that tell the models apart, limits are too narrow.
    """
    a, b, gap = accuracy.a, accuracy.b, accuracy.difference
    size = f"{gap.n:,} films of {gap.patients:,} patients"
    if a.estimate is None or b.estimate is None or gap.estimate is None:
        return f"Nothing can be said: the accuracy is undefined on {size}."
    both = f"{a.estimate:.1%} and {b.estimate:.1%} right"
    if found.only_a == found.only_b == 0:
        return f"No difference: {both}, and on the same films; {size}."
    p = "" if found.p_value is None else f", p = {_p_text(found.p_value)}"
    if gap.low is None or gap.high is None:
        return f"No difference can be shown at this size: {both}, {size}; no limits{p}."
    points = (
        f"difference {100 * gap.estimate:+.1f} points ({100 * gap.low:+.1f} to "
        f"{100 * gap.high:+.1f}), {size}{p}"
    )
    if gap.low <= 0 <= gap.high:
        reach = 50 * (gap.high - gap.low)
        return (
            f"No difference can be shown at this size: {both}, {points}. Differences below about "
            f"{reach:.1f} points cannot be seen with these films."
        )
    if found.p_value is not None and found.p_value > 1 - level:
        return (
            f"No difference can be shown at this size: {both}, {points}. Only "
            f"{found.only_a + found.only_b} films tell the models apart, too few to trust the "
            "limits."
        )
    better, worse = names if gap.estimate > 0 else names[::-1]
    return f"{better} is right more often than {worse} on these films: {both}, {points}."


def _p_text(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def _method(level: float, resamples: int, interval: Interval) -> str:
    drawn = f"{resamples} resamples of patients, the same for both models"
    how = {"auto": "percentile", "percentile": "percentile", "bca": "BCa"}[interval]
    area = (
        "; differences of accuracy, recall and specificity by Student's t over patients, of AUROCs "
        "by DeLong's method, patients as clusters"
    )
    return (
        f"{level:.0%} {how} limits of differences over {drawn}{area if interval == 'auto' else ''}."
        if resamples
        else "No resamples were asked for: there are no limits of differences."
    )


def _notes(n_patients: int) -> list[str]:
    many = "Many differences are listed: about one in twenty shows by chance. Name yours first."
    return [many] if n_patients > 1 else [many, "All images show one patient: nothing is shown."]
