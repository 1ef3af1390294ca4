"""A network in training, fed from a cache or not fed at all. Needs torch.

A step with every picture on its way is timed beside the same step on one batch that never moves:
the difference is feeding. Beside the network alone on one ready float batch, the difference is
everything that happens to pictures.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.models import create_network
from hilum.training.batches import ShuffledBatches
from hilum.training.datamodule import Batch, CachedImages
from hilum.training.feeding import ResidentFeed, StreamedFeed
from hilum.training.module import ClassifierModule
from hilum.training.recipe import Augmentation, Model, Recipe

__all__ = ["STEPS", "Feed", "Job", "Trainee", "cached", "endless", "finish"]

STEPS = 4
"""Steps that are timed together."""

Feed = StreamedFeed | ResidentFeed


@dataclass(frozen=True, kw_only=True)
class Job:
    """A network and its pictures.

    Args:
        network: Its name.
        size: Side of its input in pixels.
        batch: Pictures of a step.
    """

    network: str
    size: int
    batch: int


class Trainee:
    """One network with its step, as `hilum train` runs it; in bf16 on a GPU.

    Args:
        job: Which.
        device: Where.
    """

    def __init__(self, job: Job, device: torch.device) -> None:
        recipe = Recipe(
            name="bench",
            model=Model(name=job.network),
            preprocessing=Preprocessing(size=job.size),
            augmentation=Augmentation(
                rotation_deg=10, translate=0.1, scale=(0.9, 1.1), brightness=0.1
            ),
        )
        torch.manual_seed(0)
        network = create_network(job.network, outputs=3, channels=1, size=job.size)
        network = network.to(memory_format=torch.channels_last)
        self.module = ClassifierModule(network, recipe, np.ones(3)).to(device).train()
        self.optimizer = self.module.configure_optimizers()
        self.device = device

    def learn(self, loss_of: Callable[[], torch.Tensor]) -> None:
        """Take one step."""
        gpu = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=gpu):
            loss = loss_of()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.module.train_losses.clear()

    def fed(self, batches: Iterator[Batch]) -> Callable[[], None]:
        """Return steps on batches, each changed and scaled on the device."""

        def steps() -> None:
            for _ in range(STEPS):
                batch = next(batches)
                self.learn(lambda batch=batch: self.module.training_step(batch, 0))  # type: ignore[misc]
            finish(self.device)

        return steps

    def bare(self, images: torch.Tensor, batch: Batch) -> Callable[[], None]:
        """Return steps of the network alone, on one ready input."""
        network = self.module.model

        def steps() -> None:
            for _ in range(STEPS):
                self.learn(lambda: self.module.loss(network(images), batch.labels, batch.rows))
            finish(self.device)

        return steps


def cached(folder: Path, size: int, count: int) -> CachedImages:
    """Draw `count` pictures of noise and prepare them: what they show costs nothing to read."""
    rng = np.random.default_rng(3)
    (folder / "files").mkdir(parents=True)
    paths = [folder / "files" / f"{number}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (size, size), np.uint8)).save(path, compress_level=0)
    manifest = Manifest.from_paths(paths)
    build_cache(manifest, Preprocessing(size=size), folder / "cache", workers=1)
    cache = PreparedCache.open(folder / "cache")
    return CachedImages(cache, cache.locate(manifest), np.arange(count) % 3)


def endless(feed: Feed, sampler: ShuffledBatches) -> Iterator[Batch]:
    """Yield batches epoch after epoch, as a run does."""
    for epoch in itertools.count():
        sampler.set_epoch(epoch)
        yield from feed


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
