"""What a change did to a network's answers, beside its answers to the same films as they are.

Scores are compared over the same resamples of patients; shares of films and means over films get
limits over patients. Shared by every check that changes films and asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hilum.audit.features import of_films, refitted
from hilum.audit.perturb import Change
from hilum.audit.record import Table
from hilum.audit.subject import Subject
from hilum.errors import DataError
from hilum.evaluation.compare import Compared, paired
from hilum.evaluation.intervals import exact_interval, percentile_interval
from hilum.evaluation.paired import paired_difference
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import Scored, Spread, resample, share_estimate

__all__ = [
    "CHANCE",
    "Effect",
    "effect_of",
    "mean_estimate",
    "moves_table",
    "relearnt_score",
    "scores_table",
]

CHANCE = 0.5
"""AUROC of a rule that knows nothing."""

_LEVEL = 0.95
_FEWEST_TAUGHT = 20
_SAME = 1e-4
"""Probabilities closer than this are one answer: batches of a network differ by as much."""

_NOTHING_OVERLAPS = "exact binomial over the patients of the rarest class, as nothing overlaps"
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change, on the films that have an answer under it."""

    change: Change
    before: Predictions
    """The films as they are."""

    after: Predictions
    """The same films, changed."""

    score: Compared
    """The mean AUROC: a changed, b as they are, and the difference."""

    per_class: dict[str, Compared]
    """The AUROC of each class against the rest."""

    left: Estimate
    """Share of the score above chance that is left: (a - 0.5) / (b - 0.5)."""

    flipped: Estimate
    """Share of films now called something else."""

    moved: Estimate
    """Mean change, up or down, of the probability of the class a film was called."""

    drift: dict[str, Estimate]
    """Mean change of each class's probability; 0 where films move both ways alike."""

    touched: NDArray[np.bool_]
    """Which films have another answer than before, shape (n,)."""

    left_out: dict[str, int]
    """Why films have no answer, and how many."""

    @property
    def n(self) -> int:
        """Films compared."""
        return len(self.after)

    @property
    def drawn_to(self) -> tuple[str, Estimate]:
        """The class films drift to most, and by how much."""
        return max(self.drift.items(), key=lambda item: item[1].estimate or 0.0)

    @property
    def most_moved(self) -> int:
        """The film whose answer changed most: its row among the films compared."""
        apart = np.abs(self.after.probabilities - self.before.probabilities)
        return int(apart.max(axis=1).argmax())


def effect_of(subject: Subject, change: Change) -> Effect:
    """Compare a network's answers to changed films with those to the same films as they are.

    Raises:
        DataError: If no film has an answer under the change.
    """
    settings = subject.settings
    found = subject.answers(change)
    after, before, _ = paired(
        subject.said(found.rows, found.probabilities),
        subject.predictions(),
        (change.title, "whole"),
    )
    scored = Scored.start(after, None), Scored.start(before, None)
    resample([*scored], settings.resamples, settings.seed)
    spreads = [Spread(one, _LEVEL, settings.resamples, "auto") for one in scored]
    who = scored[0].weighted.patients
    called = before.decisions
    change_of = after.probabilities - before.probabilities
    rows = np.arange(len(after))
    return Effect(
        change=change,
        before=before,
        after=after,
        score=_compared(spreads, "macro_auroc", None),
        per_class={label: _compared(spreads, "auroc", c) for c, label in enumerate(after.classes)},
        left=_left(scored),
        flipped=share_estimate(after.decisions != called, who),
        moved=mean_estimate(np.abs(change_of[rows, called]), who),
        drift={label: mean_estimate(change_of[:, c], who) for c, label in enumerate(after.classes)},
        touched=np.abs(change_of).max(axis=1) > _SAME,
        left_out=found.left_out,
    )


def relearnt_score(subject: Subject, change: Change) -> Estimate | None:
    """Score a rule that is taught, on the network's features, what changed films still show.

    A network may answer oddly to films it never saw the like of; this rule saw the like. It is
    fitted to the features of the changed films of the train split.

    Returns:
        Its score on the changed films that are tested; None without features or such films.
    """
    try:
        taught, tested = (subject.answers(change, part) for part in ("taught", "tested"))
    except DataError:
        return None
    if taught.features is None or tested.features is None:
        return None
    learnt = of_films(subject, "taught", taught.rows, taught.features.astype(np.float64))
    shown = of_films(subject, "tested", tested.rows, tested.features.astype(np.float64))
    if set(shown.labels) - set(learnt.labels) or len(learnt) < _FEWEST_TAUGHT:
        return None
    rng = np.random.default_rng(subject.settings.seed)
    return subject.score(refitted(subject, learnt, shown, rng))


