"""`hilum prepare`: read every image of a manifest once, and keep what a network is given."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.data.cache import CacheReport

__all__ = ["Square", "prepare"]

_SHOWN = 20


class Square(str, Enum):  # noqa: UP042 - typer shows the values of a str Enum on 3.11 too
    """How a picture is made square."""

    CROP = "crop"
    PAD = "pad"
    STRETCH = "stretch"


def prepare(
    manifest: Annotated[Path, Argument(help="Manifest (.csv, .parquet), list or class folders.")],
    *,
    out: Annotated[Path, Option(help="Folder of the cache; new, or one made before.")],
    size: Annotated[int, Option(help="Side of a prepared picture in pixels.")] = 224,
    top: Annotated[float, Option(help="Share of the height cropped from the top.")] = 0.0,
    square: Annotated[Square, Option(help="How a picture is made square.")] = Square.CROP,
    equalize: Annotated[bool, Option("--equalize", help="Equalise the histogram.")] = False,
    clahe: Annotated[bool, Option("--clahe", help="Equalise in tiles, contrast limited.")] = False,
    workers: Annotated[int | None, Option(min=1, help="Processes; default all processors.")] = None,
    rehash: Annotated[
        bool, Option("--rehash", help="Read even files that look unchanged.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Read every image of MANIFEST once and keep the prepared pictures in a cache.

    Run it again to add images, to go on after a kill, or to mend damage.

    Exit code 3: some images could not be read; the others are there.
    """
    from hilum.data.cache import build_cache
    from hilum.data.manifest import Manifest
    from hilum.data.preprocessing import Preprocessing

    if equalize and clahe:
        raise typer.BadParameter("give --equalize or --clahe, not both")
    preprocessing = Preprocessing(
        size=size,
        top=top,
        square=square.value,
        equalization="histogram" if equalize else "clahe" if clahe else "none",
    )
    images = Manifest.read(manifest, check_files=False, labelled=False)
    with progress_bar("Preparing") as progress:
        report = build_cache(
            images, preprocessing, out, workers=workers, progress=progress, rehash=rehash
        )
    if json:
        print_json({"cache": str(out), "images": len(images), **report.to_dict()})
    else:
        typer.echo(_in_words(report, out))
    _note_failures(report)
    if report.failed:
        raise typer.Exit(3)


def _in_words(report: CacheReport, out: Path) -> str:
    counts = f"{report.prepared} prepared, {report.reused} reused, {len(report.failed)} failed"
    mended = f", {report.repaired} repaired" if report.repaired else ""
    return f"{out}: {counts}{mended} in {report.seconds:.1f} s"


def _note_failures(report: CacheReport) -> None:
    for path, reason in report.failed[:_SHOWN]:
        note(f"could not read {path}: {reason}")
    if len(report.failed) > _SHOWN:
        note(f"... and {len(report.failed) - _SHOWN} more (--json lists all)")
