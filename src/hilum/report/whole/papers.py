"""Model card and reporting checklists of each model, filled from what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from hilum.data.manifest import Manifest
from hilum.errors import HilumError
from hilum.report.checklists import CHECKLISTS, Filled, fill, gather_facts
from hilum.report.checklists.answer import Facts as Known
from hilum.report.model_card import model_card
from hilum.report.whole.blocks import Block, Fold, Prose, Section
from hilum.report.whole.evaluated import Evaluated
from hilum.report.whole.gather import Found, Piece
from hilum.report.whole.sheet import Cell, Sheet
from hilum.screening.bundle import Bundle

__all__ = ["Paper", "paper_sections", "papers"]

_MOST = 3


@dataclass(frozen=True, slots=True)
class Paper:
    """What is known of one model."""

    name: str
    facts: Known


def papers(found: Found, evaluations: Sequence[Evaluated]) -> list[Paper]:
    """Gather the facts of each model found: of bundles, or of runs where there is no bundle.

    Args:
        found: What folders hold; what contradicts itself is added to its notes.
        evaluations: Those of the report.
    """
    made: list[Paper] = []
    models = found.bundles or found.runs
    for model in models[:_MOST]:
        try:
            facts = _facts(model, found, evaluations, alone=len(models) == 1)
        except HilumError as error:
            found.notes.append(f"No model card and checklists of {model['name']}: {error}")
            continue
        name = model["name"]
        same = [other for other in models if other["name"] == name]
        made.append(Paper(name if len(same) == 1 else f"{name} in {model.folder.name}", facts))
    if len(models) > _MOST:
        found.notes.append(f"Model card and checklists are of the first {_MOST} models only.")
    return made


def _facts(
    model: Piece, found: Found, evaluations: Sequence[Evaluated], *, alone: bool
) -> dict[str, Any]:
    is_bundle = model in found.bundles
    run = model if not is_bundle else _run_of(model, found.runs)
    scored = _evaluation_of(model, run, evaluations, alone=alone)
    audits = [a for a in found.audits if a["about"].get("bundle_id") == model.get("id")]
    return gather_facts(
        bundle=Bundle.load(model.folder) if is_bundle else None,
        evaluation=None if scored is None else scored.values,
        audit=audits[0].values if audits and is_bundle else None,
        manifest=_manifest(scored, run),
        run=None if run is None else run.folder,
    )


def _run_of(bundle: Piece, runs: Sequence[Piece]) -> Piece | None:
    """Return the run a bundle was exported from, if that is certain."""
    trained = (bundle.get("training") or {}).get("manifest_sha256")
    same = [
        run
        for run in runs
        if run["name"] == bundle["name"] and (run.get("manifest") or {}).get("sha256") == trained
    ]
    return same[0] if len(same) == 1 else None


def _evaluation_of(
    model: Piece, run: Piece | None, evaluations: Sequence[Evaluated], *, alone: bool
) -> Evaluated | None:
    """Return the evaluation of a model, if it can be not of the split its weights did best on."""
    own = {model.folder.name} | (set() if run is None else {run.folder.name})
    fits = [one for one in evaluations if list(one.values["classes"]) == list(model["classes"])]
    named = [one for one in fits if PurePath(str(one.values.get("scored"))).name in own]
    perhaps = [*named, *(fits if alone else [])]
    honest = [one for one in perhaps if one.values.get("split") != "val"]
    return next(iter([*honest, *perhaps]), None)


def _manifest(scored: Evaluated | None, run: Piece | None) -> Manifest | None:
    """Return the films of the study where their manifest still lies where it lay."""
    places = [None if scored is None else scored.values.get("manifest"),
              None if run is None else run.get("manifest")]  # fmt: skip
    for about in places:
        path = Path(str((about or {}).get("path", "")))
        if about and path.is_file():
            read = Manifest.read(path, check_files=False)
            if read.sha256 == about.get("sha256"):
                return read
    return None


def paper_sections(paper: Paper, prefix: str) -> Iterator[Section]:
    """Return card and checklists as sections.

    Args:
        paper: Of one model.
        prefix: Begins the anchors.
    """
    card = model_card(paper.facts)
    yield Section(f"{prefix}-card", f"Model card: {paper.name}")
    for number, part in enumerate(card.sections):
        blocks: list[Block] = [Prose(part.points, "list")] if part.points else []
        blocks += [Sheet(table.title, table.columns, table.rows) for table in part.tables]
        yield Section(f"{prefix}-card-{number}", part.title, blocks, level=4)
    for name in CHECKLISTS:
        filled = fill(name, paper.facts)
        yield Section(
            f"{prefix}-{name}", f"{filled.checklist.title}: {paper.name}", list(_checklist(filled))
        )


def _checklist(filled: Filled) -> Iterator[Block]:
    known = filled.to_dict()
    counts = ", ".join(f"{status} {count}" for status, count in known["counts"].items())
    yield Prose([f"Of {len(filled.items)} items: {counts}.", known["wording"]])
    if filled.caveats:
        yield Prose(filled.caveats, "list")
    people = known["open"].items()
    rows: list[list[Cell]] = [
        [who, ", ".join(row["not reported"]) or "none", ", ".join(row["partly"]) or "none"]
        for who, row in people
    ]
    yield Sheet(
        f"{filled.checklist.title}: still to be written",
        ("who", "items of which nothing is known", "items to be completed"),
        rows,
    )
    items = [
        [f"{one['item']} {one['title']}", one["status"], one["text"], one["missing"],
         ", ".join(one["who"])]
        for one in known["items"]
    ]  # fmt: skip
    heads = ("item", "status", "known", "missing", "to be written by")
    yield Fold("All items", [Sheet(f"{filled.checklist.title}: all items", heads, items)])
    yield Prose([known["citation"]], "soft")
