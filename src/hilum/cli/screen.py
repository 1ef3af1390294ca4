"""`hilum screen`: what a bundle says of some radiographs."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hilum.cli.console import print_json, progress_bar

_NO_BUNDLE = (
    "a bundle is needed to screen with. `make demo` makes one in runs/demo/bundle; "
    "`hilum export` packs one from a training run."
)
_FEW = 8


def screen(
    films: Annotated[
        list[Path], Argument(help="Radiographs (PNG, JPEG, WebP, DICOM), or folders of them.")
    ],
    *,
    bundle: Annotated[Path | None, Option(help="The bundle's folder. Required.")] = None,
    heatmaps: Annotated[
        Path | None, Option(help="Write a picture a class, heat on film, to this folder.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print a JSON array, one object a film.")] = False,
    threshold: Annotated[
        str | None, Option(help="Decide by this threshold of the bundle, not its default.")
    ] = None,
    force: Annotated[
        bool, Option("--force", help="Give probabilities for refused films too.")
    ] = False,
    threads: Annotated[
        int | None, Option(min=1, help="Threads of one inference; default one a core.")
    ] = None,
) -> None:
    """Screen radiographs: probabilities, decision and heatmaps. Research use only.

    A film that the input gate refuses is answered with the reasons, and is no failure. Exit code 3
    says that some films could not be read, 1 that none could.
    """
    if bundle is None:
        raise typer.BadParameter(_NO_BUNDLE, param_hint="--bundle")
    from hilum.screening.films import find_films
    from hilum.screening.run import screen_films
    from hilum.screening.table import screening_table

    found = find_films(films)
    # The bar's library takes a tenth of a second to import: not for a few films.
    with progress_bar("screening") if len(found) > _FEW else nullcontext() as progress:
        answers = screen_films(
            found,
            bundle,
            heatmaps=heatmaps,
            threshold=threshold,
            force=force,
            threads=threads,
            progress=progress,
        )
    if json:
        print_json(answers)
    else:
        typer.echo(screening_table(answers))
    failed = sum(answer["error"] is not None for answer in answers)
    if failed:
        raise typer.Exit(1 if failed == len(answers) else 3)
