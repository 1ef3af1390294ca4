"""`hilum data describe`: a data set as one page, pictures and numbers."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option, echo

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.report.describe.write import Description

_SHOWN = 20


def describe(
    manifest: Annotated[Path, Argument(help="Manifest (.csv, .parquet), list or class folders.")],
    *,
    out: Annotated[Path, Option(help="Folder for index.html, the PNGs and describe.json.")],
    examples: Annotated[int, Option(min=0, max=12, help="Example films of each class.")] = 3,
    seed: Annotated[int, Option(min=0, help="Draws the films that are shown.")] = 0,
    title: Annotated[str | None, Option(help="The page's heading.")] = None,
    json: Annotated[bool, Option("--json", help="Print every number as JSON.")] = False,
) -> None:
    """Describe a data set on one page: who is in it, what gives labels away, what films look like.

    Needs no image: without any, the page says what the manifest says. Manifests in which patients
    stand in several splits are described, and the page says so.

    Exit code 3: some files could not be read; the page names them.
    """
    from hilum.data.manifest import Manifest
    from hilum.report.describe.write import write_description

    images = Manifest.read(manifest, check_files=False, labelled=False, leaks=True)
    typed = ["hilum", "data", "describe", str(manifest), "--out", str(out)]
    typed += ["--examples", str(examples), "--seed", str(seed)]
    with progress_bar("Reading films") as progress:
        written = write_description(
            images,
            out,
            name=manifest.name,
            title=title,
            examples=examples,
            seed=seed,
            command=shlex.join([*typed, *(["--title", title] if title else [])]),
            progress=progress,
        )
    print_json(written.record) if json else echo(_in_words(written))
    _note_failures(written)
    if written.failed:
        raise Exit(3)


def _in_words(written: Description) -> str:
    record = written.record
    files = record["files"]
    size = f"{record['images']:,} images of {record['patients']:,} patients"
    kinds = f"{len(record['sources'])} sources, {len(record['classes'])} classes"
    found = f"{files['found']:,} of {files['looked_for']:,} files looked for are there"
    lines = [
        f"{written.page}: {size}, {kinds}",
        *record["statement"],
        f"{found}; {files['read']:,} films were read.",
        *(f"Note: {text}" for text in record["manifest"]["notes"]),
        record["use"],
    ]
    return "\n".join(lines)


def _note_failures(written: Description) -> None:
    for path, reason in written.failed[:_SHOWN]:
        note(f"could not read {path}: {reason}")
    if len(written.failed) > _SHOWN:
        note(f"... and {len(written.failed) - _SHOWN} more (describe.json lists all)")
