"""`hilum db ...`: the server's database: upgrade it, check it, see its audit trail."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Exit, Option, echo

from hilum.cli.console import note, print_json
from hilum.cli.place_options import Data, Database
from hilum.serve.place import DATA, database_url, opened_database

__all__ = ["db"]

db = typer.Typer(
    help="Upgrade the server's database, check it, see its audit trail.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@db.command("upgrade", short_help="Bring the tables to this version of hilum.")
def upgrade(data: Data = DATA, database: Database = None) -> None:
    """Bring the tables to this version of hilum, in one transaction. Make a backup first."""
    from hilum.serve import need_extra

    need_extra()
    from hilum.serve.storage.database import Database

    opened = Database(database_url(data, database))
    before = opened.revision()
    opened.upgrade()
    echo(f"{before or 'none'} -> {opened.revision()}")
    opened.close()


@db.command("check", short_help="Compare films, rows and the audit trail with each other.")
def check(data: Data = DATA, database: Database = None) -> None:
    """Compare every film with its hash, the rows with the files, the audit trail with itself.

    Exit code 4: something is wrong, and was printed, a line each.
    """
    from hilum.serve import need_extra

    need_extra()
    from hilum.serve.storage.backup import check as checked

    with opened_database(data, database) as opened:
        wrong = checked(opened, data)
    for line in wrong:
        echo(line)
    if wrong:
        raise Exit(4)
    note("All is well.")


@db.command("audit", short_help="Print the audit trail, or its end to keep elsewhere.")
def audit(
    data: Data = DATA,
    database: Database = None,
    *,
    last: Annotated[int, Option(min=1, help="How many entries.")] = 50,
    kept: Annotated[
        str | None, Option(metavar="SEQ:HASH", help="An end written down earlier; must be there.")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify the audit trail, print its last entries and its end.

    Keep the end, SEQ:HASH, where nobody who could change the database can change it: a trail
    whose end was cut off looks whole without it. Exit code 4: the trail was changed.
    """
    from hilum.serve import need_extra

    need_extra()
    from hilum.serve.storage import audit as trail

    with opened_database(data, database) as opened, opened.read() as connection:
        fault = trail.verify(connection, kept=trail.head_from(kept) if kept else None)
        entries, end = trail.last(connection, last), trail.head(connection)
    if as_json:
        print_json({"entries": entries, "end": f"{end.seq}:{end.hash}", "whole": fault is None})
    else:
        for entry in entries:
            echo(" ".join(str(entry[name]) for name in ("seq", "at", "actor", "action", "object")))
        echo(f"end {end.seq}:{end.hash}")
    if fault is not None:
        note(f"hilum: the audit trail is not whole: entry {fault.seq}: {fault.reason}")
        raise Exit(4)


@db.command("resend", short_help="Send results again that were given up.")
def resend(data: Data = DATA, database: Database = None) -> None:
    """Queue results anew that could not be sent for so long that they were given up.

    A node that runs on the same data sends them.
    """
    from hilum.serve import need_dicom, need_extra

    need_extra()
    need_dicom()
    from hilum.serve.clock import utc_now
    from hilum.serve.pacs import queue_again

    with opened_database(data, database) as opened:
        found = queue_again(opened, who="command line", now=utc_now())
    echo(f"{found} deliveries queued again")
