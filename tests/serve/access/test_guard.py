from __future__ import annotations

import logging
import threading

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event

from hilum.errors import ConfigError
from hilum.serve.access.errors import (
    AccessError,
    BusyError,
    ForbiddenError,
    NotLoggedInError,
    TooManyError,
)
from hilum.serve.access.guard import AccessSettings, Guard
from hilum.serve.access.limits import RATES, Limiter, Rate
from hilum.serve.access.passwords import Passwords
from hilum.serve.access.tokens import create_token, list_tokens, revoke_token
from hilum.serve.access.users import change_password, disable_user, user_named
from hilum.serve.storage.audit import record
from hilum.serve.storage.errors import FullError, UnavailableError

GOOD = "quiet river stone lamp"
OWN = {"origin": "https://hilum.example"}


@pytest.fixture
def entered(guard, asked, person):
    """A guard, and the request of a browser that logged in."""
    person()
    door = guard(public_url="https://hilum.example")
    cookie = door.login(asked("POST"), name="anna", password=GOOD).cookie

    def browser(method: str = "GET", **more):
        return asked(method, cookies={cookie.name: cookie.value}, **more)

    return door, browser


def test_a_name_and_its_password_become_a_session(entered) -> None:
    door, browser = entered
    assert door.identify(browser()).name == "anna"


@pytest.mark.parametrize("case", ["unknown", "wrong", "disabled", "through oidc"])
def test_every_refused_login_looks_and_costs_the_same(
    *, case, asked, person, database, act
) -> None:
    person("anna")
    name, password = {"unknown": ("eve", GOOD), "wrong": ("anna", "x")}.get(case, ("anna", GOOD))
    with database.write() as connection:
        if case == "disabled":
            disable_user(connection, act(), "anna")
        if case == "through oidc":
            from hilum.serve.access.users import add_user

            add_user(connection, act(), name="bea", role="reader", subject="https://id 1")
            name = "bea"
    writes = []
    event.listen(
        database._engine, "commit",
        lambda connection: writes.append(connection.get_execution_options().get("hilum_write")),
    )  # fmt: skip
    verified = []

    class Counted(PasswordHasher):
        def verify(self, hash, password):  # noqa: A002
            verified.append(password)
            return super().verify(hash, password)

    passwords = Passwords(Counted(time_cost=1, memory_cost=64, parallelism=1))
    settings = AccessSettings(login_required=True)
    door = Guard(database, settings, record=record, passwords=passwords)
    with pytest.raises(NotLoggedInError, match="The name or the password is wrong") as caught:
        door.login(asked("POST"), name=name, password=password)
    assert caught.value.detail == "The name or the password is wrong."
    assert len(verified) == 1
    assert writes == [True, None, True]


def test_a_login_ends_the_session_the_browser_had(entered) -> None:
    door, browser = entered
    again = door.login(browser("POST", **OWN), name="anna", password=GOOD)
    with pytest.raises(NotLoggedInError):
        door.identify(browser())
    assert again.cookie.value


def test_a_login_from_another_site_s_form_is_refused(guard, asked, person) -> None:
    person()
    door = guard(public_url="https://hilum.example")
    with pytest.raises(ForbiddenError, match="another site"):
        door.login(asked("POST", origin="https://evil.example"), name="anna", password=GOOD)


def test_a_stolen_cookie_after_the_logout_is_nobody(entered) -> None:
    door, browser = entered
    csrf = door.identify(browser()).csrf
    gone = door.logout(browser("POST", csrf=csrf, **OWN))
    assert (gone.value, gone.max_age_s) == ("", 0)
    with pytest.raises(NotLoggedInError):
        door.identify(browser())


def test_logging_out_everywhere_ends_the_other_browser_s_session_too(entered, asked) -> None:
    door, browser = entered
    other = door.login(asked("POST"), name="anna", password=GOOD).cookie
    door.logout(browser("POST", csrf=door.identify(browser()).csrf, **OWN), everywhere=True)
    with pytest.raises(NotLoggedInError):
        door.identify(asked(cookies={other.name: other.value}))


def test_another_site_cannot_log_a_reader_out(entered) -> None:
    door, browser = entered
    with pytest.raises(ForbiddenError, match="Expected the header Origin"):
        door.logout(browser("POST"))
    assert door.identify(browser()).name == "anna"


def test_a_change_by_cookie_needs_the_session_s_token_and_the_site_s_origin(entered) -> None:
    door, browser = entered
    csrf = door.identify(browser()).csrf
    assert door.identify(browser("POST", csrf=csrf, **OWN)).name == "anna"
    assert door.identify(browser("DELETE", x_csrf_token=csrf, **OWN)).name == "anna"
    with pytest.raises(ForbiddenError, match="of another login"):
        door.identify(browser("POST", **OWN))
    with pytest.raises(ForbiddenError, match="another site"):
        door.identify(browser("POST", csrf=csrf, origin="https://evil.example"))


