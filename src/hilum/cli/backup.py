"""`hilum backup` and `hilum restore`: all that a server keeps, into a folder and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, echo

from hilum.cli.console import note
from hilum.cli.place_options import Data, Database
from hilum.serve.place import DATA, opened_database

__all__ = ["backup"]


def backup(
    out: Annotated[Path, Argument(help="A folder that does not exist yet.")],
    *,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Copy a server's database and films into a folder; the server may be running."""
    from hilum.serve import need_extra

    need_extra()
    from hilum.serve.clock import utc_now
    from hilum.serve.storage.backup import make_backup

    with opened_database(data, database) as opened:
        made = make_backup(opened, data, out, now=utc_now())
    echo(f"{out}: {made.films:,} films, {made.bytes / 1e6:,.1f} MB, audit entry {made.audit}")
    for film in made.missing:
        note(f"hilum: the bytes of film {film} were not there")
