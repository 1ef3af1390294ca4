"""How many threads and how many films at once are fastest here: measured, not guessed.

One more thread may be slower than one less where two share a core, and a batch costs memory without
being faster on most processors. All settings are run in turn, so that the machine's moods hit all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hilum.screening.cores import load_average, usable_cores
from hilum.screening.timing import Run, interleave

__all__ = ["BATCHES", "Setting", "Tuning", "busy", "thread_counts", "tune"]

BATCHES = (1, 2, 4, 8)
_WORTH = 0.95
"""A setting that takes more threads or films must take less than this share of the time."""


class _Runs(Protocol):
    def run(self, images: NDArray[np.float32]) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one setting took."""

    threads: int
    batch: int
    ms_a_film: float
    """Median, milliseconds."""

    warm_up: int
    """Runs until they no longer became faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """All settings that were measured, and the best of them.

    Args:
        settings: By threads, then by batch.
        threads: Fastest for one film; the fewest of those within 5 %.
        batch: Least time a film with these threads; the smallest of those within 5 %.
    """

    settings: tuple[Setting, ...]
    threads: int
    batch: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def thread_counts(cores: int | None = None) -> tuple[int, ...]:
    """Return the numbers of threads to try: powers of two up to every core, and every core.

    Args:
        cores: By default those usable here.

    >>> thread_counts(6)
    (1, 2, 4, 6)
    """
    cores = cores or usable_cores()
    return (*(1 << power for power in range(cores.bit_length()) if 1 << power < cores), cores)


def busy() -> bool:
    """Say whether others want the cores: more threads than twice what measuring itself keeps up."""
    now = load_average()
    return now is not None and now > 2 * usable_cores()


def tune(
    opened: Callable[[int], _Runs],
    image: NDArray[np.float32],
    *,
    threads: Sequence[int] | None = None,
    batches: Sequence[int] = BATCHES,
    rounds: int = 5,
    rng: np.random.Generator,
    clock: Callable[[], float] = time.perf_counter,
) -> Tuning:
    """Measure every number of threads with every number of films at once.

    Args:
        opened: Returns an engine of so many threads.
        image: One normalised film, shape (1, channels, size, size).
        threads: To try; see `thread_counts`.
        batches: To try, each at least 1; the first is that of a single film.
        rounds: Timed runs of each.
        rng: Draws the order of each round.
        clock: Seconds.
    """
    runs: dict[str, Run] = {}
    keys: dict[str, tuple[int, int]] = {}
    for count in threads or thread_counts():
        engine = opened(count)
        for batch in batches:
            name = f"{count} x {batch}"
            runs[name] = partial(engine.run, np.repeat(image, batch, axis=0))
            keys[name] = (count, batch)
    times = interleave(runs, rounds, rng=rng, clock=clock)
    settings = tuple(
        Setting(
            threads=keys[name][0],
            batch=keys[name][1],
            ms_a_film=taken.median_ms / keys[name][1],
            warm_up=taken.warm_up,
        )
        for name, taken in times.items()
    )
    best = _least([entry for entry in settings if entry.batch == batches[0]]).threads
    return Tuning(
        settings=settings,
        threads=best,
        batch=_least([entry for entry in settings if entry.threads == best]).batch,
    )


def _least(settings: Sequence[Setting]) -> Setting:
    """Return the first setting that none after it beats by more than 5 %."""
    best = settings[0]
    for entry in settings[1:]:
        if entry.ms_a_film < _WORTH * best.ms_a_film:
            best = entry
    return best
