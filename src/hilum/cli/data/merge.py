"""`hilum data merge`: one manifest of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json

__all__ = ["check_out", "merge"]


def merge(
    manifests: Annotated[list[Path], Argument(help="Two or more manifests.", show_default=False)],
    *,
    out: Annotated[Path, Option(help="Manifest to write: .csv or .parquet.")],
    relabel: Annotated[
        list[str] | None, Option(metavar="OLD=NEW", help="Rename a label; repeatable.")
    ] = None,
    source_prefix: Annotated[
        bool, Option("--source-prefix", help="Put each manifest's name before its sources.")
    ] = False,
    drop_split: Annotated[bool, Option("--drop-split", help="Leave the split column out.")] = False,
    leaks: Annotated[
        bool, Option("--leaks", help="Write it even if a patient stands in several splits.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Make one manifest of several: every row, every column, paths that still lead somewhere.

    It stops where an image is listed twice, labels do not match, or a patient comes to stand in
    several splits.
    """
    from hilum.data.merge import MergeRules, merge_files
    from hilum.data.tally import tally, tally_text

    check_out(out)
    if len(manifests) < 2:
        raise BadParameter("expected two or more manifests", param_hint="MANIFESTS")
    rules = MergeRules(
        relabel=_pairs(relabel or []), prefix=source_prefix, drop_split=drop_split, leaks=leaks
    )
    merged = merge_files(manifests, out, rules)
    merged.write(out)
    for line in merged.notes:
        note(f"note: {line}")
    note(f"Written: {out} ({len(merged):,} images).")
    rows = tally(merged)
    if json:
        print_json({"out": str(out), "images": len(merged), "counts": rows, "notes": merged.notes})
    else:
        echo(tally_text(rows))


def check_out(out: Path) -> None:
    """Refuse a name that no manifest can be written under, before any work is done."""
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise BadParameter(
            f"expected a name ending in .csv or .parquet, got {out}", param_hint="--out"
        )


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        old, mark, new = (part.strip() for part in text.partition("="))
        if not (old and mark and new):
            raise BadParameter(f"expected OLD=NEW, got {text!r}", param_hint="--relabel")
        if pairs.setdefault(old, new) != new:
            raise BadParameter(f"{old!r} is given two new names", param_hint="--relabel")
    return pairs
