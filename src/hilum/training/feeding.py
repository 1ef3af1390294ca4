"""How prepared pictures reach the device that trains.

They travel and wait as the 8-bit pictures of the cache, a quarter of the size of floats; scaling
and augmentation happen on the device. Two ways give the same batches in the same order:

resident   every picture lies on the device; a batch is a gather there, and nothing travels
streamed   a thread reads the memory-mapped cache two batches ahead of the step; to a GPU it sends
           them from page-locked memory on a stream of its own, while the step before is computed

Resident is the right way when the pictures fit beside the network: a million of 224 pixels are
50 GB. On a CPU the memory map is memory already, so `auto` streams there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum.errors import ConfigError
from hilum.training.batches import Place
from hilum.training.datamodule import Batch, CachedImages, loader

__all__ = ["Feeding", "Parts", "ResidentFeed", "StreamedFeed", "ahead", "make_feed", "plan_feeding"]

T = TypeVar("T")

_AHEAD = 2
"""Batches that wait while a step is computed."""

_ROOM = 0.5
"""Share of a GPU's free memory that pictures may take; the network's step needs the rest."""

_CHUNK = 1024
"""Pictures read at a time when all are put on the device."""


class Parts(Protocol):
    """Says which rows a process sees in each step."""

    def __len__(self) -> int:
        """Return the number of steps."""

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of each step."""

    def parts(self) -> Iterator[tuple[NDArray[np.int64], Place]]:
        """Yield the rows of each step and where they stand in the batch of all processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeding:
    """How a run is fed."""

    resident: bool
    images: int
    """Pictures that are trained on and validated on."""

    size: int
    """Their side in pixels."""

    device: str

    room: int | None
    """Bytes of the device that pictures may take; None on a CPU."""

    @property
    def bytes(self) -> int:
        """What the pictures take."""
        return self.images * self.size**2

    def text(self) -> str:
        """Return a line for a reader."""
        what = f"{self.images:,} pictures of {self.size} px, {_gigabytes(self.bytes)}"
        if self.resident:
            return f"Feeding {self.device}: {what}, resident there as 8-bit pictures."
        if self.room is None:
            return f"Feeding {self.device}: {what}, streamed from the memory-mapped cache."
        return (
            f"Feeding {self.device}: {what}, streamed from the memory-mapped cache, because "
            f"pictures may take {_gigabytes(self.room)} of this device."
        )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e8 else f"{count / 1e6:.3g} MB"


def plan_feeding(
    wanted: Literal["auto", "resident", "streamed"], images: int, size: int, device: torch.device
) -> Feeding:
    """Decide whether pictures are put on the device once, or sent batch by batch.

    Args:
        wanted: The recipe's `training.feeding`.
        images: Pictures that are trained on and validated on.
        size: Their side in pixels.
        device: Where the network is.

    Raises:
        ConfigError: If they are to be resident and do not fit.
    """
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None
    room = None if free is None else int(free * _ROOM)
    needed = images * size**2
    if wanted == "resident" and free is not None and needed > free:
        raise ConfigError(
            f"training.feeding=resident needs {_gigabytes(needed)} for the pictures, but {device} "
            f"has {_gigabytes(free)} free. Set training.feeding to streamed or auto."
        )
    resident = wanted == "resident" or (wanted == "auto" and room is not None and needed <= room)
    return Feeding(resident=resident, images=images, size=size, device=str(device), room=room)


def ahead(items: Iterable[T], depth: int = _AHEAD) -> Iterator[T]:
    """Yield `items`, made by a thread up to `depth` of them before they are asked for.

    What goes wrong in the thread is raised here, in its turn.

    >>> list(ahead(range(3)))
    [0, 1, 2]
    """
    source = iter(items)
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="feed") as thread:
        waiting = deque(thread.submit(next, source, end) for _ in range(depth))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, source, end))
            yield item  # type: ignore[misc]  # `end` went no further than the line above


class _Feed:
    """What Lightning looks for in a loader: how many steps, and whom to tell the epoch."""

    batch_sampler = None
    sampler: Parts

    def __len__(self) -> int:
        return len(self.sampler)


class StreamedFeed(_Feed):
    """Batches read from the cache while the step before is computed.

    Args:
        images: The split.
        sampler: Which rows each step sees; Lightning tells it the epoch.
        device: Where batches are wanted.
        workers: Processes that read the cache; 0 for the thread alone.
    """

    def __init__(
        self, images: CachedImages, sampler: Parts, device: torch.device, *, workers: int = 0
    ) -> None:
        self.images = images
        self.sampler = sampler
        self.device = device
        self._loader = loader(images, sampler, workers=workers) if workers else None
        on_gpu = device.type == "cuda"
        self._side = torch.cuda.Stream(device) if on_gpu else None  # type: ignore[no-untyped-call]

    def __iter__(self) -> Iterator[Batch]:
        if self._side is None:
            yield from ahead(self._read())
            return
        for batch, arrived in ahead(self._sent(self._side)):
            current = torch.cuda.current_stream(self.device)
            current.wait_event(arrived)
            for tensor in (batch.images, batch.labels, batch.rows):
                tensor.record_stream(current)
            yield batch

    def _read(self) -> Iterator[Batch]:
        """Yield batches in the host's memory."""
        parts = self.sampler.parts()
        if self._loader is None:
            for rows, place in parts:
                yield self.images[rows]._replace(place=place)
            return
        for batch, (_, place) in zip(self._loader, parts, strict=True):
            yield batch._replace(place=place)

    def _sent(self, side: torch.cuda.Stream) -> Iterator[tuple[Batch, torch.cuda.Event]]:
        """Yield batches on their way to the device, and the event of their arrival."""
        for batch in self._read():
            with torch.cuda.stream(side):
                images, labels, rows = (
                    tensor.pin_memory().to(self.device, non_blocking=True)
                    for tensor in (batch.images, batch.labels, batch.rows)
                )
                arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
                arrived.record(side)
            yield Batch(images, labels, rows, batch.place), arrived


