"""How well lung masks fit those that people drew: Dice and IoU by source, with intervals.

Kept apart from the segmenter, which finds lungs on films whose truth nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.record import Estimate
from hilum.evaluation.wilson import student_quantile
from hilum.screening.lungs import LungSegmenter
from hilum.screening.lungs_quality import overlap
from hilum.screening.lungs_truth import DrawnLungs

__all__ = ["EVERY", "FilmScore", "SourceScore", "mean_of_films", "score_films", "summarise"]

EVERY = "all sources"
"""What the row of all films together is called."""

_METHOD = "jackknife over patients, Student's t"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmScore:
    """How well one film's mask fits the one that was drawn."""

    path: str
    source: str
    patient: tuple[str, str]
    dice: float
    iou: float
    good: bool
    """Whether the segmenter calls its own mask good."""

    reasons: tuple[str, ...]
    """Why it does not."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "patient": self.patient[1], "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceScore:
    """How well the masks of one source's films fit."""

    source: str
    dice: Estimate
    iou: Estimate
    least_dice: float
    """Of the worst film."""

    films: int
    patients: int
    called_poor: int
    """Films whose mask the segmenter itself calls poor."""

    dice_of_good: Estimate
    """Of the films whose mask it calls good, which are those an audit uses."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return asdict(self)


def score_films(
    segmenter: LungSegmenter,
    films: Sequence[DrawnLungs],
    progress: Callable[[int, int], None] | None = None,
) -> list[FilmScore]:
    """Find the lungs of films and compare them with those that people drew, at the films' size.

    Args:
        segmenter: What finds them.
        films: With the drawn masks.
        progress: Called with (films done, films in all).
    """
    scores = []
    for done, drawn in enumerate(films, start=1):
        found = segmenter.mask(drawn.film)
        dice, iou = overlap(found.mask, drawn.mask)
        scores.append(
            FilmScore(
                path=str(drawn.path),
                source=drawn.source,
                patient=drawn.patient,
                dice=dice,
                iou=iou,
                good=found.good,
                reasons=found.reasons,
            )
        )
        if progress is not None:
            progress(done, len(films))
    return scores


def summarise(scores: Sequence[FilmScore]) -> list[SourceScore]:
    """Return one row a source, by name, and one of all films where there are several sources.

    Args:
        scores: Of films, at least one.

    Raises:
        ValueError: If there is no film.
    """
    if not scores:
        raise ValueError("scores must not be empty")
    sources = sorted({score.source for score in scores})
    rows = [_row(name, [score for score in scores if score.source == name]) for name in sources]
    return [*rows, _row(EVERY, scores)] if len(sources) > 1 else rows


def _row(name: str, scores: Sequence[FilmScore]) -> SourceScore:
    good = [score for score in scores if score.good]
    return SourceScore(
        source=name,
        dice=_mean(scores, "dice"),
        iou=_mean(scores, "iou"),
        least_dice=min(score.dice for score in scores),
        films=len(scores),
        patients=len({score.patient for score in scores}),
        called_poor=len(scores) - len(good),
        dice_of_good=_mean(good, "dice"),
    )


def _mean(scores: Sequence[FilmScore], figure: str) -> Estimate:
    names = sorted({score.patient for score in scores})
    place = {name: number for number, name in enumerate(names)}
    return mean_of_films(
        np.array([getattr(score, figure) for score in scores], np.float64),
        np.array([place[score.patient] for score in scores], np.int64),
    )


def mean_of_films(values: NDArray[np.float64], patients: NDArray[np.int64]) -> Estimate:
    """Return the mean over films, with limits from leaving patients out.

    Each of m patients is left out in turn; with M_i the mean without patient i, the variance is
    (m - 1) / m * sum_i (M - M_i)^2, with m - 1 degrees of freedom. With a dozen patients, some with
    four films, that holds better than resampling them.

    Args:
        values: A figure of each film in [0, 1], shape (n,).
        patients: Which patient each film shows, shape (n,), whole numbers from 0.

    References:
        Efron, "The jackknife, the bootstrap and other resampling plans", 1982, chapter 3.
    """
    films, people = int(values.size), int(np.unique(patients).size)
    if films == 0:
        return Estimate(
            estimate=None, low=None, high=None, n=0, patients=0, method="none", reason="no film"
        )
    mean = float(values.mean())
    if people < 2:
        return Estimate(
            estimate=mean, low=None, high=None, n=films, patients=people, method="none",
            reason="no limits: an interval over patients needs at least two",
        )  # fmt: skip
    gaps = np.bincount(patients, weights=values - mean) / (films - np.bincount(patients))
    spread = math.sqrt((people - 1) / people * float((gaps**2).sum()))
    half = student_quantile(0.95, people - 1) * spread
    return Estimate(
        estimate=mean,
        low=max(0.0, mean - half),
        high=min(1.0, mean + half),
        n=films,
        patients=people,
        method=_METHOD,
    )
