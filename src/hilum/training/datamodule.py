"""Prepared pictures from the cache, a batch at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from hilum.data.cache import PreparedCache

__all__ = ["Batch", "CachedImages", "SplitBatches", "loader"]


class Batch(NamedTuple):
    """Images (n, size, size) uint8, labels (n,) int64, rows (n,) int64 in the split."""

    images: Tensor
    labels: Tensor
    rows: Tensor


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
    """Every row once, in order, shared out over processes; some batches may be smaller."""

    def __init__(self, count: int, *, batch_size: int, rank: int = 0, processes: int = 1) -> None:
        self.rows = np.arange(count)[rank::processes]
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(self.rows.size / self.batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for first in range(0, self.rows.size, self.batch_size):
            yield self.rows[first : first + self.batch_size]


def loader(
    images: CachedImages, batches: Sampler[NDArray[np.int64]], *, workers: int
) -> DataLoader[Batch]:
    """Return a loader that takes whole batches from the cache at once."""
    return DataLoader(
        images,
        sampler=batches,
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
