from __future__ import annotations

import pytest

from hilum.errors import ConfigError
from hilum.serve.access.users import (
    add_user,
    any_user,
    change_password,
    change_role,
    disable_user,
    enable_user,
    list_users,
    user_named,
)
from hilum.serve.storage.errors import ConflictError, NotFoundError


def test_a_user_is_found_in_any_spelling_and_shown_as_typed(database, person) -> None:
    person("Anna Körner", role="admin")
    with database.read() as connection:
        found = user_named(connection, "ANNA KO\u0308RNER")
    assert found is not None
    assert (found.name, found.shown_name, found.role) == ("anna körner", "Anna Körner", "admin")


def test_a_name_is_taken_in_every_spelling(person) -> None:
    person("Anna")
    with pytest.raises(ConflictError, match="a user 'anna' already"):
        person("ANNA")


def test_a_name_that_is_taken_leaves_the_rest_of_the_transaction(database, act, person) -> None:
    person("anna")
    with database.write() as connection:
        with pytest.raises(ConflictError, match="already"):
            add_user(connection, act(), name="anna", role="reader")
        add_user(connection, act(), name="bea", role="reader")
    with database.read() as connection:
        assert [user.name for user in list_users(connection)] == ["anna", "bea"]


def test_a_role_that_is_none_is_refused(database, act, person) -> None:
    with pytest.raises(ConfigError, match="expected one of reader, second_reader, admin"):
        person("anna", role="program")
    person("anna")
    with (
        database.write() as connection,
        pytest.raises(ConfigError, match="got 'root'"),
    ):
        change_role(connection, act(), "anna", "root")


def test_a_disabled_user_stays_in_the_list_and_can_be_enabled(database, act, person) -> None:
    person("anna")
    with database.write() as connection:
        disable_user(connection, act(), "ANNA")
        assert not any_user(connection, enabled=True)
        assert any_user(connection)
        enable_user(connection, act(), "anna")
        assert any_user(connection, enabled=True)


def test_nobody_of_that_name_is_said_so(database, act) -> None:
    for change in (disable_user, enable_user):
        with (
            database.write() as connection,
            pytest.raises(NotFoundError, match="There is no user 'eve'"),
        ):
            change(connection, act(), "Eve")


def test_who_comes_through_oidc_gets_no_password(database, act) -> None:
    with database.write() as connection:
        add_user(connection, act(), name="bea", role="reader", subject="https://id 1")
        with pytest.raises(ConfigError, match="through the identity provider"):
            change_password(connection, act(), "bea", "hash")


def test_every_change_of_a_user_is_in_the_audit_trail(database, act, person, entries) -> None:
    person("anna")
    with database.write() as connection:
        change_role(connection, act(), "anna", "admin")
        change_password(connection, act(), "anna", "hash")
        disable_user(connection, act(), "anna")
        enable_user(connection, act(), "anna")
    actions = ["add user", "change role", "change password", "disable user", "enable user"]
    assert entries() == [("root", action, "anna") for action in actions]


def test_a_user_s_repr_does_not_hold_the_hash(person) -> None:
    assert "argon2" not in repr(person("anna"))
