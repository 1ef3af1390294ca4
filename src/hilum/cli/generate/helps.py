"""`hilum generate helps`: does a classifier learn more with drawn films?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, echo

from hilum.cli.console import command_words, note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.reproduce.vae_help import VaeHelp


def helps(
    recipe: Annotated[Path, Argument(help="A classifier's recipe, as in recipes/*.yaml.")],
    changes: Annotated[
        list[str] | None, Argument(help="Settings to change, as training.epochs=5.")
    ] = None,
    *,
    manifest: Annotated[Path, Option(help="The manifest the autoencoder was trained on.")],
    samples: Annotated[Path, Option(help="Folder of `hilum generate sample`.")],
    out: Annotated[Path, Option(help="Folder of the runs; finished runs are kept.")],
    seeds: Annotated[int, Option(min=1, help="Runs of each arm.")] = 3,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a classifier with drawn films, without, and with as many real ones repeated.

    The test split is real and the same for all. For research use only.
    """
    from hilum.data.manifest import Manifest
    from hilum.reproduce.vae_help import vae_help
    from hilum.training import load_recipe

    with progress_bar("training") as bar:
        found = vae_help(
            load_recipe(recipe, changes or []),
            Manifest.read(manifest),
            Manifest.read(samples),
            out,
            seeds=range(seeds),
            command=command_words(),
            progress=lambda _what, done, total: bar(done, total),
        )
    note(f"Written: {out / 'helps.json'}.")
    if json:
        print_json(found.to_dict())
    else:
        echo(_table(found), nl=False)


def _table(found: VaeHelp) -> str:
    about = (
        f"{found.drawn} drawn films; {found.test_films} test films of {found.test_patients} "
        "patients. Differences of means over seeds, with 95 % intervals over patients."
    )
    heads = f"{'':24}{'without':>9}{'repeated':>10}{'with':>8}   {'with - without':27}"
    lines = [about, f"{heads}with - repeated"]
    differences = {(each.metric, each.against): each for each in found.differences}
    for metric in found.values["with"]:
        means = [sum(v := found.values[arm][metric]) / len(v) for arm in _ORDER]
        gaps = [differences[metric, arm] for arm in ("without", "repeated")]
        shown = [f"{g.estimate:+.3f} ({g.low:+.3f} to {g.high:+.3f})" for g in gaps]
        cells = f"{means[0]:9.3f}{means[1]:10.3f}{means[2]:8.3f}"
        lines.append(f"{metric:24}{cells}   {shown[0]:27}{shown[1]}")
    return "\n".join(lines) + "\n"


_ORDER = ("without", "repeated", "with")
