"""Does the data path keep the device busy? A step fed from the cache beside one that is not fed.

The peer of the first rows is the same step on one batch that lies on the device: the difference is
feeding. The peer of the next ones is the network alone on one ready float batch: the difference is
everything that happens to pictures. Both on a GPU where there is one, and in bf16 there; on a CPU
with light networks, for which feeding costs the most, in fp32. The last rows feed without any step,
and are set beside what the fastest published training of ResNet-50 takes.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image

from benchmarks.rows import Row, in_turn
from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.models import create_network
from hilum.training.batches import ShuffledBatches
from hilum.training.datamodule import Batch, CachedImages
from hilum.training.feeding import ResidentFeed, StreamedFeed
from hilum.training.module import ClassifierModule
from hilum.training.recipe import Augmentation, Model, Recipe

WANTED = 0.9
MLPERF = 1_281_167 * 45 / (13.466 * 60) / 8
"""Images/s of one H100 in the fastest published training of ResNet-50, as an upper bound: NVIDIA's
list of MLPerf Training 3.0 gives 13.466 minutes on 8 of them (entry 3.0-2053; 224 pixels, mixed
precision); the epochs of ImageNet are not in that list and are taken as 45, more than is usual."""

STEPS = 4
"""Steps that are timed together."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, its pictures, and the precision it is trained in."""

    network: str
    size: int
    batch: int


def cases(device: torch.device) -> list[Case]:
    """Return what is measured on a device."""
    if device.type == "cuda":
        return [Case(network=name, size=224, batch=128) for name in ("resnet50", "densenet121")]
    return [
        Case(network="small_cnn", size=64, batch=32),
        Case(network="detl", size=64, batch=32),
    ]


def cached(folder: Path, size: int, count: int) -> CachedImages:
    """Draw `count` pictures and prepare them: what they show costs nothing to read."""
    rng = np.random.default_rng(3)
    (folder / "files").mkdir(parents=True)
    paths = [folder / "files" / f"{number}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (size, size), np.uint8)).save(path, compress_level=0)
    manifest = Manifest.from_paths(paths)
    build_cache(manifest, Preprocessing(size=size), folder / "cache", workers=1)
    cache = PreparedCache.open(folder / "cache")
    return CachedImages(cache, cache.locate(manifest), np.arange(count) % 3)


def endless(feed: StreamedFeed | ResidentFeed, sampler: ShuffledBatches) -> Iterator[Batch]:
    """Yield batches epoch after epoch, as a run does."""
    for epoch in itertools.count():
        sampler.set_epoch(epoch)
        yield from feed


class Trainee:
    """One network with its step, as `hilum train` runs it.

    Args:
        case: Which.
        device: Where.
    """

    def __init__(self, case: Case, device: torch.device) -> None:
        recipe = Recipe(
            name="bench",
            model=Model(name=case.network),
            preprocessing=Preprocessing(size=case.size),
            augmentation=Augmentation(
                rotation_deg=10, translate=0.1, scale=(0.9, 1.1), brightness=0.1
            ),
        )
        torch.manual_seed(0)
        network = create_network(case.network, outputs=3, channels=1, size=case.size)
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
        loss.backward()
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


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def step_rows(case: Case, device: torch.device, folder: Path) -> list[Row]:
    """Time fed steps beside unfed ones, in turn."""
    images = cached(folder, case.size, 4 * case.batch)
    found = []
    for way in ("streamed", "resident"):
        sampler = ShuffledBatches(len(images), batch_size=case.batch, seed=0)
        make = StreamedFeed if way == "streamed" else ResidentFeed
        batches = endless(make(images, sampler, device), sampler)
        trainee = Trainee(case, device)
        one = next(batches)
        ready = torch.rand(case.batch, 1, case.size, case.size, device=device)
        ready = ready.to(memory_format=torch.channels_last)
        peers = {
            "the same step, one resident batch": trainee.fed(itertools.repeat(one)),
            "the network alone, one ready batch": trainee.bare(ready, one),
        }
        for peer, unfed in peers.items():
            ours, theirs, ratio = in_turn(trainee.fed(batches), unfed, rounds=11)
            scale = STEPS * case.batch
            where = f"{device.type}, {case.network} {case.size} px"
            found.append(
                Row(
                    claim=f"training fed {way}, {where}", peer=peer, ours=scale / ours,
                    theirs=scale / theirs, unit="images/s", ratio=ratio,
                    wanted=f"at least {WANTED}", met=ratio >= WANTED,
                )
            )  # fmt: skip
    return found


def feeding_rows(device: torch.device, folder: Path) -> list[Row]:
    """Count what is fed without any step: 224-pixel pictures, the first time and later."""
    batch = 128
    images = cached(folder, 224, 16 * batch)
    found = []
    for way in ("streamed", "resident"):
        sampler = ShuffledBatches(len(images), batch_size=batch, seed=0)
        start = time.perf_counter()
        feed = (StreamedFeed if way == "streamed" else ResidentFeed)(images, sampler, device)
        speeds = [counted(feed, device, start)]
        speeds += [counted(feed, device, time.perf_counter()) for _ in range(9)]
        for when, speed in (("later epochs", median(speeds[1:])), ("first epoch", speeds[0])):
            ratio = speed / MLPERF
            found.append(
                Row(
                    claim=f"feeding alone, {way} to {device.type}, 224 px, {when}",
                    peer="an H100 in MLPerf's ResNet-50", ours=speed, theirs=MLPERF,
                    unit="images/s", ratio=ratio, wanted="at least 1", met=ratio >= 1,
                )
            )  # fmt: skip
        images = CachedImages(
            PreparedCache.open(images.cache.folder), images.positions, images.labels
        )
    return found


def counted(feed: StreamedFeed | ResidentFeed, device: torch.device, start: float) -> float:
    """Run through one epoch; return images/s since `start`."""
    count = sum(batch.labels.numel() for batch in feed)
    finish(device)
    return count / (time.perf_counter() - start)


def rows() -> list[Row]:
    """Measure on the GPU if there is one, else on the CPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = []
    with tempfile.TemporaryDirectory() as name:
        for number, case in enumerate(cases(device)):
            found += step_rows(case, device, Path(name) / str(number))
        found += feeding_rows(device, Path(name) / "alone")
    return found


def main() -> None:
    """Print one row a claim; write nothing."""
    for row in rows():
        print(
            f"{row.claim}: {row.ours:,.0f} {row.unit}; {row.peer}: {row.theirs:,.0f}; "
            f"ratio {row.ratio:.3f}, wanted {row.wanted}"
        )


if __name__ == "__main__":
    main()
