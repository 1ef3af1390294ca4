"""`hilum deidentify`: take patients out of DICOM files, and write into them what was done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.serve.node.deidentify import DeidentifyOptions

__all__ = ["deidentify"]


def deidentify(
    files: Annotated[list[Path], Argument(help="DICOM files, or folders of them.")],
    *,
    out: Annotated[Path, Option(help="Folder for the clean files; names are new UIDs.")],
    keep_dates: Annotated[bool, Option("--keep-dates", help="Keep dates and times.")] = False,
    shift_days: Annotated[
        int, Option(help="Move all dates by so many days, e.g. -37; 0 removes them.")
    ] = 0,
    keep_characteristics: Annotated[
        bool, Option("--keep-characteristics", help="Keep sex, age, size and weight.")
    ] = False,
    blank_top: Annotated[int, Option(min=0, help="Pixel rows to blacken at the top.")] = 0,
    blank_bottom: Annotated[int, Option(min=0, help="Pixel rows to blacken at the bottom.")] = 0,
    key: Annotated[
        Path | None,
        Option(help="File with a secret, 16 bytes or more; the same keeps patients together."),
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take the patient out of DICOM FILES (CR, DX, Secondary Capture, reports) into a folder.

    Text that may name a person goes, UIDs and ids are replaced, and what was done stands in each
    file in the codes of PS3.15. Names burned into pixels are not found: look at the pictures.

    Exit code 3: some files were refused; the others are there.
    """
    from hilum.serve.node.deidentify_files import deidentify_files, find_dicom

    options = _options(
        key, keep_dates=keep_dates, shift_days=shift_days, characteristics=keep_characteristics,
        blank_top=blank_top, blank_bottom=blank_bottom,
    )  # fmt: skip
    sources = find_dicom(files)
    with progress_bar("De-identifying") as progress:
        done = deidentify_files(sources, out, options, progress=progress)
    refused = [one for one in done if one.error is not None]
    if json:
        print_json([{"source": str(one.source), "path": None if one.path is None else str(one.path),
                     "error": one.error} for one in done])  # fmt: skip
    else:
        typer.echo(f"{out}: {len(done) - len(refused)} de-identified, {len(refused)} refused")
    for one in refused:
        note(f"{one.source}: {one.error}")
    if refused:
        raise typer.Exit(3)


def _options(
    key: Path | None,
    *,
    keep_dates: bool,
    shift_days: int,
    characteristics: bool,
    blank_top: int,
    blank_bottom: int,
) -> DeidentifyOptions:
    from hilum.errors import DataError
    from hilum.serve.node.deidentify import DeidentifyOptions

    if keep_dates and shift_days:
        raise typer.BadParameter("give --keep-dates or --shift-days, not both")
    chosen = DeidentifyOptions(
        dates="keep" if keep_dates else "shift" if shift_days else "remove",
        shift_days=shift_days,
        characteristics=characteristics,
        blank_top=blank_top,
        blank_bottom=blank_bottom,
    )
    if key is None:
        return chosen
    from dataclasses import replace

    try:
        return replace(chosen, key=key.read_bytes())
    except OSError as error:
        raise DataError(f"the key {key} cannot be read: {error}") from error
    except ValueError as error:
        raise typer.BadParameter(f"--key: {error}") from error
