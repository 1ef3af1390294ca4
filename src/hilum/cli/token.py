"""`hilum token ...`: the programs that may use a server."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer
from typer import Argument, Option, echo

from hilum.cli.console import note, print_json
from hilum.cli.place_options import Data, Database
from hilum.cli.user import acting
from hilum.serve.place import DATA

__all__ = ["token"]

token = typer.Typer(
    help="Create, list and revoke the tokens of programs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class TokenRole(str, Enum):  # noqa: UP042 - typer shows the values of a str Enum on 3.11 too
    """What a program may do."""

    PROGRAM = "program"
    EXPORTER = "exporter"
    MONITOR = "monitor"
    READER = "reader"


@token.callback()
def ready() -> None:
    """Say what to install where it is missing."""
    from hilum.serve import need_extra

    need_extra()


@token.command("create", short_help="Make a token; it is shown once.")
def create(
    name: Annotated[str, Argument(help="What it is for.")],
    *,
    role: Annotated[TokenRole, Option(help="What it may do.")] = TokenRole.PROGRAM,
    days: Annotated[int, Option(min=0, help="How long it is good; 0 for always.")] = 365,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Make a token for a program, and print it once: only its hash is kept.

    The program sends it as `Authorization: Bearer TOKEN`.
    """
    from hilum.serve.access.tokens import create_token

    with acting(data, database) as (connection, act):
        value, made = create_token(connection, act, name=name, role=role.value, days=days or None)
    until = None if made.expires_at is None else made.expires_at.isoformat(timespec="seconds")
    if json:
        print_json({"token": value, "name": made.name, "role": made.role, "expires_at": until})
        return
    echo(value)
    note(f"{made.name}: {made.role}, good {'always' if until is None else 'until ' + until}.")
    note("This is the only time it is shown.")


@token.command("list", short_help="List every token there ever was.")
def list_(
    *,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """List tokens: name, role, who made them, until when they are good, when they were used."""
    from hilum.serve.access.tokens import list_tokens

    with acting(data, database) as (connection, act):
        rows = [
            {
                "id": each.id,
                "name": each.name,
                "role": each.role,
                "created_by": each.created_by,
                "good": each.is_good(act.now),
                "expires_at": each.expires_at and each.expires_at.isoformat(timespec="seconds"),
                "seen_at": each.seen_at and each.seen_at.isoformat(timespec="seconds"),
            }
            for each in list_tokens(connection)
        ]
    if json:
        print_json(rows)
        return
    for row in rows:
        state = "good" if row["good"] else "over"
        until, used = row["expires_at"] or "always", row["seen_at"] or "never"
        echo(f"{row['name']:24} {row['role']:10} {state}  until {until}  used {used}")
    if not rows:
        note("no tokens; make one with: hilum token create NAME")


@token.command("revoke", short_help="End a token.")
def revoke(
    name: Annotated[str, Argument(help="Its name or its id.")],
    *,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """End every good token of a name, from now on."""
    from hilum.serve.access.tokens import revoke_token

    with acting(data, database) as (connection, act):
        echo(f"{name}: {revoke_token(connection, act, name)} revoked")