def test_one_session_s_csrf_token_is_no_good_in_another(entered, asked) -> None:
    door, browser = entered
    other = door.login(asked("POST"), name="anna", password=GOOD).cookie
    csrf = door.identify(asked(cookies={other.name: other.value})).csrf
    with pytest.raises(ForbiddenError, match="of another login"):
        door.identify(browser("POST", csrf=csrf, **OWN))


def test_an_https_site_takes_no_cookie_that_http_could_have_set(entered, asked) -> None:
    door, browser = entered
    value = next(iter(browser().cookies.values()))
    with pytest.raises(NotLoggedInError):
        door.identify(asked(cookies={"hilum_session": value}))


def test_a_page_that_polls_keeps_nobody_logged_in(entered, clock) -> None:
    door, browser = entered
    for _ in range(5):
        clock.move(minutes=14)
        try:
            door.identify(browser(x_hilum_background="1"))
        except NotLoggedInError:
            break
    with pytest.raises(NotLoggedInError):
        door.identify(browser())


def test_a_reader_who_works_stays_logged_in(entered, clock) -> None:
    door, browser = entered
    for _ in range(10):
        clock.move(minutes=45)
        assert door.identify(browser()).name == "anna"


@pytest.fixture
def program(database, act):
    with database.write() as connection:
        return create_token(connection, act(), name="ris", role="program", days=1)[0]


def bearer(value: str) -> dict[str, str]:
    return {"authorization": f"Bearer {value}"}


def test_a_program_with_a_token_needs_no_csrf_token_and_no_origin(guard, asked, program) -> None:
    who = guard().identify(asked("POST", **bearer(program)))
    assert (who.name, who.kind) == ("token:ris", "token")


def test_a_token_that_is_no_good_is_refused_though_the_cookie_is(entered, program) -> None:
    door, browser = entered
    with pytest.raises(NotLoggedInError):
        door.identify(browser(**bearer(program[:-1] + "!")))


def test_a_revoked_and_an_expired_token_are_nobody(
    *, guard, asked, program, database, act, clock
) -> None:
    door = guard()
    with database.write() as connection:
        other = create_token(connection, act(), name="pacs", role="program", days=9)[0]
        revoke_token(connection, act(), "pacs")
    with pytest.raises(NotLoggedInError):
        door.identify(asked(**bearer(other)))
    clock.move(days=1, minutes=2)
    with pytest.raises(NotLoggedInError) as caught:
        door.identify(asked(**bearer(program)))
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_proxy_s_own_authorization_header_does_not_hide_the_cookie(entered) -> None:
    door, browser = entered
    assert door.identify(browser(authorization="Basic cHJveHk6cHJveHk=")).name == "anna"


def test_when_a_token_was_used_is_written_down(guard, asked, program, database, clock) -> None:
    door = guard()
    door.identify(asked(**bearer(program)))
    with database.read() as connection:
        assert list_tokens(connection)[0].seen_at == clock()


@pytest.mark.parametrize("error", [FullError("disk"), UnavailableError("gone")])
def test_a_full_disk_keeps_nobody_from_reading(
    entered, clock, monkeypatch, caplog, error: Exception
) -> None:
    door, browser = entered
    clock.move(minutes=5)

    def write():
        raise error

    monkeypatch.setattr(door._database, "write", write)
    with caplog.at_level(logging.WARNING):
        assert door.identify(browser()).name == "anna"
    assert "could not note" in caplog.text


def test_whoever_sits_at_a_fresh_machine_is_let_in_without_a_login(guard, asked) -> None:
    who = guard(login_required=False).identify(asked(address="127.0.0.1"))
    assert (who.kind, who.name) == ("local", "local")


@pytest.mark.parametrize(
    "request_",
    [
        {"address": "10.0.0.5"},
        {"address": ""},
        {"address": "127.0.0.1", "x_forwarded_for": "203.0.113.9"},
        {"address": "127.0.0.1", "forwarded": "for=203.0.113.9"},
        {"address": "127.0.0.1", "via": "1.1 proxy"},
    ],
)
def test_who_does_not_sit_at_the_machine_is_nobody(guard, asked, request_) -> None:
    with pytest.raises(NotLoggedInError):
        guard(login_required=False).identify(asked(**request_))


