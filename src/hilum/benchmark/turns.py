"""Several things timed in turn, so that a drifting machine is fair to all of them.

A ratio is the median over rounds of the ratio within a round: neighbours in time share the
machine's mood, and medians of a whole run need not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hilum.screening.timing import Clock, in_turn

__all__ = ["Turns", "take_turns"]


@dataclass(frozen=True, slots=True)
class Turns:
    """Seconds of every round, by what was run."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """Return the median seconds of one of them."""
        return statistics.median(self.seconds[name])

    def ratio(self, longer: str, shorter: str) -> float:
        """Return the median over rounds of how many times as long one took as another."""
        pairs = zip(self.seconds[longer], self.seconds[shorter], strict=True)
        return statistics.median(a / b for a, b in pairs)


def take_turns(
    runs: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 1,
    twice: bool = False,
    clock: Clock = time.perf_counter,
) -> Turns:
    """Run things in turn, in another order each round, and return what each took.

    Args:
        runs: What to time, by name; each returns when its work is done.
        rounds: Timed runs of each, at least 1.
        warm_up: Runs of each before them.
        twice: Run each twice in its turn and time the second run: the first finds the processor's
            caches full of its neighbour's numbers. For what takes milliseconds.
        clock: Seconds; `time.process_time` leaves out what other programs do.

    Raises:
        ValueError: If `rounds` is below 1.
    """
    rng = np.random.default_rng(0)
    seconds, _ = in_turn(runs, rounds, rng=rng, warm_up=warm_up, twice=twice, clock=clock)
    return Turns(seconds)
