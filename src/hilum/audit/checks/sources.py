"""Does a film say which hospital it came from, and would that give its label away?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.audit.checks.baseline import blind_rules
from hilum.audit.features import NO_FEATURES, Shown, of_films, shown, taught_shown
from hilum.audit.perturb import AS_THEY_ARE
from hilum.audit.probe import Design, choose_strength, cross_probe
from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.strata import StratifiedAreas, estimated
from hilum.audit.subject import Part, Subject
from hilum.data.preprocessing import Preprocessing, prepare
from hilum.data.reading import read_radiograph
from hilum.errors import HilumError
from hilum.evaluation.blind_rules import NOTHING
from hilum.evaluation.record import Estimate
from hilum.screening.cores import usable_cores

__all__ = ["source_from_features", "source_from_pixels", "source_rule", "thumbnail"]

Array = NDArray[np.float64]

_SIDE = 16
_LEVELS = 16
_RING = 0.04
_TOLD = 0.6
_GIVES_AWAY = 0.75
_HINTS = 0.6
_FEWEST = 5
"""Patients of a source, in what is learnt from and in what is tested."""

_REASON = (
    f"Films tell their source when the lower limit of the AUROC is above {_TOLD}, among films of "
    "one label, or among all if a label shares no source with another. That alone is no fault. It "
    "fails when a rule that knows the source alone also has a score whose "
    f"lower limit is above {_GIVES_AWAY}, and warns when that is above {_HINTS}: then a model that "
    "finds the hospital has found the label."
)
_ASKED_BY = (
    "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
    "Maguolo and Nanni, Information Fusion 2021",
)


@check(
    "source-from-pixels",
    title="The source, from a tiny grey picture",
    question="Does a film of 16 by 16 grey levels, on which nobody sees a disease, say which "
    "hospital it is from?",
    asked_by=_ASKED_BY,
)
def source_from_pixels(subject: Subject) -> Outcome:
    """Look for the source in thumbnails, grey histograms and borders of prepared films."""
    tested = _thumbnails(subject, "tested")
    taught = _thumbnails(subject, "taught") if len(subject.taught) else None
    if tested is None:
        return Outcome.not_run("No film audited can be read.")
    return _outcome(subject, tested, taught, "a picture of 16 by 16 grey levels and its border")


@check(
    "source-from-features",
    title="The source, from what the network sees",
    question="Does what the network makes of a film say which hospital it is from, among films of "
    "one label?",
    asked_by=_ASKED_BY,
    wants=(("tested", AS_THEY_ARE), ("taught", AS_THEY_ARE)),
)
def source_from_features(subject: Subject) -> Outcome:
    """Look for the source in the features that the model's own head decides on."""
    tested = shown(subject)
    if tested is None:
        return Outcome.not_run(NO_FEATURES)
    return _outcome(subject, tested, taught_shown(subject), "the network's own features")


def source_rule(subject: Subject) -> Estimate | None:
    """Return the score of a rule that knows each film's source alone; None if there is one."""
    found = blind_rules(subject, ("source",))
    rules = [rule for rule in found.rules if rule.looks_at != NOTHING]
    return rules[0].metrics["auroc"] if rules else None


@dataclass(frozen=True, slots=True)
class _Told:
    """How well a probe tells sources apart on the films it can be tested on."""

    areas: StratifiedAreas
    patients: NDArray[np.int64]
    names: tuple[str, ...]

    def mean(self, subject: Subject) -> Estimate:
        settings = subject.settings
        return estimated(
            self.areas.mean, self.patients, resamples=settings.resamples, seed=settings.seed
        )

    def each(self, subject: Subject) -> list[tuple[str, Estimate]]:
        settings = subject.settings
        return [
            (
                self.names[c],
                estimated(
                    lambda weights, c=c: self.areas.mean(weights, [c]),  # type: ignore[misc]
                    self.patients,
                    resamples=settings.resamples,
                    seed=settings.seed,
                ),
            )
            for c in self.areas.classes
        ]