def test_without_a_login_another_site_s_page_is_refused(guard, asked) -> None:
    door = guard(login_required=False)
    for method in ("GET", "POST"):
        with pytest.raises(ForbiddenError, match="another site"):
            door.identify(asked(method, address="127.0.0.1", sec_fetch_site="cross-site"))


def test_the_first_user_closes_the_open_door_while_the_server_runs(guard, asked, person) -> None:
    door = guard(login_required=False)
    assert door.identify(asked(address="127.0.0.1")).name == "local"
    person()
    with pytest.raises(NotLoggedInError):
        door.identify(asked(address="127.0.0.1"))


def test_where_login_is_required_this_machine_is_nobody_too(guard, asked) -> None:
    with pytest.raises(NotLoggedInError):
        guard().identify(asked(address="127.0.0.1"))


def test_guesses_at_a_password_must_wait_and_are_not_looked_at(guard, asked, person) -> None:
    person()
    door = guard()
    for _ in range(5):
        with pytest.raises(NotLoggedInError):
            door.login(asked("POST"), name="anna", password="wrong")
    with pytest.raises(TooManyError, match="Too many wrong passwords") as caught:
        door.login(asked("POST"), name="anna", password=GOOD)
    assert caught.value.headers["Retry-After"] == "1"


def test_a_hundred_guesses_at_once_are_not_one(guard, asked, person, database, passwords) -> None:
    person()
    rates = {kind: Rate(a_second=1000, burst=1000) for kind in RATES}
    settings = AccessSettings(login_required=True)
    looked = []

    class Counted(Passwords):
        def fits(self, kept, password):
            looked.append(password)
            return passwords.fits(kept, password)

    door = Guard(database, settings, record=record, passwords=Counted(), limiter=Limiter(rates))
    ends = []

    def guess() -> None:
        try:
            door.login(asked("POST"), name="anna", password="wrong")
        except AccessError as error:
            ends.append(error.status)

    threads = [threading.Thread(target=guess) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked) == 5
    assert sorted(ends) == [401] * 5 + [429] * 19


