from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.errors import ConfigError
from hilum.serve.access import passwords as module
from hilum.serve.access.tokens import find_token
from hilum.serve.access.users import user_named
from hilum.serve.clock import utc_now
from hilum.serve.place import database_url, opened_database
from hilum.serve.storage.audit import verify
from hilum.serve.storage.errors import ConflictError, NotFoundError

GOOD = "quiet river stone lamp"


@pytest.fixture(autouse=True)
def cheap(monkeypatch, passwords) -> None:
    monkeypatch.setattr(module, "Passwords", lambda: passwords)


@pytest.fixture
def run(tmp_path: Path):
    def call(*words: str, typed: str = "", ok: bool = True) -> Result:
        arguments = [*words, "--data", str(tmp_path / "data")]
        done = CliRunner().invoke(app, arguments, input=typed)
        if ok:
            assert done.exit_code == 0, done.output
        elif isinstance(done.exception, Exception) and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return call


@pytest.fixture
def opened(tmp_path: Path):
    with opened_database(tmp_path / "data") as database:
        yield database


def test_a_user_is_added_with_a_password_from_standard_input(run, opened, passwords) -> None:
    done = run("user", "add", "Anna", "--role", "admin", "--password-stdin", typed=f"{GOOD}\n")
    assert done.stdout == "anna: admin\n"
    assert GOOD not in done.output
    with opened.read() as connection:
        user = user_named(connection, "anna")
    assert user.role == "admin"
    assert passwords.fits(user.password, GOOD)


def test_a_password_is_asked_for_twice_and_not_shown(run, monkeypatch) -> None:
    import hilum.cli.user as command

    asked = []

    def prompt(text: str, **options: object) -> str:
        asked.append(options)
        return GOOD

    monkeypatch.setattr(command.typer, "prompt", prompt)
    monkeypatch.setattr(command, "sys", type("Sys", (), {"stdin": type("In", (), {
        "isatty": staticmethod(lambda: True)})}))  # fmt: skip
    run("user", "add", "anna")
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": True}]


def test_without_a_terminal_it_says_how_to_give_a_password(run) -> None:
    done = run("user", "add", "anna", ok=False)
    assert done.exit_code == 2
    assert "--password-stdin" in done.output


def test_no_command_takes_a_password_as_an_argument(run) -> None:
    for command in ("add", "password"):
        done = run("user", command, "anna", "--password", GOOD, ok=False)
        assert done.exit_code == 2


def test_a_password_that_is_too_easy_adds_nobody(run, opened) -> None:
    with pytest.raises(ConfigError, match="12 to 128 characters"):
        run("user", "add", "anna", "--password-stdin", typed="short\n", ok=False)
    with opened.read() as connection:
        assert user_named(connection, "anna") is None


def test_users_are_listed_for_people_and_machines_without_their_hashes(run) -> None:
    assert "nobody" in run("user", "list").stderr
    run("user", "add", "Bea", "--password-stdin", typed=f"{GOOD}\n")
    assert run("user", "list").stdout.startswith("bea ")
    rows = json.loads(run("user", "list", "--json").stdout)
    assert [(row["name"], row["role"], row["disabled"]) for row in rows] == [
        ("bea", "reader", False)
    ]
    assert "argon2" not in str(rows)


def test_a_user_is_disabled_enabled_changed_and_unlocked(run, opened, passwords) -> None:
    run("user", "add", "anna", "--password-stdin", typed=f"{GOOD}\n")
    run("user", "disable", "ANNA")
    assert "disabled" in run("user", "list").stdout
    run("user", "enable", "anna")
    run("user", "role", "anna", "second_reader")
    run("user", "password", "anna", "--password-stdin", typed="seven green herons fly\n")
    assert run("user", "unlock", "anna").stdout == "anna: 0 counts forgotten\n"
    with opened.read() as connection:
        user = user_named(connection, "anna")
        assert verify(connection) is None
    assert (user.role, user.disabled_at) == ("second_reader", None)
    assert passwords.fits(user.password, "seven green herons fly")


def test_who_is_not_there_and_who_is_already_are_said_so(run) -> None:
    with pytest.raises(NotFoundError, match="There is no user 'eve'"):
        run("user", "disable", "eve", ok=False)
    run("user", "add", "anna", "--password-stdin", typed=f"{GOOD}\n")
    with pytest.raises(ConflictError, match="a user 'anna' already"):
        run("user", "add", "ANNA", "--password-stdin", typed=f"{GOOD}\n", ok=False)


def test_a_token_is_shown_once_alone_on_standard_output(run, opened) -> None:
    done = run("token", "create", "ris")
    value = done.stdout.strip()
    with opened.read() as connection:
        token = find_token(connection, value, now=utc_now())
    assert (token.name, token.role) == ("ris", "program")
    assert value not in done.stderr
    assert "only time it is shown" in done.stderr
    assert value not in run("token", "list").output
    assert value not in run("token", "list", "--json").output


def test_a_token_is_listed_and_revoked(run, opened) -> None:
    assert "no tokens" in run("token", "list").stderr
    made = json.loads(run("token", "create", "grafana", "--role", "monitor", "--days", "0",
                          "--json").stdout)  # fmt: skip
    assert made["expires_at"] is None
    assert run("token", "revoke", "grafana").stdout == "grafana: 1 revoked\n"
    rows = json.loads(run("token", "list", "--json").stdout)
    assert [(row["name"], row["good"]) for row in rows] == [("grafana", False)]
    assert rows[0]["created_by"].startswith("cli:")
    assert "over" in run("token", "list").stdout
    with opened.read() as connection:
        assert find_token(connection, made["token"], now=utc_now()) is None


def test_the_folder_of_a_server_is_made_for_its_owner_alone(run, tmp_path: Path) -> None:
    run("user", "list")
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "hilum.db").is_file()


def test_a_database_named_by_url_needs_no_folder(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    done = CliRunner().invoke(app, ["user", "list", "--database", url])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "other.db").is_file()
    assert database_url(tmp_path, url) == url


@pytest.mark.parametrize("command", ["user", "token"])
def test_the_commands_without_the_extra_say_how_to_install_it(tmp_path: Path, command: str) -> None:
    script = (
        f"import sys; sys.argv = ['hilum', {command!r}, 'list']\n"
        "sys.modules['sqlalchemy'] = None\n"
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'sqlalchemy' else real(name, *a)\n"
        "from hilum.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "pip install 'hilum[serve]'" in done.stderr
