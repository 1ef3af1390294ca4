"""Marks pasted on films, and marks painted out: whether letters change answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hilum.audit.changes.burnt_in import MARKS_ERASED
from hilum.audit.changes.marks import PASTED
from hilum.audit.effect import Effect, effect_of, moves_table
from hilum.audit.examples import example
from hilum.audit.judging import SEVERITY, fell, lowest
from hilum.audit.perturb import AS_THEY_ARE
from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.subject import Subject
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import share_estimate

__all__ = ["marker_erased", "marker_pasted"]

_ASKED_BY = (
    "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
    "Lopez-Cabrera et al., Health and Technology 2021",
    "POTHER, arXiv 2201.09360",
)
_ANY_CORNER = (
    "Marks are pasted near a corner drawn at random. A network that knows one mark in one place "
    "only may not be caught here; painting marks out may catch it."
)
_NOT_ALL = (
    "Marks are found by their brightness and size in the outer third of a film; some are missed, "
    "and some bone or cable near an edge is taken for one."
)
_MANY_CALLS, _SOME_CALLS = 0.15, 0.05
_FAR, _SOME_WAY = 0.15, 0.05
_FELL, _FELL_FAR = -0.03, -0.10


@check(
    "text-marker-pasted",
    title="Marks pasted",
    question="Does the answer change when a letter, a word, a bright square or electrodes are "
    "pasted near a corner?",
    asked_by=_ASKED_BY,
    wants=(("tested", AS_THEY_ARE), *(("tested", change) for change in PASTED)),
)
def marker_pasted(subject: Subject) -> Outcome:
    """Count the calls that a pasted mark changes, and see whether they go one way."""
    effects = [effect_of(subject, change) for change in PASTED]
    worst = max(
        effects, key=lambda one: (SEVERITY.index(_pasted_verdict(one)), lowest(one.flipped))
    )
    label, drift = worst.drawn_to
    return Outcome(
        verdict=_pasted_verdict(worst),
        summary=f"{_sentence(worst)} changes the call of {worst.flipped.text(percent=True)} of "
        f"{worst.n:,} films, and the probability of {label} by {drift.text()} on average.",
        reason="Of each kind of mark: fails when the lower limit is above 0.15 for the share of "
        "films whose call changes, or for the mean rise of one class's probability; warns when "
        "either is above 0.05.",
        numbers={
            f"share of calls changed {worst.change.title}": worst.flipped,
            f"mean rise of {label} {worst.change.title}": drift,
            **{
                f"share of calls changed {one.change.title}": one.flipped
                for one in effects
                if one is not worst
            },
        },
        charts=(_calls_chart("Calls that a pasted mark changes", effects), _drift_chart(effects)),
        tables=(moves_table("How far answers move", effects),),
        pictures=tuple(example(subject, one) for one in effects),
        notes=(_ANY_CORNER,),
    )


@check(
    "text-marker-erased",
    title="Marks painted out",
    question="Does the score hold when what looks like burnt-in text is painted out?",
    asked_by=_ASKED_BY,
    wants=(("tested", AS_THEY_ARE), ("tested", MARKS_ERASED)),
)
def marker_erased(subject: Subject) -> Outcome:
    """Score films without what looks like text, and count the calls that changes."""
    found = effect_of(subject, MARKS_ERASED)
    marked = _marked(found)
    who = found.after.patient_index()
    calls = share_estimate(
        (found.after.decisions != found.before.decisions)[found.touched],
        who[found.touched],
        empty="no answer changed when marks were painted out",
    )
    return Outcome(
        verdict=_erased_verdict(found, calls),
        summary=f"With marks painted out the {subject.score_name} is {found.score.a.text()}; the "
        f"same {found.n:,} films as they are: {found.score.b.text()}; difference "
        f"{found.score.difference.text()}. It changed the answer, however little, to "
        f"{int(found.touched.sum()):,} films, and the call of {calls.text(percent=True)} of them.",
        reason="Fails when the score falls by more than 0.10, even by the upper limit of the "
        "paired difference, or when the lower limit is above 15 % for the share of calls that "
        "change, among films on which painting out changed anything; warns above 0.03 or 5 %.",
        numbers={
            "difference, paired": found.score.difference,
            f"{subject.score_name} {found.change.title}": found.score.a,
            f"{subject.score_name} of the same films as they are": found.score.b,
            "share of calls changed, of films whose answer changed": calls,
            "share of calls changed, of all films": found.flipped,
        },
        charts=(
            Bars(
                title="Films on which painting out changed anything, by class",
                axis="share of films",
                rows=tuple(marked.items()),
            ),
        ),
        tables=(moves_table("How far answers move", (found,)), _marked_table(found, marked)),
        pictures=(example(subject, found),),
        notes=(_NOT_ALL,),
    )


def _pasted_verdict(found: Effect) -> Verdict:
    calls, drift = lowest(found.flipped), lowest(found.drawn_to[1])
    if calls > _MANY_CALLS or drift > _FAR:
        return "fail"
    return "warn" if calls > _SOME_CALLS or drift > _SOME_WAY else "pass"


def _erased_verdict(found: Effect, calls: Estimate) -> Verdict:
    by = fell(found.score)
    if by < _FELL_FAR or lowest(calls) > _MANY_CALLS:
        return "fail"
    return "warn" if by < _FELL or lowest(calls) > _SOME_CALLS else "pass"


def _marked(found: Effect) -> dict[str, Estimate]:
    """Return the share of each class's films on which something was painted out."""
    who = found.after.patient_index()
    return {
        label: share_estimate(
            found.touched[found.after.labels == c],
            who[found.after.labels == c],
            empty="the class has no film here",
        )
        for c, label in enumerate(found.after.classes)
    }


def _marked_table(found: Effect, marked: dict[str, Estimate]) -> Table:
    changed = found.after.decisions != found.before.decisions
    return Table(
        title="Films on which painting out changed anything",
        columns=("class", "share of its films", "films", "calls changed"),
        rows=tuple(
            (
                label,
                share.text(percent=True),
                share.n,
                int(np.count_nonzero(changed & (found.after.labels == c))),
            )
            for c, (label, share) in enumerate(marked.items())
        ),
    )


def _calls_chart(title: str, effects: Sequence[Effect]) -> Bars:
    return Bars(
        title=title,
        axis="share of films",
        rows=tuple((one.change.title, one.flipped) for one in effects),
    )


def _drift_chart(effects: Sequence[Effect]) -> Bars:
    rows = [
        (f"{label}, {one.change.title}", drift)
        for one in effects
        for label, drift in one.drift.items()
    ]
    return Bars(
        title="Which way answers move",
        axis="mean change of probability",
        limits=(-1.0, 1.0),
        rows=tuple(rows),
        references=(("neither way", 0.0),),
    )


def _sentence(found: Effect) -> str:
    mark = found.change.title.removeprefix("with ").removesuffix(" pasted")
    return f"Pasting {mark}"
