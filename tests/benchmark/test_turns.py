"""Several things timed in turn."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hilum.benchmark.turns import Turns, take_turns


class Clock:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.order.append(name)
            self.now += seconds

        return run


def test_everything_is_run_as_often_and_timed_by_itself() -> None:
    clock = Clock()
    runs = {"slow": clock.work("slow", 3.0), "fast": clock.work("fast", 2.0)}
    turns = take_turns(runs, rounds=4, clock=clock)
    assert turns.seconds == {"slow": [3.0] * 4, "fast": [2.0] * 4}
    assert turns.ratio("slow", "fast") == 1.5
    assert sorted(clock.order) == ["fast"] * 5 + ["slow"] * 5


def test_rounds_do_not_all_begin_with_the_same() -> None:
    clock = Clock()
    take_turns({name: clock.work(name, 1) for name in "abc"}, rounds=12, warm_up=0, clock=clock)
    assert {*clock.order[::3]} == {*"abc"}


def test_what_is_run_twice_is_timed_the_second_time() -> None:
    clock, lengths = Clock(), iter([9.0, 1.0, 9.0, 1.0])

    def run() -> None:
        clock.now += next(lengths)

    turns = take_turns({"it": run}, rounds=2, warm_up=0, twice=True, clock=clock)
    assert turns.seconds == {"it": [1.0, 1.0]}


def test_a_ratio_is_taken_within_rounds() -> None:
    turns = Turns({"a": [1.0, 10.0, 3.0], "b": [0.5, 5.0, 3.0]})
    assert turns.ratio("a", "b") == 2.0
    assert turns.median("a") / turns.median("b") == 1.0


def test_no_round_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        take_turns({}, rounds=0)
