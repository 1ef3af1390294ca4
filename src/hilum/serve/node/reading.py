"""Reading what waits: a reader's answers become result files and deliveries."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hilum.serve.node.reportable import refusal_to_report
from hilum.serve.node.results import write_results
from hilum.serve.node.rounds import Rounds
from hilum.serve.node.seams import FilmQueue, FilmToRead, Reader, Reading
from hilum.serve.node.source import read_film_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from hilum.screening.screener import Screener

__all__ = ["BundleReader", "Desk"]

_log = logging.getLogger(__name__)
_AT_ONCE = 8


class BundleReader:
    """Read films with one bundle, and draw the evidence for the class decided for.

    Args:
        screener: Must keep films (`keep_film=True`); used by one thread at a time.
    """

    def __init__(self, screener: Screener) -> None:
        self._screener = screener

    def read(self, path: Path) -> Reading:
        """Return the answer for one film; what goes wrong stands in its screening."""
        from hilum.screening.overlay import draw_overlay

        screening = self._screener.screen(path)
        record = self._screener.bundle.record
        overlay = None
        if screening.accepted and screening.decision is not None and not screening.failed:
            overlay = np.asarray(draw_overlay(screening, record, screening.decision))
        return Reading(
            screening=screening,
            overlay=overlay,
            overlay_class=screening.decision or "",
            temperature=record.temperature,
            bundle_version=record.hilum_version,
        )


class Desk(Rounds):
    """Read what a queue holds, one film after the other, in a thread of its own.

    Args:
        queue: Knows what waits, and keeps the answers.
        reader: Reads.
        folder: For result files until the queue has them; on the storage's file system.
        done: Called after each film, for example to wake the sender.
    """

    def __init__(
        self, queue: FilmQueue, reader: Reader, folder: Path, *, done: Callable[[], None]
    ) -> None:
        super().__init__(
            self.read_waiting, name="hilum-desk", trouble="the storage does not answer"
        )
        self._queue = queue
        self._reader = reader
        self._folder = folder
        self._done = done

    def read_waiting(self) -> int:
        """Read the films that wait, a few at most; return how many that were."""
        read = 0
        for film in self._queue.waiting(_AT_ONCE):
            if self.stopping:
                break
            self._read(film)
            self._done()
            read += 1
        return read

    def _read(self, film: FilmToRead) -> None:
        """Read one film; whatever is wrong with it is its own failure, and the next one is read."""
        try:
            reading = self._reader.read(film.path)
            why = refusal_to_report(reading.screening)
            if why is not None:
                self._queue.failed(film, why)
                return
            results = write_results(
                read_film_headers(film.path), reading, self._folder, when=datetime.now(UTC)
            )
        except Exception as error:  # noqa: BLE001 - the next films wait
            _log.exception("a film could not be reported")
            self._queue.failed(film, str(error) or type(error).__name__)
            return
        try:
            self._queue.answered(film, reading, results)
        finally:
            for result in results:
                result.path.unlink(missing_ok=True)
