"""`hilum user ...`: the people who may use a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option, echo

from hilum.cli.console import note, print_json
from hilum.cli.place_options import Data, Database
from hilum.serve.place import DATA, opened_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hilum.serve.access.trail import Act

__all__ = ["acting", "user"]

user = typer.Typer(
    help="Add, list, disable people; change their roles and passwords.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, Argument(help="What the person is called; upper and lower case are one.")]
FromStdin = Annotated[
    bool, Option("--password-stdin", help="Read the password from standard input.")
]


class UserRole(str, Enum):  # noqa: UP042 - typer shows the values of a str Enum on 3.11 too
    """What a person may do."""

    READER = "reader"
    SECOND_READER = "second_reader"
    ADMIN = "admin"


@user.callback()
def ready() -> None:
    """Say what to install where it is missing."""
    from hilum.serve import need_extra

    need_extra()


@contextmanager
def acting(data: Path, database: str | None) -> Iterator[tuple[Connection, Act]]:
    """Yield a writing transaction, and who acts in it: the account of this machine."""
    from hilum.serve.access.trail import Act
    from hilum.serve.clock import utc_now
    from hilum.serve.storage.audit import record

    act = Act(actor=f"cli:{_account()}", now=utc_now(), record=record)
    with opened_database(data, database) as opened, opened.write() as connection:
        yield connection, act


@user.command("add", short_help="Add a person.")
def add(
    name: Name,
    *,
    role: Annotated[UserRole, Option(help="What they may do.")] = UserRole.READER,
    password_stdin: FromStdin = False,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Add a person, with a password that is asked for, or read with --password-stdin.

    It has 12 to 128 characters of any kind, and is never given on the command line.
    """
    from hilum.serve.access.users import add_user

    hashed = _hashed(name, from_stdin=password_stdin)
    with acting(data, database) as (connection, act):
        added = add_user(connection, act, name=name, role=role.value, password_hash=hashed)
    echo(f"{added.name}: {added.role}")


@user.command("list", short_help="List everyone.")
def list_(
    *,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """List everyone: name, role, how they log in, since when, and who is disabled."""
    from hilum.serve.access.users import list_users

    with acting(data, database) as (connection, _):
        found = list_users(connection)
    rows = [
        {
            "name": each.name,
            "role": each.role,
            "login": "password" if each.subject is None else "oidc",
            "created_at": each.created_at.isoformat(timespec="seconds"),
            "disabled": each.disabled_at is not None,
        }
        for each in found
    ]
    if json:
        print_json(rows)
        return
    for row in rows:
        ending = "  disabled" if row["disabled"] else ""
        echo(f"{row['name']:24} {row['role']:14} {row['login']:9} {row['created_at']}{ending}")
    if not rows:
        note("nobody; add someone with: hilum user add NAME --role admin")


@user.command("disable", short_help="Keep a person out, from now on.")
def disable(name: Name, *, data: Data = DATA, database: Database = None) -> None:
    """Keep a person from logging in, and end their sessions at once."""
    from hilum.serve.access.users import disable_user

    with acting(data, database) as (connection, act):
        echo(f"{disable_user(connection, act, name).name}: disabled")


@user.command("enable", short_help="Let a person in again.")
def enable(name: Name, *, data: Data = DATA, database: Database = None) -> None:
    """Let a disabled person log in again."""
    from hilum.serve.access.users import enable_user

    with acting(data, database) as (connection, act):
        echo(f"{enable_user(connection, act, name).name}: enabled")


@user.command("password", short_help="Give a person another password.")
def password(
    name: Name, *, password_stdin: FromStdin = False, data: Data = DATA, database: Database = None
) -> None:
    """Give a person another password, and end their sessions at once."""
    from hilum.serve.access.lockout import forget_attempts
    from hilum.serve.access.users import change_password

    hashed = _hashed(name, from_stdin=password_stdin)
    with acting(data, database) as (connection, act):
        forget_attempts(connection, name=name)
        changed = change_password(connection, act, name, hashed)
    echo(f"{changed.name}: password changed")


@user.command("role", short_help="Give a person another role.")
def role(
    name: Name,
    new: Annotated[UserRole, Argument(metavar="ROLE", help="reader, second_reader or admin.")],
    *,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Give a person another role; it counts from their next request on."""
    from hilum.serve.access.users import change_role

    with acting(data, database) as (connection, act):
        echo(f"{change_role(connection, act, name, new.value).name}: {new.value}")


@user.command("unlock", short_help="End the delays after wrong passwords.")
def unlock(name: Name, *, data: Data = DATA, database: Database = None) -> None:
    """Forget a person's wrong passwords, so that they may try again at once."""
    from hilum.serve.access.lockout import forget_attempts
    from hilum.serve.access.names import folded

    with acting(data, database) as (connection, act):
        forgotten = forget_attempts(connection, name=name)
        act.written(connection, "unlock user", folded(name), forgotten=forgotten)
    echo(f"{folded(name)}: {forgotten} counts forgotten")


def _hashed(name: str, *, from_stdin: bool) -> str:
    """Return what is kept of a new password that was asked for or read."""
    from hilum.serve.access.passwords import Passwords, check_password

    given = _given(from_stdin=from_stdin)
    check_password(given, name)
    return Passwords().hashed(given)


def _given(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("no terminal to ask at; give --password-stdin")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _account() -> str:
    import getpass

    from hilum.serve.access.names import for_log

    try:
        return for_log(getpass.getuser())[:64]
    except (KeyError, OSError):  # a container whose account has no name
        return "unknown"
