"""`hilum crossval`: cross-validation by patient."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option, echo

from hilum.cli.console import command_words, note, print_json, progress_bar


def crossval(
    recipe: Annotated[Path, Argument(help="A recipe, as in recipes/*.yaml.")],
    changes: Annotated[
        list[str] | None, Argument(help="Settings to change, as training.epochs=5.")
    ] = None,
    *,
    manifest: Annotated[Path, Option(help="Labelled images; a split column is not looked at.")],
    out: Annotated[Path, Option(help="Folder for the folds; finished ones there are kept.")],
    folds: Annotated[int, Option(min=2, help="How many; each patient is in one.")] = 5,
    by: Annotated[
        Literal["patient", "source"], Option(help="Leave out patients, or a whole source a fold.")
    ] = "patient",
    validation: Annotated[
        float, Option(min=0.01, max=0.9, help="Share outside a fold that chooses its weights.")
    ] = 0.15,
    cache: Annotated[
        Path | None, Option(help="Prepared images; made if need be. Shared by default.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train and test once a fold: figures a fold, their mean and spread, and pooled intervals."""
    from hilum.cli.train import prepared
    from hilum.data.manifest import Manifest
    from hilum.training import load_recipe
    from hilum.training.crossval import cross_validate

    settings = load_recipe(recipe, changes or [])
    images = Manifest.read(manifest, leaks=True)
    pictures = prepared(images, settings.preprocessing, cache)
    with progress_bar("training") as progress:
        result = cross_validate(
            settings,
            images,
            pictures,
            out,
            folds=folds,
            by=by,
            validation=validation,
            manifest_file=manifest,
            command=command_words(),
            progress=progress,
        )
    note(f"Everything is in {out}.")
    if json:
        print_json(result.to_dict())
    else:
        echo(result.text(), nl=False)
