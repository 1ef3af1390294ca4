"""Time several things fairly on a machine that does other things too.

Everything is run in turn, round after round, so that a slow minute of the machine hits all alike;
the order within a round is drawn anew each time, so that nobody always follows the same neighbour.
How many runs warm a thing up is found by measuring, because it differs by network and machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

__all__ = ["Clock", "Times", "in_turn", "interleave"]

Run = Callable[[], object]
Clock = Callable[[], float]
Progress = Callable[[int, int], None]

_WINDOW = 3
_SETTLED = 0.95
_MOST_WARM_UP = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long a run took, in milliseconds.

    Args:
        median_ms: Over all rounds.
        low_ms: The fastest round.
        high_ms: The slowest.
        rounds: Timed runs.
        warm_up: Runs before them, until they no longer became faster.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    rounds: int
    warm_up: int


def interleave(
    runs: Mapping[str, Run],
    rounds: int,
    *,
    rng: np.random.Generator,
    clock: Clock = time.perf_counter,
    progress: Progress | None = None,
) -> dict[str, Times]:
    """Time runs in turn.

    In each turn a run is made twice and the second is timed: the first finds the processor's caches
    full of its neighbour's numbers.

    Args:
        runs: What to time, by name; each returns when its work is done.
        rounds: Timed runs of each, at least 1.
        rng: Draws the order of each round.
        clock: Seconds.
        progress: Called with (done, total) rounds.

    Raises:
        ValueError: If `rounds` is below 1.
    """
    taken, warm_up = in_turn(runs, rounds, rng=rng, clock=clock, progress=progress)
    return {
        name: Times(
            median_ms=1000 * median(seconds),
            low_ms=1000 * min(seconds),
            high_ms=1000 * max(seconds),
            rounds=rounds,
            warm_up=warm_up[name],
        )
        for name, seconds in taken.items()
    }


def in_turn(
    runs: Mapping[str, Run],
    rounds: int,
    *,
    rng: np.random.Generator,
    warm_up: int | None = None,
    twice: bool = True,
    clock: Clock = time.perf_counter,
    progress: Progress | None = None,
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Run things in turn, in another order each round, and measure every run.

    Args:
        runs: What to time, by name; each returns when its work is done.
        rounds: Timed runs of each, at least 1.
        rng: Draws the order of each round.
        warm_up: Runs of each before them; None for as many as make it no faster.
        twice: Run each twice in its turn and time the second run.
        clock: Seconds.
        progress: Called with (done, total) rounds.

    Returns:
        Seconds of every round, and the runs before the first, both by name.

    Raises:
        ValueError: If `rounds` is below 1.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    warmed = {name: _warm_up(run, clock, warm_up) for name, run in runs.items()}
    names, taken = list(runs), {name: list[float]() for name in runs}
    for done in range(rounds):
        for place in rng.permutation(len(names)):
            run = runs[names[place]]
            if twice:
                run()
            taken[names[place]].append(_timed(run, clock))
        if progress is not None:
            progress(done + 1, rounds)
    return taken, warmed


def _timed(run: Run, clock: Clock) -> float:
    start = clock()
    run()
    return clock() - start


def _warm_up(run: Run, clock: Clock, times: int | None) -> int:
    """Run so often, or until it is no longer 5 % faster than three runs before; say how often."""
    if times is not None:
        for _ in range(times):
            run()
        return times
    seconds = [_timed(run, clock) for _ in range(2 * _WINDOW)]
    while len(seconds) < _MOST_WARM_UP:
        before, last = seconds[-2 * _WINDOW : -_WINDOW], seconds[-_WINDOW:]
        if median(last) >= _SETTLED * median(before):
            break
        seconds.append(_timed(run, clock))
    return len(seconds)
