"""Which images a training step sees.

It depends on (seed, epoch, step) and on nothing else, so that a resumed run sees what the unbroken
run would have seen. Under several processes each takes its own part of the same global batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from hilum.errors import ConfigError
from hilum.registry import suggestion
from hilum.training.recipe import Recipe

__all__ = [
    "ListedBatches",
    "Place",
    "Processes",
    "ShareBatches",
    "ShuffledBatches",
    "TrainingBatches",
    "training_batches",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Who trains together. `torchrun` starts them; the command line reads what it says."""

    rank: int = 0
    total: int = 1
    local: int = 1
    attempt: int = 0
    """How often torchrun has started them anew."""


class Place(NamedTuple):
    """Where one process's images stand in the batch of all processes."""

    first: int
    """Images of other processes before them."""

    whole: int
    """Images in the batch of all processes."""


class _Batching(TypedDict):
    batch_size: int
    seed: int
    rank: int
    processes: int


class TrainingBatches(Sampler[NDArray[np.int64]]):
    """Whole batches of row numbers, shared out over processes; what is left over is dropped.

    A subclass says in `order` which rows an epoch sees, one after the other.

    Args:
        count: Images an epoch sees.
        batch_size: Images a step over all processes.
        seed: The run's seed.
        rank: This process.
        processes: All of them; must divide `batch_size`.

    Raises:
        ConfigError: If there is less than one batch, or it cannot be shared out.
    """

    def __init__(
        self, count: int, *, batch_size: int, seed: int, rank: int = 0, processes: int = 1
    ) -> None:
        if batch_size % processes:
            raise ConfigError(
                f"training.batch_size is shared by all processes, so it must be a multiple of "
                f"{processes}; got {batch_size}."
            )
        if count < batch_size:
            raise ConfigError(
                f"The train split has {count} images, fewer than training.batch_size {batch_size}. "
                f"Set training.batch_size to {count} or less."
            )
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration gives; Lightning calls this."""
        self.epoch = epoch

    def order(self) -> NDArray[np.int64]:
        """Return the rows this epoch sees, in order, shape (at least len(self) * batch_size,)."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.count // self.batch_size

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for rows, _ in self.parts():
            yield rows

    def parts(self) -> Iterator[tuple[NDArray[np.int64], Place]]:
        """Yield this process's rows of each batch, and where they stand in it."""
        order = self.order()
        share = self.batch_size // self.processes
        place = Place(self.rank * share, self.batch_size)
        for step in range(len(self)):
            start = step * self.batch_size + place.first
            yield order[start : start + share], place


class ShuffledBatches(TrainingBatches):
    """Every row once an epoch, newly shuffled each time."""

    def order(self) -> NDArray[np.int64]:
        """Return a permutation that follows from the seed and the epoch."""
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.count)


class ListedBatches(TrainingBatches):
    """Every row once an epoch, always in the order of the manifest."""

    def order(self) -> NDArray[np.int64]:
        """Return the rows as they stand."""
        return np.arange(self.count)


class ShareBatches(TrainingBatches):
    """Batches that hold one class to a given share; an epoch is all images of the others, once.

    The class's images come in newly shuffled rounds, so that each is seen equally often.

    Args:
        labels: Class index of each row, shape (n,).
        wanted: The class whose share is fixed.
        share: Its share of each batch, in (0, 1).
        round_down: Give every batch int(share * batch_size) of them; else batches alternate so
            that the share is right on average.
        batch_size: Images a step over all processes.
        seed: The run's seed.
        rank: This process.
        processes: All of them; must divide `batch_size`.

    Raises:
        ConfigError: If the class has no images, or a batch would hold none of it or nothing else.
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        *,
        wanted: int,
        share: float,
        round_down: bool,
        batch_size: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.of_class = np.flatnonzero(labels == wanted)
        self.others = np.flatnonzero(labels != wanted)
        each = int(share * batch_size) if round_down else share * batch_size
        if not self.of_class.size or not 0 < each < batch_size:
            raise ConfigError(
                f"sampling.share gives {each:g} of {batch_size} images a batch to a class with "
                f"{self.of_class.size} training images; expected more than 0 and fewer than all. "
                "Change sampling.share, sampling.rounding or training.batch_size."
            )
        steps = int(self.others.size / (batch_size - each))
        self.per_step = np.diff(np.floor(np.arange(steps + 1) * each + 1e-9).astype(np.int64))
        super().__init__(
            steps * batch_size, batch_size=batch_size, seed=seed, rank=rank, processes=processes
        )

    def order(self) -> NDArray[np.int64]:
        """Return batches one after the other, each shuffled within itself."""
        rng = np.random.default_rng([self.seed, self.epoch])
        others = iter(np.split(rng.permutation(self.others), self._ends(others=True)))
        rounds = math.ceil(self.per_step.sum() / self.of_class.size)
        drawn = np.concatenate([rng.permutation(self.of_class) for _ in range(rounds)])
        chosen = iter(np.split(drawn, self._ends(others=False)))
        parts = zip(others, chosen, self.per_step, strict=False)
        batches = [np.concatenate([rest, own]) for rest, own, _ in parts]
        return np.concatenate([rng.permutation(batch) for batch in batches])

    def _ends(self, *, others: bool) -> NDArray[np.int64]:
        taken = self.batch_size - self.per_step if others else self.per_step
        return np.cumsum(taken)


def training_batches(
    recipe: Recipe, labels: NDArray[np.int64], classes: tuple[str, ...], processes: Processes
) -> TrainingBatches:
    """Return the order in which training images are seen.

    Args:
        recipe: Its sampling, batch size and seed.
        labels: Class index of each training image, shape (n,).
        classes: Labels in the order of the outputs.
        processes: Who trains together.

    Raises:
        ConfigError: If the share names no class, or batches cannot be made as asked.
    """
    sampling, training = recipe.sampling, recipe.training
    common: _Batching = {
        "batch_size": training.batch_size,
        "seed": training.seed,
        "rank": processes.rank,
        "processes": processes.total,
    }
    if sampling.order == "listed":
        return ListedBatches(labels.size, **common)
    if not sampling.share:
        return ShuffledBatches(labels.size, **common)
    ((name, share),) = sampling.share.items()
    if name not in classes:
        raise ConfigError(f"sampling.share names {name!r}. {suggestion(name, [*classes])}")
    return ShareBatches(
        labels,
        wanted=classes.index(name),
        share=share,
        round_down=sampling.rounding == "down",
        **common,
    )
