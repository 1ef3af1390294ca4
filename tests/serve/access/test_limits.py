from __future__ import annotations

import threading

import pytest

from hilum.serve.access.errors import TooManyError
from hilum.serve.access.limits import RATES, Limiter, Rate


class Seconds:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def limiter(seconds: Seconds, **settings: int) -> Limiter:
    rates = {kind: Rate(a_second=2, burst=3) for kind in RATES}
    return Limiter(rates, clock=seconds, **settings)


def taken(limits: Limiter, who: str, times: int) -> int:
    good = 0
    for _ in range(times):
        try:
            limits.take("api", who)
        except TooManyError:
            continue
        good += 1
    return good


def test_a_burst_is_let_in_and_then_the_steady_rate(seconds: Seconds) -> None:
    limits = limiter(seconds)
    assert taken(limits, "anna", 10) == 3
    seconds.at += 1
    assert taken(limits, "anna", 10) == 2
    seconds.at += 1000
    assert taken(limits, "anna", 10) == 3


def test_who_is_refused_is_told_when_to_come_again(seconds: Seconds) -> None:
    limits = limiter(seconds)
    taken(limits, "anna", 3)
    with pytest.raises(TooManyError, match="Try again in 1 s") as caught:
        limits.take("api", "anna")
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})


def test_one_principal_s_requests_do_not_count_for_another(seconds: Seconds) -> None:
    limits = limiter(seconds)
    taken(limits, "anna", 10)
    assert taken(limits, "bea", 10) == 3
    limits.take("upload", "anna")


def test_many_addresses_do_not_fill_the_memory(seconds: Seconds) -> None:
    limits = limiter(seconds, most=100)
    for number in range(10_000):
        limits.take("login", f"address {number}")
    assert len(limits) == 100


def test_a_bucket_in_use_is_kept_when_there_are_too_many(seconds: Seconds) -> None:
    limits = limiter(seconds, most=10)
    taken(limits, "anna", 3)
    for number in range(100):
        taken(limits, f"other {number}", 1)
        assert taken(limits, "anna", 1) == 0


def test_a_clock_that_stands_still_gives_nothing_twice_to_many_threads(seconds: Seconds) -> None:
    limits, counts = limiter(seconds), []
    threads = [
        threading.Thread(target=lambda: counts.append(taken(limits, "anna", 200))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 3


@pytest.mark.parametrize(("a_second", "burst"), [(0, 5), (-1, 5), (1, 0.5), (float("nan"), 5)])
def test_a_rate_that_lets_nobody_in_is_refused(a_second: float, burst: float) -> None:
    with pytest.raises(ValueError, match="expected a rate above 0"):
        Rate(a_second=a_second, burst=burst)
