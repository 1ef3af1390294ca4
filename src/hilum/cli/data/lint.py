"""`hilum data lint`: what is wrong with a data set, before any network sees it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option, echo

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.data.lint import Finding
    from hilum.data.manifest import RawTable


def lint(
    manifest: Annotated[Path, Argument(help="Manifest (.csv, .parquet), list or class folders.")],
    *,
    json: Annotated[bool, Option("--json", help="Print every finding as JSON.")] = False,
    out: Annotated[Path | None, Option(help="Write every finding to this JSON file.")] = None,
    no_images: Annotated[
        bool, Option("--no-images", help="Look at the table only; open and ask for no file.")
    ] = False,
    workers: Annotated[int | None, Option(min=1, help="Processes; default all processors.")] = None,
    cache: Annotated[
        Path | None, Option(help="Folder that keeps what was read of each image.")
    ] = None,
    held_out: Annotated[
        Path | None, Option(help="Ids the split was made from: a line each, or a Python list.")
    ] = None,
    encoding: Annotated[str, Option(help="Of a CSV file.")] = "utf-8",
) -> None:
    """Find what is wrong with a data set: leaks, copies, mixed labels, and what gives labels away.

    A manifest that is faulty is linted all the same.

    Exit code 4: something was found that would falsify a result.
    """
    from hilum.data.lint.held_out import held_out_findings, read_held_out
    from hilum.data.lint.run import lint as run
    from hilum.data.manifest import read_table

    table = read_table(manifest, encoding=encoding)
    found = held_out_findings(table, read_held_out(held_out)) if held_out is not None else []
    skipped = _why_no_images(table, no_images=no_images)
    if not skipped:
        found += _in_images(table, workers, cache)
    report = run(table, image_findings=found, check_files=not no_images, skipped=skipped)
    baseline = _zero_pixel(table)
    if out is not None:
        report.write(out)
        note(f"Written: {out}.")
    if json:
        print_json({**report.to_dict(), "zero_pixel": baseline})
    else:
        echo(report.text() + (baseline or ""), nl=baseline is not None)
    if report.falsifies:
        raise Exit(4)


def _why_no_images(table: RawTable, *, no_images: bool) -> list[str]:
    """Say why the image files are not opened, if they are not."""
    from hilum.data.manifest_checks import absolute

    if no_images:
        return ["the image files, as --no-images was given"]
    if "path" in table.frame.columns:
        files = table.frame.select(absolute("path", table.root)).to_series().drop_nulls()
        if any(os.path.isfile(file) for file in files if "\0" not in file):  # noqa: PTH113 - speed
            return []
    return ["the image files, as none of them is there"]


def _in_images(table: RawTable, workers: int | None, cache: Path | None) -> list[Finding]:
    from hilum.data.lint.images import image_findings

    with progress_bar("Reading images") as progress:
        return image_findings(table, workers=workers, cache=cache, progress=progress)


def _zero_pixel(table: RawTable) -> str | None:
    """Say what the source alone scores on the test split; nothing if that cannot be said."""
    from hilum.data.manifest import Manifest
    from hilum.data.manifest_table import ROW
    from hilum.errors import DataError
    from hilum.evaluation.zero_pixel import zero_pixel

    if not {"source", "label", "split"} <= {*table.frame.columns}:
        return None
    try:
        images = Manifest.from_frame(table.frame.drop(ROW), table.root, labelled=False, leaks=True)
        found = zero_pixel(images, columns=["source"], split="test", resamples=0)
    except DataError:
        return None
    return found.sentence
