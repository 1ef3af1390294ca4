from __future__ import annotations

import numpy as np
import pytest

from hilum.screening.optimize_speed import thread_counts, tune

IMAGE = np.zeros((1, 1, 4, 4), np.float32)


class Clock:
    """A clock that engines move by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Engine:
    """An engine that takes what a table says, in seconds: `first` a run and `each` a film."""

    def __init__(self, clock: Clock, first: float, each: float) -> None:
        self.clock, self.first, self.each = clock, first, each

    def run(self, images: np.ndarray) -> None:
        self.clock.now += self.first + self.each * len(images)


def tuned(first: float, each: dict[int, float]) -> tuple[int, int]:
    clock = Clock()
    found = tune(
        lambda threads: Engine(clock, first, each[threads]),
        IMAGE,
        threads=[*each],
        rng=np.random.default_rng(0),
        clock=clock,
    )
    assert len(found.settings) == 4 * len(each)
    return found.threads, found.batch


def test_threads_that_help_are_taken() -> None:
    assert tuned(0.0, {1: 0.02, 2: 0.011}) == (2, 1)


def test_threads_that_gain_less_than_a_twentieth_are_not() -> None:
    assert tuned(0.0, {1: 0.02, 2: 0.0195}) == (1, 1)


def test_threads_that_hurt_are_not() -> None:
    assert tuned(0.0, {1: 0.02, 2: 0.03}) == (1, 1)


def test_batches_are_taken_where_each_run_costs_something() -> None:
    assert tuned(0.02, {1: 0.001}) == (1, 8)


def test_a_film_is_what_is_counted_not_a_run() -> None:
    clock = Clock()
    found = tune(
        lambda threads: Engine(clock, 0.0, 0.01),
        IMAGE,
        threads=[1],
        batches=[1, 4],
        rng=np.random.default_rng(0),
        clock=clock,
    )
    assert [entry.ms_a_film for entry in found.settings] == pytest.approx([10, 10])


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (8, (1, 2, 4, 8))]
)
def test_every_core_is_among_the_threads_tried(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts
