from __future__ import annotations

import pytest
from sqlalchemy import func, select

from hilum.serve.access.errors import TooManyError
from hilum.serve.access.lockout import (
    count_attempt,
    forget_attempts,
    network,
    sweep_attempts,
    take_back_attempt,
    undo_attempt,
)
from hilum.serve.storage.tables import attempts

HOME, ELSEWHERE = "10.0.0.5", "203.0.113.9"


@pytest.fixture
def attempt(database, clock):
    """Makes a wrong attempt; returns the seconds to wait, 0 if it was looked at."""

    def make(name: str = "anna", address: str = HOME) -> int:
        try:
            with database.write() as connection:
                count_attempt(connection, name=name, address=address, now=clock())
        except TooManyError as error:
            return error.wait_s
        return 0

    return make


@pytest.fixture
def succeed(database, clock):
    def right(name: str = "anna", address: str = HOME) -> None:
        with database.write() as connection:
            count_attempt(connection, name=name, address=address, now=clock())
            take_back_attempt(connection, name=name, address=address, now=clock())

    return right


def test_five_wrong_passwords_are_free_and_then_each_waits_twice_as_long(attempt, clock) -> None:
    assert [attempt() for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(5):
        waits.append(attempt())
        clock.move(seconds=waits[-1])
        assert attempt() == 0
    assert waits == [1, 2, 4, 8, 16]


def test_a_delay_never_grows_beyond_a_quarter_of_an_hour(attempt, clock) -> None:
    for _ in range(40):
        clock.move(seconds=attempt())
        attempt()
    assert 800 < attempt() <= 900


def test_an_attempt_that_is_told_to_wait_makes_the_wait_no_longer(attempt) -> None:
    for _ in range(5):
        attempt()
    assert [attempt() for _ in range(50)] == [1] * 50


def test_names_in_other_spellings_are_one_name(attempt) -> None:
    for name in ("anna", "ANNA", "\uff21nna", "Anna", "aNNa"):
        assert attempt(name) == 0
    assert attempt("anna") == 1


def test_the_right_password_takes_a_name_s_failures_back(attempt, succeed) -> None:
    for _ in range(4):
        attempt()
    succeed()
    assert [attempt() for _ in range(5)] == [0] * 5


def test_an_address_that_tries_many_names_must_wait(attempt) -> None:
    waits = [attempt(f"name {number}", ELSEWHERE) for number in range(40)]
    assert waits[:30] == [0] * 30
    assert all(wait >= 1 for wait in waits[30:])
    assert attempt("someone", HOME) == 0


def test_logging_in_between_guesses_does_not_clear_an_address(attempt, succeed) -> None:
    for number in range(15):
        attempt(f"victim {number}", ELSEWHERE)
        succeed("mallory", ELSEWHERE)
        attempt(f"victim {number} too", ELSEWHERE)
    assert attempt("another", ELSEWHERE) >= 1


def test_many_addresses_that_guess_at_one_name_must_wait_half_a_minute_at_most(
    attempt, clock
) -> None:
    for number in range(60):
        clock.move(seconds=attempt(address=f"198.51.100.{number}"))
        attempt(address=f"198.51.100.{number}")
    assert attempt(address=ELSEWHERE) == 30


def test_an_attacker_elsewhere_cannot_keep_a_reader_from_their_own_workstation(
    attempt, succeed, clock
) -> None:
    succeed("anna", HOME)
    for number in range(60):
        clock.move(seconds=attempt(address=f"198.51.100.{number}"))
        attempt(address=f"198.51.100.{number}")
    assert attempt("anna", ELSEWHERE) > 0
    assert attempt("anna", HOME) == 0


def test_a_known_address_still_has_its_own_delay(attempt, succeed) -> None:
    succeed()
    for _ in range(5):
        assert attempt() == 0
    assert attempt() == 1


def test_a_known_address_is_forgotten_after_a_month(attempt, succeed, clock) -> None:
    succeed()
    clock.move(days=31)
    for number in range(30):
        clock.move(seconds=attempt(address=f"198.51.100.{number}"))
        attempt(address=f"198.51.100.{number}")
    assert attempt("anna", HOME) > 0


def test_failures_of_yesterday_do_not_count(attempt, clock) -> None:
    for _ in range(6):
        attempt()
    clock.move(hours=25)
    assert [attempt() for _ in range(5)] == [0] * 5


def test_a_clock_that_was_ahead_locks_nobody_for_as_long(attempt, clock) -> None:
    clock.move(days=30)
    for _ in range(6):
        attempt()
    clock.move(days=-30)
    assert attempt() == 0


def test_a_wait_is_never_longer_than_the_rule_says_though_the_clock_goes_back(
    attempt, clock
) -> None:
    for _ in range(40):
        clock.move(seconds=attempt())
        attempt()
    clock.move(seconds=-50)
    assert attempt() == 900


def test_an_attempt_nobody_looked_at_is_taken_back(database, attempt) -> None:
    for _ in range(20):
        assert attempt() == 0
        with database.write() as connection:
            undo_attempt(connection, name="anna", address=HOME)
    assert attempt() == 0


def test_an_administrator_ends_the_delays_of_a_name(database, attempt) -> None:
    for _ in range(6):
        attempt()
    with database.write() as connection:
        assert forget_attempts(connection, name="ANNA") == 2
    assert attempt() == 0


def test_what_is_typed_as_a_name_is_not_kept(database, attempt) -> None:
    attempt("hunter2 is my password")
    with database.read() as connection:
        keys = connection.execute(select(attempts.c.key)).scalars().all()
    assert len(keys) == 3
    assert "hunter2" not in "".join(keys)
    assert all(len(key) <= 256 for key in keys)


def test_counts_that_say_nothing_any_more_are_swept(database, attempt, succeed, clock) -> None:
    succeed("bea", HOME)
    for number in range(20):
        attempt(f"name {number}", f"2001:db8:{number}::1")
    clock.move(days=2)
    with database.write() as connection:
        sweep_attempts(connection, now=clock())
        assert connection.execute(select(func.count()).select_from(attempts)).scalar_one() == 1
    clock.move(days=30)
    with database.write() as connection:
        sweep_attempts(connection, now=clock())
        assert connection.execute(select(func.count()).select_from(attempts)).scalar_one() == 0


@pytest.mark.parametrize(
    ("address", "one"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_network_counts_as_one_address(address: str, one: str) -> None:
    assert network(address) == one