def _outcome(subject: Subject, tested: Shown, taught: Shown | None, what: str) -> Outcome:
    if np.unique(tested.sources).size < 2:
        return Outcome.not_run("All films audited are of one source, so there is none to tell.")
    overall = _told(subject, tested, taught, within=False)
    within = _told(subject, tested, taught, within=True)
    apart = _never_together(subject, tested)
    decides = overall if apart else within or overall
    if overall is None or decides is None:
        return Outcome.not_run(
            f"No two sources have {_FEWEST} patients each among the films learnt from and tested."
        )
    every, told, rule = overall.mean(subject), decides.mean(subject), source_rule(subject)
    among = "all films" if decides is overall else "films of one label"
    numbers = {f"AUROC of the source among {among}": told}
    if within is not None and decides is overall:
        numbers["AUROC of the source among films of one label"] = within.mean(subject)
    elif decides is within:
        numbers["AUROC of the source among all films"] = every
    known = "unknown"
    if rule is not None:
        numbers[f"{subject.score_name} of a rule that knows the source alone"] = rule
        known = f"{subject.score_name} {rule.text()}"
    return Outcome(
        verdict=_verdict(told, rule),
        summary=f"From {what}, a straight line tells the source among {among} with AUROC "
        f"{told.text()}, {told.n:,} films; knowing the source alone predicts the label with "
        f"{known}.",
        reason=_REASON,
        numbers=numbers,
        charts=(
            Bars(
                title=f"How well each source is told from the others, among {among}",
                axis="AUROC",
                rows=(*decides.each(subject), ("mean over sources", told)),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(_table(subject, overall, within),),
        notes=_notes(taught, apart, within),
    )


def _never_together(subject: Subject, tested: Shown) -> list[str]:
    """Return the labels that share no source with another label."""
    pairs = {(source, label) for source, label in zip(tested.sources, tested.labels, strict=True)}
    shared = {
        label
        for source, label in pairs
        if any(one == source and other != label for one, other in pairs)
    }
    return [subject.classes[c] for c in np.unique(tested.labels) if c not in shared]


def _notes(taught: Shown | None, apart: Sequence[str], within: _Told | None) -> tuple[str, ...]:
    notes = []
    if taught is None:
        notes.append("There are no films that taught: the probe is cross-validated by patient.")
    if apart:
        notes.append(
            f"No source holds {' or '.join(apart)} beside another label, so whether the hospital "
            "or the disease is told there cannot be said apart, and all films decide together."
        )
    elif within is None:
        notes.append(
            f"No label has {_FEWEST} patients of two sources on both sides, so all films decide "
            "together, among which the disease may tell the source."
        )
    return tuple(notes)


def _verdict(told: Estimate, rule: Estimate | None) -> Verdict:
    if told.estimate is None:
        return "not run"
    lowest = told.estimate if told.low is None else told.low
    if lowest <= _TOLD or rule is None or rule.estimate is None:
        return "pass"
    gives = rule.estimate if rule.low is None else rule.low
    if gives > _GIVES_AWAY:
        return "fail"
    return "warn" if gives > _HINTS else "pass"


def _told(subject: Subject, tested: Shown, taught: Shown | None, *, within: bool) -> _Told | None:
    """Tell sources apart, among the films of each label or among all; None if nowhere."""
    names, _ = np.unique(tested.sources, return_inverse=True)
    scores = np.zeros((len(tested), names.size))
    kept = np.zeros(len(tested), dtype=bool)
    rng = np.random.default_rng(subject.settings.seed)
    strata = tested.labels if within else np.zeros(len(tested), dtype=np.int64)
    for stratum in np.unique(strata):
        here = np.flatnonzero(strata == stratum)
        learnt = taught
        if taught is not None and within:
            learnt = taught.take(taught.labels == stratum)
        chosen = _common(tested.take(here), learnt)
        if chosen.size < 2:
            continue
        here = here[np.isin(tested.sources[here], chosen)]
        scores[here] = _said(tested.take(here), learnt, names, chosen, rng)
        kept[here] = True
    if not kept.any():
        return None
    left = tested.take(kept)
    index = np.searchsorted(names, left.sources)
    areas = StratifiedAreas(index, scores[kept], strata[kept], left.patients)
    return _Told(areas, left.patients, tuple(names.tolist()))


def _common(tested: Shown, learnt: Shown | None) -> NDArray[np.str_]:
    """Return the sources with enough patients on both sides."""
    one, other = (_enough(part) for part in (tested, learnt or tested))
    return one[np.isin(one, other)]


def _enough(films: Shown) -> NDArray[np.str_]:
    _, first = np.unique(films.patients, return_index=True)
    names, count = np.unique(films.sources[first], return_counts=True)
    found: NDArray[np.str_] = names[count >= _FEWEST]
    return found


def _said(
    tested: Shown,
    learnt: Shown | None,
    names: NDArray[np.str_],
    chosen: NDArray[np.str_],
    rng: np.random.Generator,
) -> Array:
    """Return P(source) of tested films, shape (n, names); 0 for sources that were not chosen."""
    places = np.searchsorted(names, chosen)
    scores = np.zeros((len(tested), names.size))
    if learnt is None:
        y = np.searchsorted(chosen, tested.sources)
        scores[:, places] = cross_probe(tested.features, y, tested.patients, chosen.size, rng)
        return scores
    learnt = learnt.take(np.isin(learnt.sources, chosen))
    y = np.searchsorted(chosen, learnt.sources)
    strength = choose_strength(learnt.features, y, learnt.patients, rng)
    probe = Design(learnt.features).fit(y, chosen.size, strength=strength)
    scores[:, places] = probe.probabilities(tested.features)
    return scores


def _table(subject: Subject, overall: _Told, within: _Told | None) -> Table:
    inside = dict(within.each(subject)) if within else {}
    return Table(
        title="How well each source is told from the others",
        columns=("source", "AUROC among films of one label", "n", "AUROC among all films", "n all"),
        rows=tuple(
            (
                name,
                inside[name].text() if name in inside else "no label shared with another source",
                within.patients.size if within and name in inside else 0,
                value.text(),
                value.n,
            )
            for name, value in overall.each(subject)
        ),
    )


def thumbnail(path: Path, preprocessing: Preprocessing) -> Array:
    """Return a prepared film as a few numbers that show no disease, shape (16 * 16 + 16 + 8,).

    Block means, the share of pixels at each of 16 grey levels, and mean and spread of the four
    edges, all of the picture that the network is given.

    Raises:
        ImageReadError: If the film cannot be read.
    """
    film = read_radiograph(path, smallest_side=preprocessing.decode_side)
    picture = prepare(film, preprocessing).astype(np.float64) / 255
    side = picture.shape[0]
    edges = np.linspace(0, side, _SIDE + 1).astype(int)
    blocks = np.add.reduceat(np.add.reduceat(picture, edges[:-1], 0), edges[:-1], 1)
    blocks /= np.outer(np.diff(edges), np.diff(edges))
    levels = np.histogram(picture, bins=_LEVELS, range=(0, 1))[0] / picture.size
    ring = max(1, round(_RING * side))
    strips = (picture[:ring], picture[-ring:], picture[:, :ring], picture[:, -ring:])
    border = [value for strip in strips for value in (strip.mean(), strip.std())]
    return np.concatenate([blocks.ravel(), levels, border])


def _thumbnails(subject: Subject, part: Part) -> Shown | None:
    """Return the thumbnails of a part's films; None if no film can be read."""
    preprocessing = subject.bundle.record.preprocessing

    def read(row: int) -> Array | None:
        try:
            return thumbnail(subject.path(row, part), preprocessing)
        except (HilumError, OSError):
            return None  # it is named among the unreadable films of the audit

    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="hilum-thumbnails") as pool:
        found = [*pool.map(read, range(len(subject.part(part))))]
    rows = np.array([row for row, one in enumerate(found) if one is not None], dtype=np.int64)
    if not rows.size:
        return None
    return of_films(subject, part, rows, np.stack([one for one in found if one is not None]))
