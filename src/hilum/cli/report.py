"""`hilum report`: one page about a run, an evaluation, a bundle, and films it screened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo


def report(
    folders: Annotated[
        list[Path], Argument(help="Folders with what other commands wrote; searched in depth.")
    ],
    *,
    out: Annotated[Path, Option(help="The HTML file.")],
    title: Annotated[str, Option(help="Its heading.")] = "hilum report",
) -> None:
    """Write one HTML file about everything in FOLDERS; it opens anywhere and prints."""
    from hilum.report.page import write_page

    echo(f"The report is in {write_page(folders, out, title=title)}.")
