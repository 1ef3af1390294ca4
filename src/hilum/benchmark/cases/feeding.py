"""Does the data path keep the device busy? A step fed from the cache beside one that is not fed.

On a GPU where there is one, in bf16; on a CPU with light networks, for which feeding costs the
most, in fp32. The last rows feed without any step, beside what the fastest published training of
ResNet-50 takes.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.row import Row, compared
from hilum.benchmark.turns import take_turns

if TYPE_CHECKING:
    import torch

    from hilum.benchmark.trainee import Feed, Job

__all__ = ["CASES", "MLPERF", "feeding_rows", "step_rows"]

WANTED = 0.9
MLPERF = 1_281_167 * 45 / (13.466 * 60) / 8
"""Images/s of one H100 in the fastest published training of ResNet-50, as an upper bound: NVIDIA's
list of MLPerf Training 3.0 gives 13.466 minutes on 8 of them (entry 3.0-2053; 224 pixels, mixed
precision); the epochs of ImageNet are not in that list and are taken as 45, more than is usual."""

_WAYS = ("streamed", "resident")
_BATCH = 128


def _jobs(device: torch.device) -> list[Job]:
    from hilum.benchmark.trainee import Job

    if device.type == "cuda":
        return [Job(network=name, size=224, batch=128) for name in ("resnet50", "densenet121")]
    return [Job(network=name, size=64, batch=32) for name in ("small_cnn", "detl")]


def step_rows(job: Job, device: torch.device, folder: Path, *, rounds: int) -> list[Row]:
    """Time fed steps beside unfed ones, in turn.

    Args:
        job: Which network on which pictures.
        device: Where.
        folder: For the pictures; not there yet.
        rounds: Timed runs of `STEPS` steps each.
    """
    import torch

    from hilum.benchmark.trainee import STEPS, Trainee, cached, endless
    from hilum.training.batches import ShuffledBatches

    images = cached(folder, job.size, 4 * job.batch)
    ready = torch.rand(job.batch, 1, job.size, job.size, device=device)
    ready = ready.to(memory_format=torch.channels_last)
    found = []
    for way in _WAYS:
        sampler = ShuffledBatches(len(images), batch_size=job.batch, seed=0)
        batches = endless(_feed(way)(images, sampler, device), sampler)
        trainee = Trainee(job, device)
        one = next(batches)
        peers = {
            "the same step, one batch that stays": trainee.fed(itertools.repeat(one)),
            "the network alone, one ready batch": trainee.bare(ready, one),
        }
        times = take_turns({"fed": trainee.fed(batches), **peers}, rounds=rounds)
        films = STEPS * job.batch
        found += [
            compared(
                f"training fed {way}, {device.type}, {job.network} {job.size} px",
                films / times.median("fed"), peer, films / times.median(peer),
                times.ratio(peer, "fed"), unit="images/s", target=WANTED,
            )
            for peer in peers
        ]  # fmt: skip
    return found


def _feed(way: str) -> type[Feed]:
    from hilum.training.feeding import ResidentFeed, StreamedFeed

    return StreamedFeed if way == "streamed" else ResidentFeed


def feeding_rows(
    device: torch.device, folder: Path, *, batches: int = 16, epochs: int = 9, size: int = 224
) -> list[Row]:
    """Count what is fed without any step, the first time and later.

    Args:
        device: Where to.
        folder: For the pictures; not there yet.
        batches: Of 128 pictures.
        epochs: Later ones.
        size: Side of the pictures in pixels.
    """
    from hilum.benchmark.trainee import cached
    from hilum.data.cache import PreparedCache
    from hilum.training.batches import ShuffledBatches
    from hilum.training.datamodule import CachedImages

    images = cached(folder, size, batches * _BATCH)
    found = []
    for way in _WAYS:
        sampler = ShuffledBatches(len(images), batch_size=_BATCH, seed=0)
        start = time.perf_counter()
        feed = _feed(way)(images, sampler, device)
        first = _counted(feed, device, start)
        later = median(_counted(feed, device, time.perf_counter()) for _ in range(epochs))
        found += [
            compared(
                f"feeding alone, {way} to {device.type}, {size} px, {when}", speed,
                "an H100 in MLPerf's ResNet-50", MLPERF, speed / MLPERF, unit="images/s", target=1,
            )
            for when, speed in (("later epochs", later), ("first epoch", first))
        ]  # fmt: skip
        # Opened anew, so that the second way compares the checksums of its first epoch, too.
        cache = PreparedCache.open(images.cache.folder)
        images = CachedImages(cache, images.positions, images.labels)
    return found


def _counted(feed: Feed, device: torch.device, start: float) -> float:
    """Run through one epoch; return images/s since `start`."""
    from hilum.benchmark.trainee import finish

    count = sum(batch.labels.numel() for batch in feed)
    finish(device)
    return count / (time.perf_counter() - start)


def beside(settings: Settings) -> list[Row]:
    """Measure on the GPU if there is one, else on the CPU."""
    import torch

    torch.set_num_threads(settings.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = settings.folder / "feeding"
    found = []
    for number, job in enumerate(_jobs(device)):
        found += step_rows(job, device, folder / str(number), rounds=settings.rounds)
    return found + feeding_rows(device, folder / "alone")


CASES = (
    Case(
        claim="training fed from the cache", peer="the same step, not fed", beside=beside,
        needs=("torch", "torchvision", "lightning"), packages=("torch", "lightning", "numpy"),
    ),
)  # fmt: skip
