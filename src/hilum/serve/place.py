"""Where a server keeps what it keeps, unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hilum.serve.storage.database import Database

__all__ = ["DATA", "database_url", "opened_database"]

DATA = Path("hilum-data")
"""The folder of a server that was not given one."""


def database_url(data: Path, database: str | None = None) -> str:
    """Return the URL of a server's database: as given, or the SQLite file in its folder.

    >>> database_url(Path("hilum-data"))
    'sqlite:///hilum-data/hilum.db'

    Args:
        data: The server's folder.
        database: A URL as SQLAlchemy writes it; None for `hilum.db` in the folder.
    """
    return database or f"sqlite:///{data / 'hilum.db'}"


@contextmanager
def opened_database(data: Path, database: str | None = None) -> Iterator[Database]:
    """Yield a server's database, ready for use; make the folder and the tables if need be.

    Args:
        data: The server's folder; made, for its owner alone, where the database lies in it.
        database: As in `database_url`.

    Raises:
        ConfigError: If the URL cannot be understood.
        SchemaError: If the tables are of another hilum.
        UnavailableError: If the database cannot be reached.
    """
    from hilum.serve.storage.database import Database

    if database is None:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = Database(database_url(data, database))
    try:
        opened.prepare()
        yield opened
    finally:
        opened.close()
