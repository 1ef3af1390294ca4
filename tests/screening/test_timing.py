from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hilum.screening.timing import interleave


class Clock:
    """A clock that only runs move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made: list[str] = []

    def __call__(self) -> float:
        return self.now

    def run(self, name: str, seconds: Callable[[int], float]) -> Callable[[], None]:
        def made() -> None:
            self.now += seconds(self.made.count(name))
            self.made.append(name)

        return made


def test_times_are_the_runs_own_whoever_runs_between() -> None:
    clock = Clock()
    runs = {"fast": clock.run("fast", lambda _: 0.001), "slow": clock.run("slow", lambda _: 0.1)}
    found = interleave(runs, 5, rng=np.random.default_rng(0), clock=clock)
    assert found["fast"].median_ms == pytest.approx(1)
    assert (found["slow"].low_ms, found["slow"].high_ms) == pytest.approx((100, 100))
    assert found["slow"].rounds == 5


def test_everyone_runs_twice_in_every_round_in_an_order_that_changes() -> None:
    clock = Clock()
    runs = {name: clock.run(name, lambda _: 0.01) for name in "abc"}
    interleave(runs, 8, rng=np.random.default_rng(0), clock=clock)
    timed = clock.made[-8 * 6 :]
    rounds = ["".join(timed[start : start + 6]) for start in range(0, 48, 6)]
    assert all(sorted(turn) == list("aabbcc") for turn in rounds)
    assert all(turn[0::2] == turn[1::2] for turn in rounds)
    assert len({*rounds}) > 1


def test_warming_up_lasts_until_runs_are_no_longer_faster() -> None:
    clock = Clock()
    runs = {
        "warm": clock.run("warm", lambda _: 0.01),
        "cold": clock.run("cold", lambda made: 0.01 + 0.1 * 0.5**made),
    }
    found = interleave(runs, 1, rng=np.random.default_rng(0), clock=clock)
    assert found["warm"].warm_up == 6
    assert 6 < found["cold"].warm_up < 20
    assert found["cold"].high_ms < 10.5


def test_what_never_settles_stops_warming_up() -> None:
    clock = Clock()
    runs = {"drifts": clock.run("drifts", lambda made: 0.9**made)}
    assert interleave(runs, 1, rng=np.random.default_rng(0), clock=clock)["drifts"].warm_up == 30


def test_progress_counts_rounds_and_no_round_is_refused() -> None:
    clock, seen = Clock(), []
    runs = {"a": clock.run("a", lambda _: 0.01)}
    interleave(
        runs, 2, rng=np.random.default_rng(0), clock=clock, progress=lambda *at: seen.append(at)
    )
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        interleave(runs, 0, rng=np.random.default_rng(0))
