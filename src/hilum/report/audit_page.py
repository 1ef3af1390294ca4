"""The page of an audit: lights, what is left to believe, and each check with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hilum import __version__
from hilum.errors import DataError
from hilum.report.whole.blocks import Block, Grid, Lights, Prose
from hilum.report.whole.render import block_environment, stored, write_tables
from hilum.report.whole.sections_audit import check_sections
from hilum.report.whole.verdicts import audit_facts, belief, overview, score_chart

__all__ = ["write_audit_page"]

_NEEDED = ("use", "counts", "headline", "baseline", "checks", "about")


def write_audit_page(audit: Mapping[str, Any], folder: str | Path) -> Path:
    """Write index.html and tables/*.csv of an audit beside its audit.json.

    The page is one file: pictures and figures are inside, nothing is fetched, no script runs.

    Args:
        audit: As `Audit.to_dict` gives it, or audit.json read.
        folder: Where audit.json and its pictures lie.

    Returns:
        The page.

    Raises:
        DataError: If it is no audit, or the folder does not exist.
    """
    place = Path(folder)
    if missing := [name for name in _NEEDED if name not in audit]:
        raise DataError(
            f"Expected what `hilum audit` writes into audit.json, got one without "
            f"{', '.join(missing)}. Run the audit anew."
        )
    if not place.is_dir():
        raise DataError(f"{place} is not a folder. Name the one that audit.json lies in.")
    sections = list(check_sections(audit, place))
    text = (
        block_environment()
        .get_template("audit.html")
        .render(
            title="Is the score real?",
            subject=_subject(audit),
            use=audit["use"],
            front=_front(audit),
            belief=belief(audit),
            findings=[overview(audit)],
            checks=sections,
            about=_about(audit),
            version=__version__,
        )
    )
    tables = [("", overview(audit))]
    tables += [(one.ident, sheet) for one in sections for sheet in one.sheets()]
    write_tables(tables, place / "tables")
    return stored(place / "index.html", text)


def _subject(audit: Mapping[str, Any]) -> str:
    about, head = audit["about"], audit["headline"]
    where = f", split {about['split']}" if about.get("split") else ""
    return (
        f"{about.get('bundle', 'A model')} on {head['n']:,} films of {head['patients']:,} "
        f"patients{where}."
    )


def _front(audit: Mapping[str, Any]) -> list[Block]:
    missing = [] if audit["baseline"] else [
        Prose(["There is no rule to stand beside the model: the films' sources are not known."])
    ]  # fmt: skip
    return [
        Grid([(score_chart(audit), "Points with 95\u00a0% limits; n is the number of films.")]),
        *missing,
        Lights(audit["counts"]),
    ]


def _about(audit: Mapping[str, Any]) -> list[Block]:
    about = audit["about"]
    unread = about.get("unreadable") or {}
    left = [f"Left out: {path}: {why}" for path, why in unread.items()]
    notes = [*about.get("notes", []), *left]
    return [audit_facts(audit), *([Prose(notes, "list")] if notes else [])]
