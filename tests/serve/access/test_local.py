from __future__ import annotations

import pytest

from hilum.errors import ConfigError
from hilum.serve.access.local import is_loopback, must_have_login
from hilum.serve.access.users import disable_user


def resolve(name: str) -> list[str]:
    known = {
        "localhost": ["127.0.0.1", "::1"],
        "workstation": ["127.0.1.1", "10.0.0.5"],
        "hospital.example": ["203.0.113.9"],
    }
    if name not in known:
        raise OSError("no such name")
    return known[name]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "::ffff:127.0.0.1"]
)
def test_these_reach_nobody_but_this_machine(host: str) -> None:
    assert is_loopback(host, resolve)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "[::]", "", "  ", "10.0.0.5", "fe80::1%eth0", "::ffff:10.0.0.5",
     "workstation", "hospital.example", "nowhere.example", "127.1", "0", "2130706433"],
)  # fmt: skip
def test_these_can_be_reached_by_others(host: str) -> None:
    assert not is_loopback(host, resolve)


def test_a_fresh_machine_that_serves_itself_needs_no_login(database) -> None:
    assert not must_have_login("127.0.0.1", database)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "hospital.example"])
def test_a_server_that_others_can_reach_does_not_start_without_a_user(database, host: str) -> None:
    with pytest.raises(ConfigError, match="hilum user add NAME --role admin"):
        must_have_login(host, database, resolve=resolve)


def test_a_server_that_others_can_reach_asks_for_a_login(database, person) -> None:
    person()
    assert must_have_login("0.0.0.0", database)


def test_a_server_behind_a_proxy_asks_for_a_login_though_it_listens_here(database, person) -> None:
    with pytest.raises(ConfigError, match="others can reach"):
        must_have_login("127.0.0.1", database, public_url="https://hilum.example")
    person()
    assert must_have_login("127.0.0.1", database, public_url="https://hilum.example")


def test_where_a_user_was_ever_added_login_is_required(database, person) -> None:
    person()
    assert must_have_login("127.0.0.1", database)


def test_disabling_the_last_user_does_not_open_the_server(database, act, person) -> None:
    person()
    with database.write() as connection:
        disable_user(connection, act(), "anna")
    with pytest.raises(ConfigError, match="Users exist, and nobody could log in"):
        must_have_login("127.0.0.1", database)


def test_an_identity_provider_is_as_good_as_a_user(database) -> None:
    assert must_have_login("0.0.0.0", database, oidc=True)
    assert must_have_login("127.0.0.1", database, oidc=True)
