"""`hilum report`: one page about everything that was found out about a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note


def report(
    folders: Annotated[
        list[Path],
        Argument(
            help="Folders that other commands wrote: runs, bundles, evaluations, audits, "
            "calibrations, comparisons, errors, costs, screenings; searched three levels deep."
        ),
    ],
    *,
    out: Annotated[Path, Option(help="The HTML file; JSON and CSV are written beside it.")],
    title: Annotated[str, Option(help="Its heading.")] = "hilum report",
) -> None:
    """Write one HTML file about everything in FOLDERS; it opens anywhere and prints."""
    from hilum.report.whole.write import write_report

    if out.is_dir():
        raise BadParameter(f"{out} is a folder; name an HTML file", param_hint="--out")
    written = write_report(folders, out, title=title)
    echo(f"The report is in {written.page}.")
    note(f"Its tables: {written.record}, {written.tables}.")
    for text in written.notes:
        note(f"left out: {text}")
