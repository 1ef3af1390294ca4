"""`hilum generate sample`: draw new films from an autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from hilum.cli.console import note, print_json
from hilum.cli.generate.prior import Prior, prior_of


def sample(
    run: Annotated[Path, Argument(help="Folder of `hilum generate train`.")],
    *,
    out: Annotated[Path, Option(help="Folder for the films; new or empty.")],
    count: Annotated[int, Option(min=1, help="Films to draw.")] = 64,
    seed: Annotated[int, Option(min=0, help="Decides every film.")] = 0,
    temperature: Annotated[
        float, Option(min=0.01, help="Deviation of the prior; below 1 is nearer the average.")
    ] = 1.0,
    prior: Annotated[
        Prior, Option(help="Draw from the standard normal, or one fitted to training films.")
    ] = Prior.STANDARD,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Draw new films: PNG files, a contact sheet, and a manifest that `hilum train` takes.

    What is drawn shows no patient. For research use only.
    """
    from hilum.generate.run_folder import VaeFolder, load_vae
    from hilum.generate.sample import draw
    from hilum.generate.sheet import contact_sheet, in_rows, write_samples

    vae, recipe = load_vae(run)
    films = draw(vae, count, seed=seed, temperature=temperature, prior=prior_of(run, prior))
    origin = {
        "run": str(run.resolve()),
        "recipe": recipe.name,
        "manifest_sha256": VaeFolder(run).record()["manifest"]["sha256"],
        "seed": seed,
        "temperature": temperature,
        "prior": prior.value,
    }
    name = f"{recipe.name}-{seed}"
    write_samples(films, out, label=recipe.label, name=name, origin=origin)
    sheet = out / "sheet.png"
    title = f"{recipe.name}: drawn, seed {seed}, {prior.value} prior, temperature {temperature:g}"
    contact_sheet(in_rows(films[:144]), sheet, title=title)
    if recipe.label is None:
        note("No manifest: films of several labels were learned, so none can be given.")
    if json:
        print_json({"out": str(out), "films": count, "label": recipe.label, "sheet": str(sheet)})
    else:
        echo(f"{count} films of {vae.size} pixels in {out}; see {sheet}.")
