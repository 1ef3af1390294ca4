"""`hilum generate train`: fit a variational autoencoder from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, echo

from hilum.cli.console import command_words, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.generate import VaeResult


def train(
    recipe: Annotated[Path, Argument(help="A recipe, as in recipes/generate/*.yaml.")],
    changes: Annotated[
        list[str] | None, Argument(help="Settings to change, as training.epochs=5.")
    ] = None,
    *,
    manifest: Annotated[Path, Option(help="Films with labels and a split column.")],
    out: Annotated[Path, Option(help="Folder for everything about the run.")],
    cache: Annotated[
        Path | None, Option(help="Prepared films; made if need be. Shared by default.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with an unfinished run.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit a variational autoencoder to the train films of the labels that RECIPE names.

    Validation films choose the best weights; test films are not seen. For research use only.
    """
    from hilum.cli.train import prepared
    from hilum.data.manifest import Manifest
    from hilum.generate import fit_vae, load_vae_recipe

    settings = load_vae_recipe(recipe, changes or [])
    images = Manifest.read(manifest)
    pictures = prepared(images.select(labels=settings.labels), settings.preprocessing, cache)
    with progress_bar("training") as progress:
        result = fit_vae(
            settings,
            images,
            pictures,
            out,
            resume=resume,
            manifest_file=manifest,
            command=command_words(),
            progress=progress,
        )
    _show(result, json=json)


def _show(result: VaeResult, *, json: bool) -> None:
    if json:
        values = {"run": str(result.folder), "epochs": result.epochs, "best": result.best}
        print_json({**values, "seconds": round(result.seconds, 1)})
        return
    best = result.best
    echo(
        f"Trained {result.epochs} epochs in {result.seconds:.0f} s. Best: epoch "
        f"{result.best_epoch}; on validation films evidence lower bound {best['val_elbo']:.1f} "
        f"nats a film (reconstruction {best['val_reconstruction']:.1f}, KL {best['val_kl']:.1f}), "
        f"{best['val_active']:.0f} active dimensions, error {best['val_rmse']:.4f} a pixel.\n"
        f"The run is in {result.folder}. Next: hilum generate sample {result.folder} --out ..."
    )
