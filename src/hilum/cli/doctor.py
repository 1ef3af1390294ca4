"""`hilum doctor`: what this installation can do, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from hilum.cli.console import note, print_json


def doctor(
    folder: Annotated[
        Path, Option(help="Where free space and write access are looked at.", exists=True)
    ] = Path(),
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the installation: versions, decoders, processor, disk; and how to mend what is missing.

    Exit code 0 says that screening will work; what is optional may be missing.
    """
    from hilum.screening.installation import core_works, inspect_installation

    findings = inspect_installation(folder)
    works = core_works(findings)
    if json:
        print_json({"ok": works, "findings": [finding.to_dict() for finding in findings]})
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = "ok" if finding.ok else "--"
            typer.echo(f"{mark}  {finding.name:<{width}}  {finding.detail}")
            if finding.mend:
                typer.echo(f"    {'':<{width}}  mend: {finding.mend}")
    if not works:
        note("hilum: screening will not work until what is marked above is mended")
        raise typer.Exit(1)
