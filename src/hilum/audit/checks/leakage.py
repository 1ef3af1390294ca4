"""Is what is tested also what was learnt? Films and patients on both sides of the split.

Looks at the whole manifest, not at the sample the network is asked about: one leaked film is
enough. Copies are found by lint's fingerprints, which are kept in the audit's folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.audit.record import Bars, Outcome, Table
from hilum.audit.registry import check
from hilum.audit.subject import Subject
from hilum.data.lint.copies import Copy, find_copies
from hilum.data.lint.fingerprints import take_fingerprints
from hilum.data.lint.patients import (
    across_sources,
    in_two_splits,
    no_patient_known,
    placeholders,
    written_two_ways,
)
from hilum.data.lint.record import Finding
from hilum.data.lint.table import Table as LintTable
from hilum.data.manifest import RawTable
from hilum.data.manifest_table import ROW
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import share_estimate

__all__ = ["duplicates", "patients_across_splits"]

_SHOWN = 40
_KINDS = {
    "bytes": "the same file",
    "pixels": "the same pixels",
    "picture": "the same picture, saved again",
    "crop": "the same picture, cropped",
    "mirrored": "the same picture, mirrored",
    "negative": "the same picture, as a negative",
}
_ASKED_BY = (
    "Roberts et al., Nature Machine Intelligence 2021",
    "Garcia Santa Cruz et al., Medical Image Analysis 2021",
)


@check(
    "duplicates",
    title="Films on both sides of the split",
    question="Were films that are tested also learnt from, perhaps under another name, size or "
    "tone?",
    asked_by=_ASKED_BY,
)
def duplicates(subject: Subject) -> Outcome:
    """Compare every film audited with every other film of the manifest, by fingerprint."""
    films = _Films(subject)
    if not films.elsewhere:
        return Outcome.not_run("The manifest has only the split that is audited.")
    cache = subject.store.path.parent
    prints = take_fingerprints([str(path) for path in films.paths], cache=cache)
    copies = find_copies(prints)
    certain = films.across([pair for pair in copies.pairs if pair.certain])
    possible = films.across([pair for pair in copies.pairs if not pair.certain])
    leaked = np.zeros(len(films.tested), dtype=bool)
    leaked[sorted({pair.tested for pair in certain})] = True
    share = share_estimate(leaked, films.patients)
    learnt = sum(films.splits[pair.other] == "train" for pair in certain)
    kinds = Counter(_KINDS[pair.copy.kind] for pair in certain)
    as_what = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    with_and_without = _without(subject, films, leaked)
    found = (
        f"{_counted(int(leaked.sum()), 'film')} of {leaked.size:,} audited "
        f"{'stands' if leaked.sum() == 1 else 'stand'} in another split as well "
        f"({learnt} pairs with films that taught; {as_what})."
        if leaked.any()
        else f"None of {leaked.size:,} films audited stands in another split as well, by "
        "fingerprints of bytes, pixels and pictures."
    )
    return Outcome(
        verdict="fail" if leaked.any() else "pass",
        summary=f"{found}{_effect(subject, with_and_without)}",
        reason="Fails when one film audited surely stands in another split too. Pairs that only "
        "may show one film do not decide.",
        numbers={"share of films audited that stand in another split": share} | with_and_without,
        charts=_charts(subject, share, with_and_without),
        tables=(_pairs_table(films, certain), _pairs_table(films, possible, "May be one film")),
        notes=_notes(prints.errors, copies.left_out, len(possible)),
    )


@check(
    "patients-across-splits",
    title="Patients on both sides of the split",
    question="Were other films of the patients who are tested learnt from?",
    asked_by=_ASKED_BY,
)
def patients_across_splits(subject: Subject) -> Outcome:
    """Look for patients, by (source, patient_id) and by what lint knows of ids."""
    frame = subject.manifest.frame
    split = subject.settings.split
    others = frame.filter(pl.col("split").fill_null(split) != split)
    if not others.height:
        return Outcome.not_run("The manifest has only the split that is audited.")
    who = ["source", "patient_id"]
    tested = subject.tested.frame
    leaked = tested.select(
        pl.struct(who).is_in(others.select(pl.struct(who)).to_series().implode())
    )
    shared = leaked.to_series().to_numpy()
    findings = _id_findings(subject)
    films = _Films(subject)
    crossing = [one for one in findings if one.code == "H202"]
    doubtful = [one for one in findings if one.code == "H207"]
    unknown = [one for one in findings if one.code in ("H205", "H206")]
    share = share_estimate(shared, films.patients)
    people = int(np.unique(films.patients[shared]).size)
    with_and_without = _without(subject, films, shared)
    said = (
        f"{_counted(people, 'patient')} with {_counted(int(shared.sum()), 'film')} of "
        f"{shared.size:,} audited {'is' if people == 1 else 'are'} in another split as well."
        if people
        else f"No patient of the {shared.size:,} films audited is in another split, going by "
        "(source, patient_id)."
    )
    also = "".join(f" Lint: {one.title}." for one in (*crossing, *doubtful))
    failed = bool(shared.any() or crossing)
    return Outcome(
        verdict="fail" if failed else "warn" if doubtful else "pass",
        summary=f"{said}{_effect(subject, with_and_without)}{also}",
        reason="Fails when a patient audited, by (source, patient_id), is in another split, or "
        "when one telling id stands under two sources in two splits; warns when ids in two splits "
        "are one id written in two ways.",
        numbers={"share of films audited whose patient is in another split": share}
        | with_and_without,
        charts=_charts(subject, share, with_and_without),
        tables=(_findings_table(findings),),
        notes=tuple(f"{one.title}: {one.why}" for one in unknown),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """A copy of an audited film in another split."""

    tested: int
    """Row of the audited films."""

    other: int
    """Place among all films."""

    copy: Copy


class _Films:
    """All films of the manifest with a split: those audited first."""

    def __init__(self, subject: Subject) -> None:
        split = subject.settings.split
        self.tested = subject.tested
        rest = subject.manifest.frame
        audited = self.tested.frame["path"].to_list()
        elsewhere = rest.filter(pl.col("split").fill_null(split) != split)
        self.elsewhere = elsewhere.height
        self.frame = pl.concat([self.tested.frame, elsewhere])
        self.splits = self.frame["split"].fill_null("").to_list()
        self._audited = len(audited)
        root = subject.manifest.root.absolute()
        self.paths = [str(root / path) for path in self.frame["path"].to_list()]
        who = [*zip(*(self.tested.frame[name] for name in ("source", "patient_id")), strict=True)]
        number: dict[tuple[str, str], int] = {}
        self.patients: NDArray[np.int64] = np.array(
            [number.setdefault(one, len(number)) for one in who], dtype=np.int64
        )

    def across(self, pairs: Sequence[Copy]) -> list[_Pair]:
        """Return pairs of an audited film with one of another split, each through its copies."""
        groups = _connected(pairs)
        found = []
        for group, best in groups:
            inside = [place for place in group if place < self._audited]
            outside = [place for place in group if place >= self._audited]
            if inside and outside:
                found += [
                    _Pair(one, min(outside, key=lambda place: self.splits[place] != "train"), best)
                    for one in inside
                ]
        return found

    def text(self, place: int) -> str:
        """Name a film for the reader."""
        row = self.frame.row(place, named=True)
        return f"{row['path']} ({row['source']}, {row['label']})"


def _connected(pairs: Sequence[Copy]) -> list[tuple[list[int], Copy]]:
    """Gather places that show one film, with the closest pair of each."""
    from hilum.data.lint.copies import first_places

    first = first_places(pairs)
    members: dict[int, list[int]] = {}
    for place, leader in first.items():
        members.setdefault(leader, []).append(place)
    best: dict[int, Copy] = {}
    for pair in pairs:
        leader = first[pair.left]
        if leader not in best or pair.similarity > best[leader].similarity:
            best[leader] = pair
    return [(sorted(places), best[leader]) for leader, places in sorted(members.items())]


def _id_findings(subject: Subject) -> list[Finding]:
    frame = subject.manifest.frame
    text = frame.with_columns(pl.all().cast(pl.String)).with_row_index(ROW, offset=2)
    table = LintTable(RawTable("the manifest", text, subject.manifest.root))
    rules = (in_two_splits, across_sources, written_two_ways, placeholders, no_patient_known)
    return [finding for rule in rules for finding in rule(table)]


def _without(subject: Subject, films: _Films, leaked: NDArray[np.bool_]) -> dict[str, Estimate]:
    """Return the score with the leaked films, and without; nothing if there are none."""
    if not leaked.any():
        return {}
    said = subject.predictions()
    row = {path: place for place, path in enumerate(films.tested.frame["path"].to_list())}
    kept = np.array([not leaked[row[image]] for image in said.images.tolist()])
    found = {f"{subject.score_name} on all films audited": subject.score(said)}
    if kept.any() and np.unique(said.labels[kept]).size > 1:
        found[f"{subject.score_name} without them"] = subject.score(said.take(kept))
    if not kept.all():
        found |= _on_them(said, ~kept)
    return found


def _on_them(said: Predictions, leaked: NDArray[np.bool_]) -> dict[str, Estimate]:
    right = said.decisions == said.labels
    who = said.patient_index()
    return {
        "share of them called rightly": share_estimate(right[leaked], who[leaked]),
        "share of the others called rightly": share_estimate(right[~leaked], who[~leaked]),
    }


def _effect(subject: Subject, found: dict[str, Estimate]) -> str:
    names = [f"{subject.score_name} {rest}" for rest in ("on all films audited", "without them")]
    if any(name not in found for name in names):
        return ""
    every, rest = (found[name] for name in names)
    return f" With them {subject.score_name} is {every.text()}, without them {rest.text()}."


def _charts(subject: Subject, share: Estimate, found: dict[str, Estimate]) -> tuple[Bars, ...]:
    rows = tuple((name, one) for name, one in found.items() if name.startswith(subject.score_name))
    leaked = Bars(
        title="Films audited that are on both sides",
        axis="share of films",
        rows=(("in another split as well", share),),
    )
    if not rows:
        return (leaked,)
    return (
        leaked,
        Bars(
            title="The score with the leaked films and without",
            axis=subject.score_name,
            rows=rows,
            references=(("chance", 0.5),),
        ),
    )


def _pairs_table(
    films: _Films, pairs: Sequence[_Pair], title: str = "Films in two splits"
) -> Table:
    return Table(
        title=title if len(pairs) <= _SHOWN else f"{title}: the first {_SHOWN} of {len(pairs)}",
        columns=("audited", "the other", "split", "what is the same", "likeness"),
        rows=tuple(
            (
                films.text(pair.tested),
                films.text(pair.other),
                films.splits[pair.other],
                _KINDS[pair.copy.kind],
                round(pair.copy.similarity, 3),
            )
            for pair in pairs[:_SHOWN]
        ),
    )


def _findings_table(findings: Sequence[Finding]) -> Table:
    return Table(
        title="What lint says of patient ids",
        columns=("code", "severity", "what", "for example", "what to do"),
        rows=tuple(
            (one.code, one.severity, one.title, "; ".join(one.examples[:3]), one.cure)
            for one in findings
        ),
    )


def _notes(errors: dict[int, str], left_out: int, possible: int) -> tuple[str, ...]:
    notes = []
    if errors:
        notes.append(f"{_counted(len(errors), 'file')} could not be read and compared.")
    if left_out:
        notes.append(f"{left_out:,} similar pairs were not compared closely: there are too many.")
    if possible:
        notes.append(
            f"{_counted(possible, 'film')} audited may stand in another split: more alike than two "
            "patients are as a rule. Look at them."
        )
    return tuple(notes)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
