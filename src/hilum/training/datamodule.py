"""Prepared pictures from the cache, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from hilum.data.cache import PreparedCache
from hilum.training.batches import Place

__all__ = ["Batch", "CachedImages", "SplitBatches", "loader"]


class Batch(NamedTuple):
    """What one process sees in one step."""

    images: Tensor
    """Grey levels, shape (n, size, size), uint8."""

    labels: Tensor
    """Class indices, shape (n,), int64."""

    rows: Tensor
    """Rows in the split, shape (n,), int64."""

    place: Place | None = None
    """Where these stand in the step's batch over all processes; the whole of it if None."""


class CachedImages(Dataset[Batch]):
    """The images of one split; indexing with a list gives a whole batch.

    Args:
        cache: Where the prepared pictures are.
        positions: Their rows in the cache, shape (n,).
        labels: Class indices, shape (n,).
    """

    def __init__(
        self, cache: PreparedCache, positions: NDArray[np.int64], labels: NDArray[np.int64]
    ) -> None:
        self.cache = cache
        self.positions = positions
        self.labels = labels

    def __len__(self) -> int:
        return int(self.positions.size)

    def __getitem__(self, rows: NDArray[np.int64]) -> Batch:
        images = np.ascontiguousarray(self.cache.images(self.positions[rows]))
        return Batch(
            torch.from_numpy(images),
            torch.from_numpy(self.labels[rows]),
            torch.from_numpy(np.asarray(rows)),
        )


class SplitBatches(Sampler[NDArray[np.int64]]):
    """Every row once, in order, shared out over processes; the last batch may be smaller.

    Args:
        count: Images in the split.
        batch_size: Images a step over all processes.
        rank: This process.
        processes: All of them. One may get a step less than another.
    """

    def __init__(self, count: int, *, batch_size: int, rank: int = 0, processes: int = 1) -> None:
        self.count = count
        self.batch_size = batch_size
        self.rank = rank
        self.processes = processes

    def __len__(self) -> int:
        return sum(1 for _ in self.parts())

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for rows, _ in self.parts():
            yield rows

    def parts(self) -> Iterator[tuple[NDArray[np.int64], Place]]:
        """Yield this process's rows of each batch, and where they stand in it."""
        for start in range(0, self.count, self.batch_size):
            whole = min(self.batch_size, self.count - start)
            first, last = (whole * rank // self.processes for rank in (self.rank, self.rank + 1))
            if first < last:
                yield np.arange(start + first, start + last), Place(first, whole)


def loader(
    images: CachedImages, batches: Iterable[NDArray[np.int64]], *, workers: int
) -> DataLoader[Batch]:
    """Return a loader that takes whole batches from the cache at once."""
    return DataLoader(
        images,
        sampler=batches,
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
