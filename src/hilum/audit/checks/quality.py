"""What a film's quality tells of its class, before any network looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilum.audit.changes.measures import MEASURES
from hilum.audit.changes.morphology import reduced
from hilum.audit.film_quality import Quality, Telling, film_quality, holm, tellings
from hilum.audit.perturb import LUNGS
from hilum.audit.record import Bars, Outcome, Picture, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.subject import Subject
from hilum.data.preprocessing import to_uint8
from hilum.data.reading import read_radiograph

__all__ = ["quality_statistics"]

_FAILS, _WARNS = 0.80, 0.65
_SURE = 0.05
_SHOWN = 12
_PICTURE_SIDE = 224


@check(
    "quality-statistics",
    title="What the quality of films tells",
    question="Can the classes be told apart by sharpness, compression, brightness, size or frame "
    "alone?",
    asked_by=(
        "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
        "Roberts et al., Nature Machine Intelligence 2021",
    ),
    wants=(("tested", LUNGS), ("taught", LUNGS)),
)
def quality_statistics(subject: Subject) -> Outcome:
    """Try each measure of quality as if it were a classifier."""
    found = film_quality(subject)
    tried = tellings(found, subject.classes)
    if not tried:
        return Outcome.not_run(
            "No measure varies between films, or a class has fewer than two patients."
        )
    fails = holm([one.p_value(_FAILS) for one in tried])
    warns = holm([one.p_value(_WARNS) for one in tried])
    order = np.lexsort(([-(one.area.estimate or 0) for one in tried], warns, fails)).tolist()
    best = tried[order[0]]
    return Outcome(
        verdict=_verdict(min(fails), min(warns)),
        summary=f"Best of {len(tried)} looks: films of {best.label} have "
        f"{'more' if best.more else 'less'} {best.measure}; that alone tells them from the rest "
        f"with AUROC {best.area.text()} on {best.area.n:,} films.",
        reason="Fails when some measure's AUROC is above 0.80, warns when it is above 0.65, "
        "p < 0.05 after Holm's correction for all looks. An AUROC up to 0.65 may come of disease.",
        numbers={_name(tried[at]): tried[at].area for at in order[:_SHOWN]},
        charts=(
            Bars(
                title="AUROC of single measures, the best first",
                axis="AUROC",
                limits=(0.5, 1.0),
                rows=tuple((_name(tried[at]), tried[at].area) for at in order[:_SHOWN]),
                references=(("warns above", _WARNS), ("fails above", _FAILS)),
            ),
        ),
        tables=(
            _table(tried, order, fails, warns),
            _medians(found, subject.classes),
        ),
        pictures=_extremes(subject, found, best),
        notes=_notes(found),
    )


def _verdict(fails: float, warns: float) -> Verdict:
    if fails < _SURE:
        return "fail"
    return "warn" if warns < _SURE else "pass"


def _name(one: Telling) -> str:
    return f"{'more' if one.more else 'less'} {one.measure}: {one.label}"


def _table(
    tried: Sequence[Telling], order: Sequence[int], fails: Sequence[float], warns: Sequence[float]
) -> Table:
    return Table(
        title="Every measure, every class",
        columns=("measure", "class", "films of it have", "AUROC", "p, above 0.80", "p, above 0.65",
                 "n"),
        rows=tuple(
            (
                tried[at].measure, tried[at].label, "more" if tried[at].more else "less",
                tried[at].area.text(), f"{fails[at]:.3g}", f"{warns[at]:.3g}", tried[at].area.n,
            )
            for at in order
        ),
    )  # fmt: skip


def _medians(found: Quality, classes: Sequence[str]) -> Table:
    present = [c for c in range(len(classes)) if (found.labels == c).any()]
    return Table(
        title="Medians",
        columns=("measure", *(classes[c] for c in present)),
        rows=tuple(
            (name, *(_median(found.values[found.labels == c, at]) for c in present))
            for at, name in enumerate(MEASURES)
        ),
    )


def _median(values: NDArray[np.float64]) -> str:
    there = values[np.isfinite(values)]
    return f"{np.median(there):.4g}" if there.size else "unknown"


def _extremes(subject: Subject, found: Quality, best: Telling) -> tuple[Picture, ...]:
    """Show the film with the least and the one with the most of the measure that tells best."""
    values = found.values[: len(subject.tested), MEASURES.index(best.measure)]
    if not np.isfinite(values).any():
        return ()
    rows = {"least": int(np.nanargmin(values)), "most": int(np.nanargmax(values))}
    labels = subject.tested.frame["label"]
    return tuple(
        Picture(
            f"The film with the {which} {best.measure}, {values[row]:.3g}; labelled {labels[row]}.",
            _small(subject, row),
        )
        for which, row in rows.items()
    )


def _small(subject: Subject, row: int) -> NDArray[np.uint8]:
    return reduced(to_uint8(read_radiograph(subject.path(row))), _PICTURE_SIDE)


def _notes(found: Quality) -> tuple[str, ...]:
    where = (
        "Grey and sharpness are measured outside the lungs, on the films whose lungs are known."
        if found.outside_lungs
        else "Grey and sharpness are measured on whole films, as the lungs of too few are known: "
        "disease moves them a little."
    )
    unread = int(np.isnan(found.values[:, 0]).sum())
    films = (
        "The films measured are those audited and those of the train split that the audit looks "
        "at: what sets them apart, a network can learn."
    )
    looks = (
        "A measure that tells the classes apart does not prove that the network uses it: see what "
        "compression, blur and other greys do to its answers."
    )
    left = f"{unread:,} films could not be read." if unread else ""
    return tuple(note for note in (films, where, looks, left) if note)
