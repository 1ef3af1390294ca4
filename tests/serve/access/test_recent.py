"""Programs that ask again within a moment are not looked up again, and never for longer."""

from __future__ import annotations

import pytest

from hilum.serve.access.errors import ForbiddenError, NotLoggedInError, TooManyError
from hilum.serve.access.guard import AccessSettings, Guard
from hilum.serve.access.limits import Limiter, Rate
from hilum.serve.access.principal import LOCAL
from hilum.serve.access.recent import Recent
from hilum.serve.access.tokens import create_token, revoke_token
from hilum.serve.storage.audit import record


class Ticks:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def door(database, passwords, clock, ticks):
    """Builds a guard whose moments pass when told to."""

    def build(**settings) -> Guard:
        rates = {"api": Rate(a_second=1000, burst=1000), "upload": Rate(1, 1), "login": Rate(1, 1)}
        return Guard(
            database, AccessSettings(login_required=settings.pop("login_required", True)),
            record=record, passwords=passwords, limiter=settings.pop("limiter", Limiter(rates)),
            recent=Recent(1.0, tick=ticks), now=clock,
        )  # fmt: skip

    return build


@pytest.fixture
def program(database, act, asked):
    """A program's request, with the token it sends."""
    with database.write() as connection:
        value, _ = create_token(connection, act(), name="pacs", role="program", days=1)
    return asked("POST", authorization=f"Bearer {value}")


@pytest.fixture
def sitting(asked):
    """A request of whoever sits at the machine."""

    def ask(**more):
        return asked("GET", address="127.0.0.1", **{"host": "127.0.0.1:8000", **more})

    return ask


def _known(guard: Guard, program) -> None:
    guard.identify(program)  # the first notes that the token was used; the second finds it so
    guard.identify(program)


def _assert_nobody(guard: Guard, asked) -> None:
    assert guard.at_once(asked) is None
    with pytest.raises(NotLoggedInError):
        guard.identify(asked)


def test_a_program_that_was_just_looked_up_is_known_at_once(door, program, ticks) -> None:
    guard = door()
    assert guard.at_once(program) is None
    _known(guard, program)
    ticks.now += 0.9
    found = guard.at_once(program)
    assert found is not None
    assert found.name == "token:pacs"


def test_a_revoked_token_is_nobody_within_a_second(door, program, ticks, database, act) -> None:
    guard = door()
    _known(guard, program)
    with database.write() as connection:
        revoke_token(connection, act(), "pacs")
    ticks.now += 1.0
    _assert_nobody(guard, program)


def test_a_token_that_expires_is_nobody_from_that_moment(door, program, clock) -> None:
    guard = door()
    _known(guard, program)
    clock.move(days=2)
    _assert_nobody(guard, program)


def test_another_token_is_not_known(door, program, asked) -> None:
    guard = door()
    _known(guard, program)
    for value in ("", "hilum_" + "0" * 49, "\ud800"):
        assert guard.at_once(asked("POST", authorization=f"Bearer {value}")) is None


def test_a_person_is_looked_up_always(door, person, asked) -> None:
    person()
    guard = door()
    cookie = guard.login(asked("POST"), name="anna", password="quiet river stone lamp").cookie
    request = asked(cookies={cookie.name: cookie.value})
    assert guard.identify(request).name == "anna"
    assert guard.at_once(request) is None


def test_who_sits_here_is_known_until_there_is_a_user(door, sitting, person, ticks) -> None:
    guard = door(login_required=False)
    assert guard.at_once(sitting()) is None
    assert guard.identify(sitting()) is LOCAL
    assert guard.at_once(sitting()) is LOCAL
    person()
    ticks.now += 1.0
    _assert_nobody(guard, sitting())
    assert guard.at_once(sitting()) is None


def test_what_would_not_be_let_in_is_not_let_in_at_once(door, sitting, asked) -> None:
    guard = door(login_required=False)
    guard.identify(sitting())
    assert guard.at_once(sitting(x_forwarded_for="10.0.0.9")) is None
    assert guard.at_once(asked()) is None
    with pytest.raises(ForbiddenError, match="another site"):
        guard.at_once(sitting(sec_fetch_site="cross-site", origin="https://evil.example"))


def test_what_is_known_at_once_is_counted_all_the_same(door, program) -> None:
    rates = {"api": Rate(a_second=0.001, burst=6), "upload": Rate(1, 1), "login": Rate(1, 1)}
    guard = door(limiter=Limiter(rates))
    _known(guard, program)
    with pytest.raises(TooManyError, match="requests a second"):
        _ = [guard.at_once(program) for _ in range(8)]


def test_few_are_kept(ticks) -> None:
    recent = Recent(1.0, tick=ticks)
    for number in range(1000):
        recent.keep_token(str(number), object(), ticks.now)  # type: ignore[arg-type]
    assert recent.token("999") is not None
    assert sum(recent.token(str(number)) is not None for number in range(1000)) <= 256
