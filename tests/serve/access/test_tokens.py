from __future__ import annotations

import pytest
from sqlalchemy import select

from hilum.errors import ConfigError
from hilum.serve.access.tokens import (
    PATTERN,
    create_token,
    find_token,
    is_token,
    list_tokens,
    revoke_token,
    touch_token,
)
from hilum.serve.storage.errors import ConflictError, NotFoundError
from hilum.serve.storage.tables import tokens


@pytest.fixture
def create(database, act):
    def make(name: str = "ris", role: str = "program", days: int | None = 30) -> str:
        with database.write() as connection:
            return create_token(connection, act(), name=name, role=role, days=days)[0]

    return make


@pytest.fixture
def found(database, clock):
    def find(value: str):
        with database.read() as connection:
            return find_token(connection, value, now=clock())

    return find


def test_a_token_says_which_program_it_is(create, found) -> None:
    principal = found(create()).principal
    assert (principal.kind, principal.name, principal.role) == ("token", "token:ris", "program")
    assert principal.csrf == ""


def test_a_scanner_finds_a_token_and_tells_it_from_a_word_that_looks_like_one(create) -> None:
    value = create()
    assert PATTERN.search(f"curl -H 'Authorization: Bearer {value}'")[0] == value
    assert is_token(value)
    changed = value[:20] + ("a" if value[20] != "a" else "b") + value[21:]
    assert PATTERN.fullmatch(changed)
    assert not is_token(changed)


def test_tokens_differ_in_all_their_256_bits(create) -> None:
    values = [create(f"ris {number}") for number in range(40)]
    assert len(set(values)) == 40
    for place in range(7, 49):
        assert len({value[place] for value in values}) > 5


def test_the_table_does_not_hold_the_token(database, create) -> None:
    value = create()
    with database.read() as connection:
        assert value not in str(connection.execute(select(tokens)).all())


@pytest.mark.parametrize("value", ["", "hilum_", "hilum_" + "0" * 49, "ä" * 55, "x" * 100_000])
def test_a_token_that_was_never_given_is_nobody(create, found, value: str) -> None:
    create()
    assert found(value) is None


def test_an_expired_token_is_no_good_a_minute_after(create, found, clock) -> None:
    value = create(days=1)
    clock.move(days=1, seconds=60)
    assert found(value) is not None
    clock.move(seconds=1)
    assert found(value) is None


def test_a_token_without_an_end_is_good_for_ever(create, found, clock) -> None:
    value = create(days=None)
    clock.move(days=5000)
    assert found(value) is not None


def test_a_token_of_tomorrow_is_not_believed(create, found, clock) -> None:
    clock.move(days=1)
    value = create()
    clock.move(days=-1)
    assert found(value) is None


def test_a_revoked_token_is_no_good_at_once(database, act, create, found) -> None:
    value, other = create(), create("pacs")
    with database.write() as connection:
        assert revoke_token(connection, act(), "RIS") == 1
        assert revoke_token(connection, act(), "ris") == 0
    assert found(value) is None
    assert found(other) is not None


def test_a_token_can_be_revoked_by_its_id(database, act, create, found) -> None:
    value = create()
    with database.write() as connection:
        revoke_token(connection, act(), list_tokens(connection)[0].id)
    assert found(value) is None


def test_a_token_that_nobody_made_cannot_be_revoked(database, act) -> None:
    with (
        database.write() as connection,
        pytest.raises(NotFoundError, match="There is no token 'ris'"),
    ):
        revoke_token(connection, act(), "ris")


def test_a_good_token_s_name_is_taken_and_a_revoked_one_s_is_free(database, act, create) -> None:
    create()
    with pytest.raises(ConflictError, match="a token 'ris' already"):
        create("Ris")
    with database.write() as connection:
        revoke_token(connection, act(), "ris")
    create()


@pytest.mark.parametrize("role", ["admin", "second_reader", "local", "root"])
def test_no_token_takes_a_role_that_needs_a_person(create, role: str) -> None:
    with pytest.raises(ConfigError, match="expected one of program, exporter, monitor, reader"):
        create(role=role)


@pytest.mark.parametrize("days", [0, -1, 4000])
def test_a_token_s_days_are_bounded(create, days: int) -> None:
    with pytest.raises(ConfigError, match="1 to 3650 days"):
        create(days=days)


def test_being_used_is_written_at_most_once_a_minute(database, create, found, clock) -> None:
    token = found(create())
    assert token.is_due(clock())
    with database.write() as connection:
        touch_token(connection, token, now=clock())
        again = list_tokens(connection)[0]
    assert again.seen_at == clock()
    clock.move(seconds=59)
    assert not again.is_due(clock())
    clock.move(seconds=1)
    assert again.is_due(clock())


def test_making_and_revoking_are_in_the_audit_trail_without_the_token(
    database, act, create, entries
) -> None:
    value = create()
    with database.write() as connection:
        revoke_token(connection, act(), "ris")
    assert entries() == [
        ("root", "create token", "token:ris"),
        ("root", "revoke token", "token:ris"),
    ]
    assert value not in str(entries())
