"""How far an archive run is: done, rate, and time left as far as it can be known."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from hilum.errors import HilumError
from hilum.screening.archive.row import FilmRow
from hilum.screening.archive.walk import find_items

__all__ = ["Headcount", "Progress", "Tally"]

_STRIDE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands.

    Args:
        done: Films with a row, those of earlier sessions included.
        now: Films of this session.
        refused: Of these, refused by the gate.
        failed: Of these, failed.
        rate: Films a second of this session, since the first answer.
        total: Films counted so far.
        counted: Whether the count has come to its end.
    """

    done: int
    now: int
    refused: int
    failed: int
    rate: float
    total: int
    counted: bool

    @property
    def left_s(self) -> float | None:
        """Seconds left; None while the total or the rate is unknown."""
        if not self.counted or self.rate <= 0:
            return None
        return max(0, self.total - self.done) / self.rate

    def text(self) -> str:
        """Return one line for a person."""
        most = (
            f"about {self.total:,}" if self.counted else f"at least {max(self.total, self.done):,}"
        )
        left = self.left_s
        time_left = "" if left is None else f", {_spoken(left)} left"
        return (
            f"{self.done:,} of {most} films, {self.rate:.1f} films/s{time_left}; "
            f"{self.refused:,} refused, {self.failed:,} failed"
        )


class Headcount:
    """Count the films of the sources in a thread: names only, nothing is opened but tar and zip.

    Args:
        sources: As `find_items` takes them.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = tuple(sources)
        self.films = 0
        self.finished = False
        self._stop = False
        self._thread = threading.Thread(target=self._count, name="hilum-count", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop counting."""
        self._stop = True

    def _count(self) -> None:
        counted = 0
        try:
            for _ in find_items(self._sources, sniff=False):
                counted += 1
                if counted % _STRIDE == 0:
                    self.films = counted
                    time.sleep(0)  # the crew's loop comes first
                if self._stop:
                    return
        except (HilumError, OSError):
            return  # The walk that counts meets the same fault, and reports it.
        self.films, self.finished = counted, True


class Tally:
    """Count answers as they come, and tell how far the run is.

    Args:
        before: Films done in earlier sessions.
        headcount: Of all films.
    """

    def __init__(self, before: int, headcount: Headcount) -> None:
        self._before = before
        self._headcount = headcount
        self._begun: float | None = None
        self.now = self._refused = self._failed = 0

    def add(self, row: FilmRow) -> None:
        """Count a row."""
        if self._begun is None:
            self._begun = time.monotonic()
        self.now += 1
        self._failed += row.error is not None
        self._refused += row.accepted is False

    def progress(self) -> Progress:
        """Return where the run stands."""
        begun = self._begun
        elapsed = 0.0 if begun is None else time.monotonic() - begun
        return Progress(
            done=self._before + self.now,
            now=self.now,
            refused=self._refused,
            failed=self._failed,
            rate=self.now / elapsed if elapsed > 0 else 0.0,
            total=self._headcount.films,
            counted=self._headcount.finished,
        )


def _spoken(seconds: float) -> str:
    """Return a duration as a person says it.

    >>> _spoken(50), _spoken(5000), _spoken(500000)
    ('50 s', '83 min', '138.9 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