class ResidentFeed(_Feed):
    """Batches gathered from pictures that all lie on the device.

    Args:
        images: The split; read once, here.
        sampler: Which rows each step sees; Lightning tells it the epoch.
        device: Where the pictures go.
    """

    def __init__(self, images: CachedImages, sampler: Parts, device: torch.device) -> None:
        self.sampler = sampler
        self.device = device
        self._labels = torch.from_numpy(images.labels).to(device)
        self._pictures = _all_pictures(images, device)

    def __iter__(self) -> Iterator[Batch]:
        parts = list(self.sampler.parts())
        if not parts:
            return
        # The epoch's order travels once; sent batch by batch, each step would wait for it.
        order = torch.from_numpy(np.concatenate([rows for rows, _ in parts])).to(self.device)
        of_steps = torch.split(order, [rows.size for rows, _ in parts])
        for rows, (_, place) in zip(of_steps, parts, strict=True):
            labels = self._labels.index_select(0, rows)
            yield Batch(self._pictures.index_select(0, rows), labels, rows, place)


def _all_pictures(images: CachedImages, device: torch.device) -> Tensor:
    """Copy a split to the device, shape (n, size, size), uint8."""
    side = images.cache.preprocessing.size
    found = torch.empty((len(images), side, side), dtype=torch.uint8, device=device)
    for first in range(0, len(images), _CHUNK):
        chunk = images.cache.images(images.positions[first : first + _CHUNK])
        found[first : first + _CHUNK].copy_(torch.from_numpy(np.ascontiguousarray(chunk)))
    return found


def make_feed(
    feeding: Feeding,
    images: CachedImages,
    sampler: Parts,
    device: torch.device,
    *,
    workers: int = 0,
) -> ResidentFeed | StreamedFeed:
    """Return the batches of a split as `feeding` says."""
    if feeding.resident:
        return ResidentFeed(images, sampler, device)
    return StreamedFeed(images, sampler, device, workers=workers)
