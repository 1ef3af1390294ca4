"""`hilum generate reconstruct`: films beside what an autoencoder makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from hilum.cli.console import print_json


def reconstruct(
    run: Annotated[Path, Argument(help="Folder of `hilum generate train`.")],
    *,
    manifest: Annotated[Path, Option(help="Films with labels and a split column.")],
    out: Annotated[Path, Option(help="PNG file to write.")],
    split: Annotated[str, Option(help="Split to take films from.")] = "test",
    count: Annotated[int, Option(min=1, help="Films to show; the error is of all.")] = 12,
    seed: Annotated[int, Option(min=0, help="Decides which are shown.")] = 0,
    cache: Annotated[Path | None, Option(help="Prepared films. Shared by default.")] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show held-out films above what the autoencoder draws of them, and say how far off it is.

    For research use only.
    """
    import numpy as np

    from hilum.cli.generate.films import films_of_split
    from hilum.generate.run_folder import load_vae
    from hilum.generate.sample import reconstruct as redraw
    from hilum.generate.sheet import contact_sheet

    vae, recipe = load_vae(run)
    films = films_of_split(manifest, recipe, split, cache)
    again = redraw(vae, films)
    error = np.sqrt(np.mean((films / 255.0 - again / 255.0) ** 2))
    flat = np.sqrt(np.mean((films / 255.0 - films.mean(0) / 255.0) ** 2))
    shown = np.random.default_rng(seed).permutation(len(films))[:count]
    contact_sheet(
        [films[shown], again[shown]],
        out,
        title=f"{recipe.name}: {split} films and their reconstructions",
        row_names=("film", "reconstruction"),
    )
    if json:
        values = {"films": len(films), "rmse": float(error), "rmse_of_mean_film": float(flat)}
        print_json({"out": str(out), "split": split, **values})
    else:
        echo(
            f"{len(films)} {split} films: error {error:.4f} a pixel, where 1 is black to white; "
            f"the mean film alone {flat:.4f}. See {out}."
        )
