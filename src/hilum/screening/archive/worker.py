"""A worker process: one network, one film at a time, the next one's bytes read meanwhile.

A worker is expendable. Whatever a film does to it, an exception nobody foresaw included, is noticed
by its parent, which knows the film that was at hand.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import NamedTuple

from hilum.data.kept_memory import keep_memory
from hilum.errors import BundleError, HilumError, ImageReadError
from hilum.screening.archive.item import Item
from hilum.screening.archive.reading import read_bytes
from hilum.screening.archive.row import FilmRow, failed_row, row_of
from hilum.screening.expendable import be_expendable

__all__ = ["AHEAD", "Fatal", "Job", "Ready", "work"]

AHEAD = 2
"""Films a worker holds: the one at hand and the next."""

Answer = Callable[[Item, bytes], FilmRow]
"""Screens the bytes of a film."""


class Ready(NamedTuple):
    """Sent once: the network is open."""


class Fatal(NamedTuple):
    """Sent instead of an answer: no film can be answered, because of the bundle."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every worker of a run is told.

    Args:
        bundle: The bundle's folder.
        bundle_id: Its id; a worker that finds another one stops the run.
        threshold: Which of the bundle's thresholds decides; None for its default.
        force: Give probabilities also where the gate refuses.
        open: Opens the network and returns what answers; a test may give another.
    """

    bundle: str
    bundle_id: str
    threshold: str | None = None
    force: bool = False
    open: Callable[[Job], Answer] = field(default_factory=lambda: open_screener)


def open_screener(job: Job) -> Answer:
    """Open the bundle's network on one thread, and make sure that it is the run's.

    Raises:
        BundleError: If the bundle cannot be used, or is another than the run began with.
    """
    from hilum.screening.screener import Screener

    screener = Screener(
        job.bundle, threads=1, threshold=job.threshold, force=job.force, keep_film=True
    )
    if screener.bundle.id != job.bundle_id:
        raise BundleError(
            f"The bundle {job.bundle} was changed while the archive was screened: expected "
            f"{job.bundle_id[:12]}, got {screener.bundle.id[:12]}. Put the first one back and go "
            "on with --resume, or begin anew in another folder."
        )
    return lambda item, data: row_of(item, data, screener.screen(data))


def work(job: Job, pipe: Connection) -> None:
    """Answer the items that come through the pipe until None comes, or the other end closes."""
    be_expendable()
    keep_memory()
    try:
        answer = job.open(job)
    except HilumError as error:
        pipe.send(Fatal(str(error)))
        return
    films: queue.Queue[tuple[Item, bytes | ImageReadError] | None] = queue.Queue(AHEAD)
    threading.Thread(target=_read_ahead, args=(pipe, films), daemon=True).start()
    pipe.send(Ready())
    while (film := films.get()) is not None:
        item, data = film
        if isinstance(data, ImageReadError):
            pipe.send(failed_row(item, data))
        else:
            pipe.send(answer(item, data))


def _read_ahead(
    pipe: Connection, films: queue.Queue[tuple[Item, bytes | ImageReadError] | None]
) -> None:
    """Read the bytes of each item in order; leave at once if the parent has gone."""
    try:
        while (item := pipe.recv()) is not None:
            try:
                films.put((item, read_bytes(item)))
            except ImageReadError as error:
                films.put((item, error))
            except MemoryError:
                films.put((item, ImageReadError(item.key, "there is too little memory for it.")))
        films.put(None)
    except (EOFError, OSError):
        os._exit(1)
