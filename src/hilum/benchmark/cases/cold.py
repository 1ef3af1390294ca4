"""One film from a cold process: `hilum screen` beside the usual torch script."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.pictures import drawn, written
from hilum.benchmark.processes import ProcessCost, cost_in_turn, medians
from hilum.benchmark.row import Row, compared, limited
from hilum.errors import HilumError

__all__ = ["CASES"]

SECONDS, MEGABYTES, TIMES, HELP_S = 0.7, 300.0, 10.0, 0.3
_SCRIPT = "torch script, resnet18, one heatmap"
_SAME = "resnet18"
_HILUM = (sys.executable, "-m", "hilum")


def screening(film: Path, heat: Path, bundle: Path | None = None) -> list[str]:
    """Return the words of `hilum screen` for one film, with a heatmap a class.

    The gate is overruled, because it may refuse a phantom, and there is no map of a refused film.
    """
    named = [] if bundle is None else ["--bundle", str(bundle)]
    return [*_HILUM, "screen", str(film), *named, "--heatmaps", str(heat), "--force", "--json"]


def alone(settings: Settings) -> list[Row]:
    """Time the default bundle and `hilum --help`."""
    film = _film(settings)
    commands = {
        "default": screening(film, settings.folder / "heat"),
        "help": [*_HILUM, "--help"],
    }
    costs = _costs(commands, settings)
    return [*_default_rows(medians(costs["default"])), _help_row(medians(costs["help"]))]


def beside(settings: Settings) -> list[Row]:
    """Time the same, ResNet18, and a torch script of ResNet18, in turn."""
    from hilum.benchmark.bundles import shared_bundle

    film, folder = _film(settings), settings.folder
    _, bundle = shared_bundle(_SAME, folder)
    weights = str(bundle.folder / "weights.safetensors")
    peer = [sys.executable, "-m", "hilum.benchmark.peers.cold_torch"]
    commands = {
        "default": screening(film, folder / "heat"),
        "same": screening(film, folder / "heat-same", bundle.folder),
        "torch": [*peer, str(film), weights, str(folder / "peer.png")],
        "help": [*_HILUM, "--help"],
    }
    costs = _costs(commands, settings)
    named = (("default", "the default bundle"), ("same", _SAME))
    return [
        *(row for key, name in named for row in _beside_rows(name, costs[key], costs["torch"])),
        _help_row(medians(costs["help"])),
    ]


def _film(settings: Settings) -> Path:
    return written(settings.folder / "cold", drawn(1, settings.small), "png")[0]


def _costs(
    commands: Mapping[str, Sequence[str]], settings: Settings
) -> dict[str, list[ProcessCost]]:
    compiled = settings.folder / "compiled"
    costs = cost_in_turn(commands, rounds=settings.few, compiled=compiled)
    if not list((settings.folder / "heat").glob("*.png")):
        raise HilumError("`hilum screen --heatmaps` wrote no heatmap; nothing was measured.")
    return costs


def _default_rows(cost: ProcessCost) -> Iterator[Row]:
    film = "one film from a cold process, a heatmap a class, the default bundle"
    yield limited(film, cost.wall_s, unit="s", limit=SECONDS)
    yield limited("processor time of that", cost.processor_s, unit="s")
    yield limited("peak memory of that", cost.memory_mb, unit="MB", limit=MEGABYTES)


def _help_row(cost: ProcessCost) -> Row:
    return limited("hilum --help", cost.wall_s, unit="s", limit=HELP_S)


def _beside_rows(
    name: str, ours: Sequence[ProcessCost], script: Sequence[ProcessCost]
) -> Iterator[Row]:
    mine, torch = medians(ours), medians(script)
    pairs = list(zip(ours, script, strict=True))
    film = f"one film from a cold process, a heatmap a class, {name}"
    yield compared(
        film, mine.wall_s, _SCRIPT, torch.wall_s,
        statistics.median(b.wall_s / a.wall_s for a, b in pairs),
        unit="s", target=TIMES, also=f"under {SECONDS} s", also_met=mine.wall_s < SECONDS,
    )  # fmt: skip
    yield compared(
        f"processor time of that, {name}", mine.processor_s, _SCRIPT, torch.processor_s,
        statistics.median(b.processor_s / a.processor_s for a, b in pairs), unit="s",
    )  # fmt: skip
    yield compared(
        f"peak memory of that, {name}", mine.memory_mb, _SCRIPT, torch.memory_mb,
        torch.memory_mb / mine.memory_mb,
        unit="MB", also=f"under {MEGABYTES:g} MB", also_met=mine.memory_mb < MEGABYTES,
    )  # fmt: skip


CASES = (
    Case(
        claim="one film from a cold process, with heatmaps", alone=alone, beside=beside,
        peer=_SCRIPT, needs=("torch", "torchvision", "safetensors", "onnxscript"),
        packages=("onnxruntime", "numpy", "pillow", "torch", "torchvision"),
    ),
)  # fmt: skip