def mean_estimate(values: Array, patients: NDArray[np.int64]) -> Estimate:
    """Return a mean over films with Student's limits over patients.

    Args:
        values: One a film, shape (n,), n >= 1, in [-1, 1].
        patients: Which patient each film shows, shape (n,), whole numbers from 0.
    """
    limits = paired_difference(values, np.zeros_like(values), patients, _LEVEL)
    people = int(np.unique(patients).size)
    mean = float(values.mean())
    if limits is None and people > 1:  # every film has the same answer
        limits = mean, mean
    return Estimate(
        estimate=mean,
        low=None if limits is None else limits[0],
        high=None if limits is None else limits[1],
        n=int(values.size),
        patients=people,
        method="none" if limits is None else "Student's t over patients",
        reason=None if limits else "no limits: an interval over patients needs at least two",
    )


def _compared(spreads: Sequence[Spread], name: str, c: int | None) -> Compared:
    changed, whole = spreads
    get: Callable[[Spread], Estimate]
    get = (lambda one: one.overall(name)) if c is None else (lambda one: one.of_class(name, c))
    return Compared(
        a=_bounded(get(changed), changed.scored),
        b=_bounded(get(whole), whole.scored),
        difference=changed.difference(whole.scored, name, c),
    )


def _bounded(area: Estimate, scored: Scored) -> Estimate:
    """Give an AUROC of exactly 1 the limits that the number of patients allows."""
    if area.estimate != 1 or area.low is not None or area.patients < 2:
        return area
    labels, who = scored.predictions.labels, scored.weighted.patients
    fewest = min(np.unique(who[labels == c]).size for c in np.unique(labels))
    low, high = exact_interval(1, fewest, _LEVEL)
    return replace(area, low=low, high=high, method=_NOTHING_OVERLAPS, reason=None)


def _left(scored: tuple[Scored, Scored]) -> Estimate:
    changed, whole = (float(one.point.overall["macro_auroc"][0]) - CHANCE for one in scored)
    n, people = len(scored[0].predictions), scored[0].weighted.n_patients
    if not whole > 0:  # also NaN
        return Estimate(
            estimate=None, low=None, high=None, n=n, patients=people, method="none",
            reason="undefined: as they are, the films score no better than chance",
        )  # fmt: skip
    low = high = None
    a, b = (one.resampled for one in scored)
    if a is not None and b is not None:
        above = b.overall["macro_auroc"] - CHANCE
        unknown = np.full_like(above, np.nan)
        part = a.overall["macro_auroc"] - CHANCE
        samples = np.divide(part, above, out=unknown, where=above > 0)
        low, high, _ = percentile_interval(samples, _LEVEL)
    return Estimate(
        estimate=changed / whole, low=low, high=high, n=n, patients=people,
        method="none" if low is None else "percentiles of resampled patients",
        reason="no limits: no resamples were asked for" if low is None else None,
    )  # fmt: skip


def scores_table(title: str, effects: Sequence[Effect]) -> Table:
    """Return a table of scores: changed, as they are, paired difference; overall and by class."""
    rows = [
        (one.change.title, which, pair.a.text(), pair.b.text(), pair.difference.text(), one.n)
        for one in effects
        for which, pair in (
            ("mean of the classes", one.score),
            *(one.per_class.items() if len(one.per_class) > 2 else ()),
        )
    ]
    return Table(
        title=title,
        columns=("films", "class", "AUROC left", "as they are", "difference, paired", "n"),
        rows=tuple(rows),
    )


def moves_table(title: str, effects: Sequence[Effect]) -> Table:
    """Return a table of how far answers moved, and which way."""
    return Table(
        title=title,
        columns=(
            "films", "calls changed", "mean change of the called class", "drift towards",
            "mean drift", "AUROC left", "difference, paired", "n",
        ),
        rows=tuple(
            (
                one.change.title, one.flipped.text(percent=True), one.moved.text(),
                one.drawn_to[0], one.drawn_to[1].text(), one.score.a.text(),
                one.score.difference.text(), one.n,
            )
            for one in effects
        ),
    )  # fmt: skip
