"""Each source's own score, and the score on a source that the head did not learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilum.audit.features import NO_FEATURES, Shown, head, refitted, shown, taught_shown
from hilum.audit.perturb import AS_THEY_ARE
from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.strata import StratifiedAreas, estimated
from hilum.audit.subject import Subject
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate

__all__ = ["each_source", "leave_one_source_out"]

Array = NDArray[np.float64]

_GAP = 0.05
_LOST = 0.1
_FEWEST = 5
"""Patients of a source for a figure of its own."""


@check(
    "each-source",
    title="The score within each source",
    question="Does the model tell the classes apart within one hospital, where the hospital cannot "
    "help it?",
    asked_by=(
        "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
        "Roberts et al., Nature Machine Intelligence 2021",
    ),
)
def each_source(subject: Subject) -> Outcome:
    """Compare the pooled score with the one over pairs of films of one source."""
    said = subject.predictions()
    sources = _sources(said)
    if np.unique(sources).size < 2:
        return Outcome.not_run("All films audited are of one source: its score is the score.")
    within, pooled = _areas(said, sources), _areas(said, None)
    alone = [label for c, label in enumerate(said.classes) if c not in within.classes]
    if not within.classes:
        return _no_source_is_mixed(subject, said, pooled)
    inside = _estimate(subject, said, within.mean)
    outside = _estimate(subject, said, lambda w: pooled.mean(w, within.classes))
    gap = _estimate(
        subject, said, lambda w: pooled.mean(w, within.classes) - within.mean(w), ends=(0.0,)
    )
    never = (
        f" No source holds {_listed(alone)} beside another class, so nothing is shown of "
        f"{'it' if len(alone) == 1 else 'them'}."
        if alone
        else ""
    )
    own = _own(subject, said, sources)
    return Outcome(
        verdict=_gap_verdict(gap, alone),
        summary=f"Within sources {subject.score_name} is {inside.text()}, over all films "
        f"{outside.text()}, {inside.n:,} films.{never}",
        reason=f"Fails when the pooled score is above the one within sources by more than {_GAP}, "
        "by its lower limit, or when a class never stands beside another in any source; warns when "
        "the difference is shown but smaller.",
        numbers={
            f"{subject.score_name} over all films less within sources": gap,
            f"{subject.score_name} within sources": inside,
            f"{subject.score_name} over all films": outside,
        },
        charts=(
            Bars(
                title="The score of each source by itself",
                axis=subject.score_name,
                rows=(*own, ("within sources, together", inside), ("over all films", outside)),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(_table(subject, said, sources, dict(own)),),
        notes=_notes(said, sources, own),
    )


def _no_source_is_mixed(subject: Subject, said: Predictions, pooled: StratifiedAreas) -> Outcome:
    score = _estimate(subject, said, pooled.mean)
    return Outcome(
        verdict="fail",
        summary=f"Every source audited holds one class only, so the {subject.score_name} of "
        f"{score.text()} on {score.n:,} films is the score of telling hospitals apart as much as "
        "of telling diseases apart.",
        reason="Fails when no source holds two classes: then source and label are the same thing.",
        numbers={f"{subject.score_name} over all films": score},
        charts=(
            Bars(
                title="The score, of which no source has one of its own",
                axis=subject.score_name,
                rows=(("over all films", score),),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(_table(subject, said, _sources(said), {}),),
    )


def _gap_verdict(gap: Estimate, alone: Sequence[str]) -> Verdict:
    lowest = gap.estimate if gap.low is None else gap.low
    if alone or (lowest is not None and lowest > _GAP):
        return "fail"
    shown = gap.low is not None and gap.low > 0
    return "warn" if shown and gap.estimate is not None and gap.estimate > _GAP / 2 else "pass"


@check(
    "leave-one-source-out",
    title="A head that never learnt from the source",
    question="What does a head score on a hospital whose films it did not learn from?",
    asked_by=(
        "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
        "Cohen et al., arXiv 2002.02497, 2020",
    ),
    wants=(("tested", AS_THEY_ARE), ("taught", AS_THEY_ARE)),
)
def leave_one_source_out(subject: Subject) -> Outcome:
    """Refit the head without one source after the other, and test it there."""
    tested, taught = shown(subject), taught_shown(subject)
    if tested is None:
        return Outcome.not_run(NO_FEATURES)
    if taught is None:
        return Outcome.not_run("There are no films that taught, so no head can be fitted.")
    places = _mixed(tested, taught)
    if not places:
        return Outcome.not_run(
            f"No source with {_FEWEST} patients audited holds two classes that other sources teach."
        )
    rng = np.random.default_rng(subject.settings.seed)
    kept = np.isin(tested.sources, places)
    films = tested.take(kept)
    all_taught = refitted(subject, taught, films, rng).probabilities
    left_out = np.zeros_like(all_taught)
    for source in places:
        here = films.sources == source
        others = taught.take(taught.sources != source)
        left_out[here] = refitted(subject, others, films.take(here), rng).probabilities
    return _left_out_outcome(subject, films, all_taught, left_out, _matrix(subject, tested, taught))


def _left_out_outcome(
    subject: Subject, films: Shown, all_taught: Array, left_out: Array, matrix: Table
) -> Outcome:
    a = StratifiedAreas(films.labels, all_taught, films.sources, films.patients)
    b = StratifiedAreas(films.labels, left_out, films.sources, films.patients)
    settings = subject.settings

    def figure(kind: str, ends: tuple[float, ...] = (0.0, 1.0)) -> Estimate:
        figures = {
            "all": a.mean,
            "left out": b.mean,
            "lost": lambda weights: a.mean(weights) - b.mean(weights),
        }
        return estimated(
            figures[kind],
            films.patients,
            resamples=settings.resamples,
            seed=settings.seed,
            ends=ends,
        )

    every, out, lost = figure("all"), figure("left out"), figure("lost", (0.0,))
    rows = []
    for source in np.unique(films.sources):
        here = films.sources == source
        part = films.take(here)
        for name, said in (("learnt from", all_taught), ("left out", left_out)):
            areas = StratifiedAreas(part.labels, said[here], None, part.patients)
            value = estimated(
                areas.mean, part.patients, resamples=settings.resamples, seed=settings.seed
            )
            rows.append((f"{source}, {name}", value))
    return Outcome(
        verdict=_lost_verdict(lost),
        summary=f"A head refitted without a source scores {subject.score_name} {out.text()} within "
        f"it, with it {every.text()}: {lost.text()} is lost, {lost.n:,} films.",
        reason=f"Fails when more than {_LOST} is lost, by its lower limit; warns when a loss is "
        f"shown and above {_LOST / 2}.",
        numbers={
            f"{subject.score_name} lost": lost,
            f"{subject.score_name} with the source left out": out,
            f"{subject.score_name} with all sources": every,
        },
        charts=(
            Bars(
                title="The score within each source, learnt from and left out",
                axis=subject.score_name,
                rows=tuple(rows),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(matrix,),
        notes=(
            (
                "Only the head is refitted. The trunk below it has learnt from every source, so on "
                "a hospital it never saw the score may be worse than this."
            ),
        ),
    )


def _lost_verdict(lost: Estimate) -> Verdict:
    if lost.estimate is None:
        return "not run"
    lowest = lost.estimate if lost.low is None else lost.low
    if lowest > _LOST:
        return "fail"
    return "warn" if lowest > 0 and lost.estimate > _LOST / 2 else "pass"


def _mixed(tested: Shown, taught: Shown) -> list[str]:
    """Return the sources that can be left out: two classes there, which others teach too."""
    found = []
    for source in np.unique(tested.sources).tolist():
        here, others = tested.sources == source, taught.sources != source
        elsewhere = np.unique(taught.labels[others])
        classes = np.intersect1d(np.unique(tested.labels[here]), elsewhere)
        enough = np.unique(tested.patients[here]).size >= _FEWEST
        if enough and classes.size >= 2 and (taught.sources == source).any():
            found.append(source)
    return found


def _matrix(subject: Subject, tested: Shown, taught: Shown) -> Table:
    """Return what a head fitted on one source scores on each, where both hold two classes."""
    names = np.unique(tested.sources).tolist()
    rng, rows = np.random.default_rng(subject.settings.seed), []
    for learnt_from in np.unique(taught.sources).tolist():
        part = taught.take(taught.sources == learnt_from)
        cells: list[str] = []
        enough = np.unique(part.patients).size >= _FEWEST and np.unique(part.labels).size > 1
        probe = head(part, len(subject.classes), rng) if enough else None
        for place in names:
            films = tested.take(tested.sources == place)
            both = np.intersect1d(np.unique(part.labels), np.unique(films.labels))
            if both.size < 2 or probe is None:
                cells.append("fewer than two classes in both")
                continue
            films = films.take(np.isin(films.labels, both))
            said = probe.probabilities(films.features)
            areas = StratifiedAreas(films.labels, said, None, films.patients)
            value = estimated(
                areas.mean,
                films.patients,
                resamples=subject.settings.resamples,
                seed=subject.settings.seed,
            )
            cells.append(f"{value.text()}, n = {value.n}")
        rows.append((learnt_from, *cells))
    return Table(
        title="Learnt from one source (rows), tested on another (columns)",
        columns=("learnt from", *names),
        rows=tuple(rows),
    )


def _sources(said: Predictions) -> NDArray[np.str_]:
    if said.sources is None:
        raise ValueError("a manifest always has sources")
    return said.sources


def _areas(said: Predictions, strata: NDArray[np.str_] | None) -> StratifiedAreas:
    return StratifiedAreas(said.labels, said.probabilities, strata, said.patient_index())


def _estimate(
    subject: Subject, said: Predictions, figure: object, ends: tuple[float, ...] = (0.0, 1.0)
) -> Estimate:
    return estimated(
        figure,  # type: ignore[arg-type]
        said.patient_index(),
        resamples=subject.settings.resamples,
        seed=subject.settings.seed,
        ends=ends,
    )


def _own(
    subject: Subject, said: Predictions, sources: NDArray[np.str_]
) -> list[tuple[str, Estimate]]:
    """Return the score of each source that holds two classes."""
    found = []
    for source in np.unique(sources).tolist():
        part = said.take(sources == source)
        areas = _areas(part, None)
        if areas.classes:
            found.append((source, _estimate(subject, part, areas.mean)))
    return found


def _table(
    subject: Subject, said: Predictions, sources: NDArray[np.str_], own: dict[str, Estimate]
) -> Table:
    rows = []
    for source in np.unique(sources).tolist():
        part = said.take(sources == source)
        counts = np.bincount(part.labels, minlength=len(said.classes)).tolist()
        score = own[source].text() if source in own else "only one class"
        people = int(np.unique(part.patient_index()).size)
        rows.append((source, len(part), people, *counts, score))
    return Table(
        title="Films of each source",
        columns=("source", "films", "patients", *said.classes, subject.score_name),
        rows=tuple(rows),
    )


def _notes(
    said: Predictions, sources: NDArray[np.str_], own: Sequence[tuple[str, Estimate]]
) -> tuple[str, ...]:
    one = sorted({*np.unique(sources).tolist()} - {name for name, _ in own})
    notes = [f"Sources with films of one class only: {', '.join(one)}."] if one else []
    if len(said.classes) > 2:
        notes.append(
            "A source's score is the mean over the classes it holds, each against its others."
        )
    return tuple(notes)


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names)
