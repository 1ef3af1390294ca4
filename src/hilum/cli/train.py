"""`hilum train`: fit a classifier from a recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hilum.cli.console import command_words, note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.data.cache import PreparedCache
    from hilum.data.manifest import Manifest
    from hilum.data.preprocessing import Preprocessing
    from hilum.training import Processes, RunResult


_WEEK_S = 7 * 86_400.0


def train(
    recipe: Annotated[Path, Argument(help="A recipe, as in recipes/*.yaml.")],
    changes: Annotated[
        list[str] | None, Argument(help="Settings to change, as training.epochs=5.")
    ] = None,
    *,
    manifest: Annotated[Path, Option(help="Images with labels and a split column.")],
    out: Annotated[Path, Option(help="Folder for everything about the run.")],
    cache: Annotated[
        Path | None, Option(help="Prepared images; made if need be. Shared by default.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with an unfinished run.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a classifier: RECIPE says how, --manifest on what, --out keeps all of it."""
    from hilum.data.manifest import Manifest
    from hilum.report.figures import training_curves
    from hilum.training import fit, load_recipe

    settings = load_recipe(recipe, changes or [])
    images = Manifest.read(manifest)
    processes = _processes()
    pictures = prepared(images, settings.preprocessing, cache, processes=processes)
    with progress_bar("training", shown=not processes.rank) as progress:
        result = fit(
            settings,
            images,
            pictures,
            out,
            resume=resume,
            processes=processes,
            manifest_file=manifest,
            command=command_words(),
            progress=progress,
            tell=note,
        )
    if processes.rank:
        return
    training_curves(out / "metrics.csv", out / "curves.png")
    _show(result, json=json)


def prepared(
    images: Manifest,
    preprocessing: Preprocessing,
    folder: Path | None,
    *,
    processes: Processes | None = None,
) -> PreparedCache:
    """Prepare the images that are not yet in the cache, and open it.

    Of several processes one prepares, whichever comes first; the others wait, however long, and
    find everything done.

    Args:
        images: What is to be trained on.
        preprocessing: The recipe's.
        folder: The cache; the shared one of this preprocessing if None.
        processes: Who trains together, if several do; only the first says anything.
    """
    from hilum.data.cache import PreparedCache, build_cache

    folder = folder or _shared_cache(preprocessing.pixel_hash)
    rank, wait_s = (processes.rank, _WEEK_S) if processes and processes.total > 1 else (0, 600.0)
    with progress_bar("preparing", shown=not rank) as progress:
        report = build_cache(images, preprocessing, folder, progress=progress, wait_s=wait_s)
    for path, reason in report.failed if not rank else ():
        note(f"not prepared: {path}: {reason}")
    return PreparedCache.open(folder)


def _processes() -> Processes:
    """Return what torchrun says of the processes that train together."""
    from hilum.training import Processes

    return Processes(
        rank=int(os.environ.get("RANK", "0")),
        total=int(os.environ.get("WORLD_SIZE", "1")),
        local=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
        attempt=int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")),
    )


def _shared_cache(pixel_hash: str) -> Path:
    """Return where prepared images are kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "hilum" / f"prepared-{pixel_hash}"


def _show(result: RunResult, *, json: bool) -> None:
    values = {
        "run": str(result.folder),
        "classes": list(result.classes),
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "monitor": result.monitor,
        "best_value": result.best_value,
        "seconds": round(result.seconds, 1),
        "images_per_second": round(result.images_per_second, 1),
        "feeding": result.feeding,
    }
    if json:
        print_json(values)
        return
    from typer import echo

    echo(
        f"Trained {result.epochs} epochs in {result.seconds:.0f} s, "
        f"{result.images_per_second:,.0f} images/s in training steps. Best: epoch "
        f"{result.best_epoch}, {result.monitor} {result.best_value:.4f} on the validation split "
        "that chose it.\n"
        f"The run is in {result.folder}. Next: hilum evaluate {result.folder} --manifest ... "
        "--split test"
    )