def test_logins_at_once_each_get_their_own_session(guard, asked, person) -> None:
    people = [f"reader {number}" for number in range(8)]
    for name in people:
        person(name)
    door, cookies = guard(), {}

    def enter(name: str) -> None:
        cookies[name] = door.login(asked("POST"), name=name, password=GOOD).cookie

    threads = [threading.Thread(target=enter, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in people:
        cookie = cookies[name]
        assert door.identify(asked(cookies={cookie.name: cookie.value})).name == name


def test_an_address_that_logs_in_without_pause_must_wait(guard, asked) -> None:
    door, ends = guard(), []
    for number in range(25):
        with pytest.raises(AccessError) as caught:
            door.login(asked("POST"), name=f"name {number}", password="wrong")
        ends.append(caught.value.status)
    assert ends == [401] * 20 + [429] * 5


def test_a_busy_server_does_not_count_what_it_did_not_look_at(guard, asked, person) -> None:
    person()
    door = guard()

    class Busy(Passwords):
        def fits(self, kept, password):
            raise BusyError

    real, door._passwords = door._passwords, Busy()
    for _ in range(8):
        with pytest.raises(BusyError):
            door.login(asked("POST"), name="anna", password=GOOD)
    door._passwords = real
    assert door.login(asked("POST"), name="anna", password=GOOD).name == "anna"


def test_a_hash_of_old_parameters_is_renewed_at_a_login(guard, asked, person, database) -> None:
    person()
    door = guard()
    door._passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    door.login(asked("POST"), name="anna", password=GOOD)
    with database.read() as connection:
        kept = user_named(connection, "anna").password
    assert not door._passwords.is_outdated(kept)
    assert door.login(asked("POST"), name="anna", password=GOOD).name == "anna"


def test_a_password_changed_while_it_was_checked_lets_nobody_in(
    *, guard, asked, person, database, act, passwords
) -> None:
    person()
    door = guard()

    class Overtaken(Passwords):
        def fits(self, kept, password):
            with database.write() as connection:
                change_password(connection, act(), "anna", passwords.hashed("another one now"))
            return passwords.fits(kept, password)

        def is_outdated(self, kept):
            return False

    door._passwords = Overtaken()
    with pytest.raises(NotLoggedInError, match="The name or the password is wrong"):
        door.login(asked("POST"), name="anna", password=GOOD)


def test_a_user_disabled_while_the_password_was_checked_stays_out(
    *, guard, asked, person, database, act, passwords
) -> None:
    person()
    door = guard()

    class Overtaken(Passwords):
        def fits(self, kept, password):
            with database.write() as connection:
                disable_user(connection, act(), "anna")
            return passwords.fits(kept, password)

        def is_outdated(self, kept):
            return False

    door._passwords = Overtaken()
    with pytest.raises(ForbiddenError, match="This account is disabled"):
        door.login(asked("POST"), name="anna", password=GOOD)


def test_changing_one_s_password_needs_the_old_one_and_ends_every_session(entered, asked) -> None:
    door, browser = entered
    who = door.identify(browser())
    with pytest.raises(NotLoggedInError, match="password is wrong"):
        door.change_own_password(asked("POST"), who, old="wrong", new="seven green herons fly")
    with pytest.raises(AccessError, match="12 to 128 characters") as caught:
        door.change_own_password(asked("POST"), who, old=GOOD, new="short")
    assert caught.value.status == 422
    fresh = door.change_own_password(
        asked("POST"), who, old=GOOD, new="seven green herons fly"
    ).cookie
    with pytest.raises(NotLoggedInError):
        door.identify(browser())
    assert door.identify(asked(cookies={fresh.name: fresh.value})).name == "anna"
    with pytest.raises(NotLoggedInError):
        door.login(asked("POST"), name="anna", password=GOOD)


def test_a_program_has_no_password_to_change(guard, asked, program) -> None:
    door = guard()
    who = door.identify(asked(**bearer(program)))
    with pytest.raises(ForbiddenError, match="Only a person"):
        door.change_own_password(asked("POST"), who, old="x", new="seven green herons fly")


def test_logins_logouts_and_refusals_are_in_the_audit_trail(entered, asked, entries) -> None:
    door, browser = entered
    for name in ("anna", "hunter2 is my password"):
        with pytest.raises(NotLoggedInError):
            door.login(asked("POST"), name=name, password="wrong words here")
    door.logout(browser("POST", csrf=door.identify(browser()).csrf, **OWN))
    assert entries()[1:] == [
        ("anna", "log in", "anna"),
        ("unknown", "fail to log in", "anna"),
        ("unknown", "fail to log in", "unknown"),
        ("anna", "log out", "anna"),
    ]


def test_no_password_and_no_hostile_line_reaches_the_log(guard, asked, person, caplog) -> None:
    person()
    door = guard()
    with caplog.at_level(logging.DEBUG, logger="hilum"):
        for name in ("anna", "eve\nINFO admin logged in"):
            with pytest.raises(NotLoggedInError):
                door.login(asked("POST"), name=name, password="hunter2 hunter2")
    assert "hunter2" not in caplog.text
    assert all(len(message.splitlines()) == 1 for message in caplog.messages)
    assert len(caplog.messages) == 2


def test_one_who_asks_too_much_is_told_to_wait_and_others_are_not(guard, asked, program) -> None:
    door = guard()
    rates = {kind: Rate(a_second=1, burst=4) for kind in RATES}
    door._limiter = Limiter(rates)
    for _ in range(4):
        door.identify(asked(**bearer(program)))
    with pytest.raises(TooManyError):
        door.identify(asked(**bearer(program)))
    with pytest.raises(NotLoggedInError):
        door.identify(asked(address="10.0.0.6"))
    with pytest.raises(TooManyError):
        door.identify(asked(address="10.0.0.7", **bearer(program)))


@pytest.mark.parametrize("url", ["hilum.example", "ftp://x", "https://", "https://x/path"])
def test_a_public_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="Expected a public URL"):
        AccessSettings(login_required=True, public_url=url)


def test_names_that_are_answered_follow_from_how_the_server_is_reached() -> None:
    assert AccessSettings(login_required=False).allowed_hosts == ()
    assert AccessSettings(login_required=True).allowed_hosts is None
    public = AccessSettings(login_required=True, public_url="https://hilum.example")
    assert public.allowed_hosts == ("hilum.example",)
    tls = AccessSettings(login_required=True, https=True)
    assert (tls.allowed_hosts, tls.secure, public.secure) == (None, True, True)
    assert not AccessSettings(login_required=True, public_url="http://10.0.0.1:8000").secure


def test_what_is_over_can_be_swept_at_any_time(entered, clock) -> None:
    from sqlalchemy import func, select

    from hilum.serve.storage.tables import sessions

    door, _ = entered
    clock.move(days=2)
    door.sweep()
    with door._database.read() as connection:
        assert connection.execute(select(func.count()).select_from(sessions)).scalar_one() == 0


def test_nobody_asks_without_end_either(guard, asked) -> None:
    door = guard()
    door._limiter = Limiter({kind: Rate(a_second=1, burst=4) for kind in RATES})
    for _ in range(4):
        with pytest.raises(NotLoggedInError):
            door.identify(asked())
    with pytest.raises(TooManyError, match="Try again in 1 s"):
        door.identify(asked())
