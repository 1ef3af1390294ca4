"""`hilum cost`: what models cost, side by side, measured in one interleaved run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.screening.cost import Costs, Extra, Model


def cost(
    bundles: Annotated[list[Path] | None, Argument(help="Bundles to measure.")] = None,
    *,
    network: Annotated[
        list[str] | None,
        Option(help="Also a network by name, with the weights it begins with; repeatable."),
    ] = None,
    size: Annotated[
        int | None, Option(min=1, help="Input of these networks in pixels; their own by default.")
    ] = None,
    channels: Annotated[int, Option(min=1, max=3, help="Input channels, 1 or 3.")] = 3,
    classes: Annotated[int, Option(min=2, help="Classes of these networks.")] = 2,
    images: Annotated[int, Option(min=1, help="Timed images of each model.")] = 20,
    threads: Annotated[
        int | None, Option(min=1, help="Of one inference; one a physical core by default.")
    ] = None,
    gpu: Annotated[bool, Option(help="Time on the GPU too, if torch finds one.")] = True,
    seed: Annotated[int, Option(min=0, help="Draws images and order.")] = 0,
    out: Annotated[Path | None, Option(help="Folder for cost.csv and cost.json.")] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure parameters, multiply-adds, milliseconds and memory of models, in one run."""
    import numpy as np

    from hilum.screening.cost import measure_costs

    if not bundles and not network:
        raise BadParameter("name a bundle, or a network with --network", param_hint="BUNDLES")
    if channels == 2:
        raise BadParameter("a network takes 1 or 3, got 2", param_hint="--channels")
    if out is not None and out.exists() and not out.is_dir():
        raise BadParameter(f"{out} is a file; name a folder", param_hint="--out")
    extra, about = _gpu() if gpu else (None, {})
    with tempfile.TemporaryDirectory() as folder, progress_bar("timing") as progress:
        models = _models(
            bundles or [],
            network or [],
            Path(folder),
            size=size,
            channels=channels,
            classes=classes,
        )
        found = measure_costs(
            models,
            rounds=images,
            threads=threads,
            rng=np.random.default_rng(seed),
            extra=extra,
            about=about,
            progress=progress,
        )
    _show(found, out, json=json)


def _models(
    bundles: list[Path],
    networks: list[str],
    folder: Path,
    *,
    size: int | None,
    channels: int,
    classes: int,
) -> list[Model]:
    from hilum.screening.bundle import Bundle
    from hilum.screening.cost import Model

    named = [(path.name or str(path), Bundle.load(path)) for path in bundles]
    twice = {name for name, _ in named if sum(other == name for other, _ in named) > 1}
    models = [
        Model(str(path) if name in twice else name, bundle)
        for path, (name, bundle) in zip(bundles, named, strict=True)
    ]
    for number, network in enumerate(networks):
        from hilum.models.cost import untrained_bundle

        note(f"Exporting {network}, untrained.")
        bundle = untrained_bundle(
            network,
            folder / str(number),
            classes=classes,
            channels=3 if channels == 3 else 1,
            size=size,
        )
        models.append(Model(f"{network} at {bundle.record.preprocessing.size}", bundle, False))
    return models


def _gpu() -> tuple[Extra | None, dict[str, str]]:
    """Return what opens a bundle on the GPU, and its name; nothing without torch or a GPU."""
    try:
        import torch
    except ImportError:
        return None, {}
    if not torch.cuda.is_available():
        return None, {}
    from hilum.models.cost import gpu_run

    return gpu_run, {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}


def _show(found: Costs, out: Path | None, *, json: bool) -> None:
    if out is not None:
        from hilum.report.costs import write_costs

        write_costs(found, out)
        note(f"Written to {out}.")
    if json:
        print_json(found.to_dict())
        return
    from hilum.report.costs import costs_text

    echo(costs_text(found), nl=False)
