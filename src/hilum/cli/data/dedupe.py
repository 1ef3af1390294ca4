"""`hilum data dedupe`: one file of every film."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.data.without_copies import WithoutCopies


def dedupe(
    manifest: Annotated[Path, Argument(help="Manifest (.csv, .parquet), list or class folders.")],
    *,
    out: Annotated[Path, Option(help="Manifest to write: .csv or .parquet.")],
    prefer: Annotated[
        list[str] | None,
        Option(help="Source whose files are kept before others'; repeatable, the best first."),
    ] = None,
    workers: Annotated[int | None, Option(min=1, help="Processes; default all processors.")] = None,
    cache: Annotated[
        Path | None, Option(help="Folder that keeps what was read of each image.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print what was dropped as JSON.")] = False,
) -> None:
    """Keep one file of every film, where a set holds copies: re-encoded, resized, cropped.

    Splits stay as they are; a film that stood in two keeps the split of the file that is kept.
    """
    from dataclasses import asdict

    from hilum.data.manifest import Manifest
    from hilum.data.without_copies import without_copies

    if out.suffix.lower() not in (".csv", ".parquet"):
        raise BadParameter(f"expected .csv or .parquet, got {out}", param_hint="--out")
    images = Manifest.read(manifest, labelled=False, leaks=True)
    with progress_bar("Reading images") as progress:
        found = without_copies(
            images, prefer=prefer or (), workers=workers, cache=cache, progress=progress
        )
    found.manifest.write(out)
    note(f"Written: {out} ({len(found.manifest):,} images).")
    if json:
        print_json({"kept": len(found.manifest), "dropped": [asdict(d) for d in found.dropped]})
    else:
        echo(_in_words(found))


def _in_words(found: WithoutCopies) -> str:
    lines = [
        f"{len(found.dropped):,} of {len(found.manifest) + len(found.dropped):,} files dropped"
    ]
    pairs = Counter((row.source, row.kept_source) for row in found.dropped)
    for (source, kept), count in pairs.most_common():
        where = "another file of the same source" if source == kept else f"a file of {kept}"
        lines.append(f"  {count:,} of {source}: {where} shows the same film")
    if found.relabelled:
        shown = "; ".join(f"{row.path} and {row.kept}" for row in found.relabelled[:5])
        lines.append(f"  {len(found.relabelled):,} had another label than the file kept: {shown}")
    return "\n".join(lines)
