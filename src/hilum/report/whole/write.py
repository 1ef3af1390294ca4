"""One HTML file with everything, and beside it JSON and CSV of every table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hilum import __version__
from hilum.errors import DataError
from hilum.evaluation.record import RESEARCH_USE
from hilum.report.destination import made_folder
from hilum.report.whole.appendix import provenance
from hilum.report.whole.blocks import Section
from hilum.report.whole.evaluated import Evaluated, evaluated
from hilum.report.whole.front import front_sections
from hilum.report.whole.gather import Found, gather
from hilum.report.whole.papers import Paper, paper_sections, papers
from hilum.report.whole.render import block_environment, stored, write_tables
from hilum.report.whole.sections_audit import check_sections
from hilum.report.whole.sections_evaluation import evaluation_sections
from hilum.report.whole.sections_model import bundle_section, run_section, screening_sections
from hilum.report.whole.sections_more import (
    calibration_section,
    comparison_section,
    cost_section,
    errors_section,
)
from hilum.report.whole.sheet import Sheet
from hilum.report.whole.verdicts import overview

__all__ = ["Written", "write_report"]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Args:
        page: The HTML file.
        record: The JSON beside it.
        tables: The folder of CSV files.
        notes: What could not be used, and why.
    """

    page: Path
    record: Path
    tables: Path
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    ident: str
    title: str
    lead: str
    sections: Sequence[Section]


def write_report(
    places: Iterable[str | Path], out: str | Path, *, title: str = "hilum report"
) -> Written:
    """Write one page about everything in `places`: it opens anywhere, prints, and asks no network.

    Args:
        places: Folders that commands wrote (searched three levels deep), or single files of them.
        out: The HTML file; its name with .json, and the folder tables, are written beside it.
        title: Its heading.

    Raises:
        DataError: If a place is missing or holds nothing known, or `out` is a folder.
    """
    page = Path(out)
    if page.is_dir() or page.suffix.lower() == ".json":
        raise DataError(f"{page} cannot be the page. Name an HTML file, such as report.html.")
    found = gather(places)
    evaluations = list(evaluated(found))
    known = papers(found, evaluations)
    parts = [part for part in _parts(found, evaluations, known) if part.sections]
    record = page.with_suffix(".json")
    made_folder(page.parent)
    before = _earlier(record)
    text = (
        block_environment()
        .get_template("report.html")
        .render(title=title, use=_use(), parts=parts, version=__version__,
                beside=f"Every table is in {record.name} and in tables/, beside this page.")
    )  # fmt: skip
    tables = write_tables(_sheets(parts), page.parent / "tables", before)
    values = {
        "use": RESEARCH_USE,
        "title": title,
        "hilum_version": __version__,
        "date": datetime.now(UTC).date().isoformat(),
        "notes": found.notes,
        "tables": tables,
        "found": _everything(found),
    }
    stored(record, f"{json.dumps(values, indent=1, ensure_ascii=False)}\n")
    stored(page, text)
    return Written(page, record, page.parent / "tables", tuple(found.notes))


def _use() -> str:
    return RESEARCH_USE


def _parts(
    found: Found, evaluations: Sequence[Evaluated], known: Sequence[Paper]
) -> Iterator[_Part]:
    yield _Part("front", "In two minutes", "", list(front_sections(found, evaluations, known)))
    yield _Part(
        "review",
        "For a reviewer",
        "Every table, with its n, its limits, and how they were found.",
        list(_review(found, evaluations)),
    )
    yield _Part(
        "appendix",
        "Appendix",
        "Model card, reporting checklists, and where every number comes from.",
        [
            *(s for i, p in enumerate(known, 1) for s in paper_sections(p, f"paper-{i}")),
            *provenance(found, evaluations),
        ],
    )


def _review(found: Found, evaluations: Sequence[Evaluated]) -> Iterator[Section]:
    for number, one in enumerate(evaluations, start=1):
        yield from evaluation_sections(one, f"score-{number}")
    for number, audit in enumerate(found.audits, start=1):
        name = audit["about"].get("bundle", "the model")
        yield Section(f"audit-{number}", f"Audit: {name}", [overview(audit.values)])
        yield from check_sections(audit.values, audit.folder, prefix=f"audit-{number}", level=4)
    for number, piece in enumerate(found.calibrations, start=1):
        yield calibration_section(piece, f"calibration-{number}")
    for number, piece in enumerate(found.comparisons, start=1):
        yield comparison_section(piece, f"comparison-{number}")
    for number, piece in enumerate(found.errors, start=1):
        yield errors_section(piece, f"errors-{number}")
    for number, piece in enumerate(found.costs, start=1):
        yield cost_section(piece, f"cost-{number}")
    for number, piece in enumerate(found.runs, start=1):
        yield run_section(piece, f"run-{number}")
    for number, piece in enumerate(found.bundles, start=1):
        yield bundle_section(piece, f"bundle-{number}")
    if found.screenings:
        yield Section("films", "What it says of single films")
        yield from screening_sections(found.screenings, "film")


def _sheets(parts: Sequence[_Part]) -> Iterator[tuple[str, Sheet]]:
    for part in parts:
        for section in part.sections:
            for sheet in section.sheets():
                yield section.ident, sheet


def _everything(found: Found) -> dict[str, Any]:
    """Return what was read, each with its folder."""
    return {
        name: [{"folder": str(piece.folder), "values": dict(piece.values)} for piece in pieces]
        for name in found.__dataclass_fields__
        if name != "notes" and (pieces := getattr(found, name))
    }


def _earlier(record: Path) -> list[str]:
    """Return the files of tables that an earlier report of this name wrote."""
    try:
        values = json.loads(record.read_text(encoding="utf-8"))
        return [str(table["file"]) for table in values["tables"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
