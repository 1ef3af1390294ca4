from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from hilum.serve.access.sessions import (
    Limits,
    end_every_session,
    end_session,
    find_session,
    session_cookie,
    start_session,
    sweep_sessions,
    touch_session,
)
from hilum.serve.access.users import change_password, change_role, disable_user
from hilum.serve.storage.tables import sessions

LIMITS = Limits()


@pytest.fixture
def start(database, clock, person):
    user = person("anna")

    def begin(instead: str = "") -> str:
        with database.write() as connection:
            return start_session(connection, user.id, now=clock(), limits=LIMITS, instead=instead)

    return begin


@pytest.fixture
def found(database, clock):
    def find(value: str):
        with database.read() as connection:
            return find_session(connection, value, now=clock(), limits=LIMITS)

    return find


def test_a_cookie_says_whose_session_it_is(start, found) -> None:
    seen = found(start())
    assert (seen.principal.kind, seen.principal.name) == ("user", "anna")
    assert len(seen.principal.csrf) >= 43


def test_the_table_does_not_hold_what_a_cookie_holds(database, start) -> None:
    value = start()
    with database.read() as connection:
        rows = connection.execute(select(sessions)).all()
    assert value not in str(rows)
    assert len(value) == 43


def test_two_sessions_have_nothing_in_common(start, found) -> None:
    one, other = start(), start()
    assert one != other
    assert found(one).principal.csrf != found(other).principal.csrf


@pytest.mark.parametrize("value", ["", "x", "x" * 43, "ä" * 43, "x" * 100_000, "\x00" * 43])
def test_a_cookie_that_was_never_given_is_nobody(start, found, value: str) -> None:
    start()
    assert found(value) is None


def test_a_session_ends_an_hour_after_the_last_request(start, found, clock) -> None:
    value = start()
    clock.move(minutes=60)
    assert found(value) is not None
    clock.move(minutes=2)
    assert found(value) is None


def test_a_session_that_is_used_ends_after_twelve_hours(database, start, found, clock) -> None:
    value = start()
    for _ in range(12 * 2):
        clock.move(minutes=30)
        seen = found(value)
        assert seen is not None
        with database.write() as connection:
            touch_session(connection, seen, now=clock())
    clock.move(minutes=2)
    assert found(value) is None


def test_being_seen_is_written_at_most_once_a_minute(database, start, found, clock) -> None:
    value = start()
    clock.move(seconds=59)
    assert not found(value).is_due
    clock.move(seconds=1)
    assert found(value).is_due
    with database.write() as connection:
        touch_session(connection, found(value), now=clock())
    assert not found(value).is_due


def test_a_clock_that_jumps_a_minute_either_way_changes_nothing(start, found, clock) -> None:
    value = start()
    clock.move(seconds=-60)
    assert found(value) is not None
    clock.move(hours=1, seconds=120)
    assert found(value) is not None


def test_a_session_of_tomorrow_is_not_believed(start, found, clock) -> None:
    clock.move(days=1)
    value = start()
    assert found(value) is not None
    clock.move(days=-1)
    assert found(value) is None


def test_a_session_seen_tomorrow_is_seen_again_today(database, start, found, clock) -> None:
    value = start()
    clock.move(minutes=50)
    seen = found(value)
    with database.write() as connection:
        touch_session(connection, seen, now=clock())
    clock.move(minutes=-40)
    assert found(value).is_due


def test_a_disabled_user_s_session_stops_at_once(database, act, start, found) -> None:
    value = start()
    with database.write() as connection:
        disable_user(connection, act(), "anna")
    assert found(value) is None


def test_a_session_begun_while_its_user_was_being_disabled_is_no_good(
    database, act, start, found
) -> None:
    with database.write() as connection:
        disable_user(connection, act(), "anna")
    assert found(start()) is None


def test_another_role_counts_from_the_next_request_on(database, act, start, found) -> None:
    value = start()
    with database.write() as connection:
        change_role(connection, act(), "anna", "admin")
    assert found(value).principal.role == "admin"


def test_another_password_ends_every_session(database, act, start, found) -> None:
    values = [start(), start()]
    with database.write() as connection:
        change_password(connection, act(), "anna", "hash")
    assert [found(value) for value in values] == [None, None]


def test_a_stolen_cookie_is_worth_nothing_after_the_logout(database, start, found) -> None:
    value = start()
    with database.write() as connection:
        assert end_session(connection, value)
        assert not end_session(connection, value)
    assert found(value) is None


def test_logging_out_everywhere_ends_every_session_of_one_user(
    database, clock, person, start, found
) -> None:
    mine, bea = [start(), start()], person("bea")
    with database.write() as connection:
        other = start_session(connection, bea.id, now=clock(), limits=LIMITS)
        user = found(mine[0]).principal.id
        assert end_every_session(connection, user) == 2
    assert [found(value) for value in mine] == [None, None]
    assert found(other) is not None


def test_a_login_rotates_the_cookie_the_browser_had(start, found) -> None:
    before = start()
    after = start(instead=before)
    assert after != before
    assert found(before) is None
    assert found(after) is not None


def test_many_logins_of_one_user_keep_the_last_ten(start, found) -> None:
    values = [start() for _ in range(12)]
    assert [found(value) is not None for value in values] == [False] * 2 + [True] * 10


def test_what_is_over_is_swept_and_what_is_not_stays(database, clock, start, found) -> None:
    start()
    clock.move(hours=2)
    value = start()
    with database.write() as connection:
        assert sweep_sessions(connection, now=clock(), limits=LIMITS) == 1
    assert found(value) is not None
    clock.move(hours=13)
    with database.write() as connection:
        assert sweep_sessions(connection, now=clock(), limits=LIMITS) == 1


def test_other_limits_hold_as_well(database, clock, person) -> None:
    user = person("carl")
    limits = Limits(idle=timedelta(minutes=5), absolute=timedelta(minutes=8))
    with database.write() as connection:
        value = start_session(connection, user.id, now=clock(), limits=limits)
    clock.move(minutes=7)
    with database.read() as connection:
        assert find_session(connection, value, now=clock(), limits=limits) is None


def test_the_cookie_of_an_https_site_belongs_to_its_host_alone() -> None:
    cookie = session_cookie("value", secure=True)
    assert cookie.name.startswith("__Host-")
    assert cookie.secure
    assert session_cookie("", secure=True).max_age_s == 0
