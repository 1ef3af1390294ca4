"""`hilum tune`: search a recipe's settings with Optuna."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, echo

from hilum.cli.console import command_words, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.training.tune import TuningResult

_SHOWN = 10


class Sampler(str, Enum):  # noqa: UP042 - typer shows the values of a str Enum on 3.11 too
    """How settings are proposed."""

    TPE = "tpe"
    RANDOM = "random"


def tune(
    recipe: Annotated[Path, Argument(help="The recipe every trial starts from.")],
    changes: Annotated[
        list[str] | None, Argument(help="Settings to change, as training.epochs=5.")
    ] = None,
    *,
    vary: Annotated[
        list[str],
        Option(metavar="KEY=VALUES", help="a,b,c or low..high or low..high:log; repeatable."),
    ],
    manifest: Annotated[Path, Option(help="Images with labels and a split column.")],
    out: Annotated[Path, Option(help="Folder of the trials; the study in it is gone on with.")],
    trials: Annotated[int, Option(min=1, help="Trials in all, of every process.")] = 20,
    storage: Annotated[
        str | None, Option(help="Database URL, to share with other machines; default in OUT.")
    ] = None,
    study: Annotated[str, Option(help="Name of the study in the database.")] = "hilum",
    sampler: Annotated[Sampler, Option(help="Bayesian or random.")] = Sampler.TPE,
    prune: Annotated[bool, Option(help="Stop trials below the median early.")] = True,
    cache: Annotated[
        Path | None, Option(help="Prepared images; made if need be. Shared by default.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search settings for the best validation score; start it several times to share the work."""
    from hilum.cli.train import prepared
    from hilum.data.manifest import Manifest
    from hilum.training import load_recipe
    from hilum.training.tune import parse_variation
    from hilum.training.tune import tune as search

    settings = load_recipe(recipe, changes or [])
    variations = dict(map(parse_variation, vary))
    images = Manifest.read(manifest)
    pictures = prepared(images, settings.preprocessing, cache)
    with progress_bar("trials") as progress:
        result = search(
            settings,
            variations,
            images,
            pictures,
            out,
            trials=trials,
            storage=storage,
            study=study,
            sampler=sampler.value,
            prune=prune,
            manifest_file=manifest,
            command=command_words(),
            progress=progress,
        )
    if json:
        print_json(result.to_dict())
    else:
        echo(_in_words(result))


def _in_words(result: TuningResult) -> str:
    done = [trial for trial in result.trials if trial["state"] == "complete"]
    sign = 1 if result.best_value == min(trial["value"] for trial in done) else -1
    ranked = sorted(done, key=lambda trial: sign * trial["value"])
    lines = [f"{len(result.trials)} trials, {len(done)} run to the end."]
    for trial in ranked[:_SHOWN]:
        settings = " ".join(
            f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in trial["settings"].items()
        )
        lines.append(
            f"  trial {trial['number']:4d}  {result.metric} {trial['value']:.4f}  {settings}"
        )
    lines.append(
        f"The best is trial {result.best_trial}; its recipe is {result.folder / 'best.yaml'}.\n"
        f"Its score is the best of {len(done)} on the images that chose it, so it is too high: "
        "evaluate it on a test split, once."
    )
    return "\n".join(lines)
