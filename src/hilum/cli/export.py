"""`hilum export`: pack a trained run into a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from hilum.cli.console import print_json


def export(
    run: Annotated[Path, Argument(help="A run's folder, as `hilum train` leaves it.")],
    *,
    out: Annotated[Path, Option(help="The bundle's folder.")],
    licence: Annotated[str, Option(help="Terms for the weights.")] = "not stated",
    half: Annotated[
        bool, Option("--half", help="Round the weights to 16 bits: half the room.")
    ] = False,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a bundle.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Pack RUN's best weights into a bundle: one folder that cannot be misread."""
    from hilum.training import export_run

    bundle, parity = export_run(run, out, licence=licence, half=half, overwrite=overwrite)
    if json:
        print_json(
            {
                "bundle": str(out),
                "id": bundle.record.id,
                "classes": list(bundle.record.classes),
                "parity": {
                    "images": parity.images,
                    "logits": parity.logits,
                    "cams": parity.cams,
                    "features": parity.features,
                },
            }
        )
        return
    echo(
        f"Bundle {bundle.record.id[:12]} in {out}. On {parity.images} images it differs from "
        f"torch by at most {parity.logits:.1e} in logits and {parity.cams:.1e} in maps.\n"
        f"Next: hilum screen FILM --bundle {out}"
    )
