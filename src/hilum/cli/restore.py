"""`hilum restore`: put a backup into an empty place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from hilum.serve.place import DATA

__all__ = ["restore"]


def restore(
    backup: Annotated[Path, Argument(help="A folder that `hilum backup` made.")],
    *,
    data: Annotated[Path, Option(help="An empty folder, or none yet.")] = DATA,
    database: Annotated[
        str | None, Option(help="An empty database; default: SQLite in the folder.")
    ] = None,
) -> None:
    """Put a backup into an empty folder, and an empty database if one is named."""
    from hilum.serve import need_extra

    need_extra()
    from hilum.serve.storage.backup import restore_backup
    from hilum.serve.storage.database import Database

    target = None if database is None else Database(database)
    found = restore_backup(backup, data, target)
    echo(f"{data}: {found.films:,} films, audit entry {found.audit}")
