"""A training step: hilum's beside a loop that decodes as it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.row import Row, compared
from hilum.benchmark.turns import take_turns

__all__ = ["CASES", "training_rows"]

WANTED = 2.0
_PEER = "a loop as paper 1's: fp32, decoding as it goes"
_SIDE = 224


def _ours(cache: Path, labels: NDArray[np.int64], side: int, *, bf16: bool) -> Callable[[], None]:
    """Return a step as `hilum train` takes it on a CPU, from the cache."""
    import torch

    from hilum.data.cache import PreparedCache
    from hilum.data.preprocessing import Preprocessing
    from hilum.models import create_network
    from hilum.training.datamodule import CachedImages
    from hilum.training.module import ClassifierModule
    from hilum.training.recipe import Augmentation, Model, Recipe

    recipe = Recipe(
        name="bench",
        model=Model(name="resnet50"),
        preprocessing=Preprocessing(size=side),
        augmentation=Augmentation(
            rotation_deg=10, translate=0.1, shear_deg=10, scale=(0.85, 1.15), flip=0.5,
            brightness=0.1,
        ),
    )  # fmt: skip
    model = create_network("resnet50", outputs=3, channels=1).train()
    layout = torch.channels_last
    module = ClassifierModule(model.to(memory_format=layout), recipe, np.ones(3)).train()
    optimizer = module.configure_optimizers()
    images = CachedImages(PreparedCache.open(cache), np.arange(labels.size), labels)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = module.training_step(images[np.arange(labels.size)], 0)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        module.train_losses.clear()

    return step


def training_rows(settings: Settings, *, side: int = _SIDE) -> list[Row]:
    """Time both in turn on the same phantoms, PNG files.

    Args:
        settings: Side of the files, and how often.
        side: Of the network's input in pixels.
    """
    import torch

    from hilum.benchmark.peers.paper1_loop import BATCH, loop_step
    from hilum.data.cache import build_cache
    from hilum.data.manifest import Manifest
    from hilum.data.phantom import write_cohort
    from hilum.data.preprocessing import Preprocessing

    torch.set_num_threads(settings.threads)
    folder = settings.folder / "training"
    cohort = write_cohort(folder / "phantoms", patients=BATCH, seed=0, size=settings.small)
    manifest = Manifest.from_frame(cohort.frame.head(BATCH), cohort.root)
    build_cache(manifest, Preprocessing(size=side), folder / "cache")
    labels = np.arange(BATCH, dtype=np.int64) % 3
    times = take_turns(
        {
            "bf16": _ours(folder / "cache", labels, side, bf16=True),
            "fp32": _ours(folder / "cache", labels, side, bf16=False),
            "loop": loop_step(manifest.paths(), torch.from_numpy(labels), side=side),
        },
        rounds=settings.few,
    )
    claim = f"resnet50, a training step of {BATCH} films from the cache"
    return [
        compared(
            f"{claim}, {name}", times.median(name), _PEER, times.median("loop"),
            times.ratio("loop", name), unit="s", target=target,
        )
        for name, target in (("bf16", WANTED), ("fp32", None))
    ]  # fmt: skip


CASES = (
    Case(
        claim="resnet50, a training step", peer=_PEER, beside=training_rows,
        needs=("torch", "torchvision", "lightning"),
        packages=("torch", "torchvision", "lightning", "pillow", "numpy"),
    ),
)  # fmt: skip
