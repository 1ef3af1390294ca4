"""One database: SQLite in a file, or PostgreSQL by URL.

SQLite runs in WAL mode with `synchronous=FULL`, so that what was acknowledged survives a power cut,
and every writing transaction begins with `BEGIN IMMEDIATE`, so that none fails halfway for a lock.
A transaction that is lost with its connection is an error here, never a silence; the next one
connects anew.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hilum.errors import ConfigError, MissingExtraError
from hilum.serve.storage.errors import FullError, SchemaError, UnavailableError

__all__ = ["Database"]

_BUSY_MS = 15_000
_AGAIN_S = 0.02
_LOCK = 0x68696C756E
"""Names PostgreSQL's lock for migrations."""
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Transactions on one database.

    Args:
        url: `sqlite:///FILE` or `postgresql://...`, as SQLAlchemy writes them.
        patience_s: Seconds after which a PostgreSQL that says nothing is given up.

    Raises:
        ConfigError: If the URL cannot be understood, or names another kind of database.
        MissingExtraError: If the driver is not installed.
    """

    def __init__(self, url: str, *, patience_s: float = 20.0) -> None:
        self.url = _checked(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self._engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url, patience_s)
        # SQLite has one writer: waiting here is fair and costs nothing, waiting there is neither.
        self._writing = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection; commit at the end, or undo everything if the block raises.

        Raises:
            UnavailableError: If the database cannot be reached, or went away. Nothing was kept.
            FullError: If its disk is full. Nothing was kept.
        """
        with self._writing, _said_plainly(), self._engine.connect() as connection:
            connection.execution_options(hilum_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the database.

        Raises:
            UnavailableError: If the database cannot be reached.
        """
        with _said_plainly(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the database for as long as it is used."""
        given = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with _said_plainly(), self._engine.connect() as connection:
            connection.execution_options(**given)
            with connection.begin():
                yield connection

    def prepare(self) -> None:
        """Make the tables of an empty database; check those of one that has been used.

        Raises:
            SchemaError: If the tables are of an older or a newer hilum.
        """
        at, head = self.revision(), self.head()
        if at is None:
            self.upgrade()
        elif at != head:
            known = {script.revision for script in _scripts().walk_revisions()}
            raise SchemaError.of(at, head, older=at in known)

    def upgrade(self) -> None:
        """Bring the tables to this version of hilum, in one transaction.

        Raises:
            SchemaError: If they are of a newer hilum.
        """
        at = self.revision()
        if at is not None and at not in {script.revision for script in _scripts().walk_revisions()}:
            raise SchemaError.of(at, self.head(), older=False)
        with self.write() as connection:
            if not self.is_sqlite:  # two servers that start at once must not both make the tables
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def revision(self) -> str | None:
        """Return the revision of the tables; None where there are none."""
        with self.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @staticmethod
    def head() -> str:
        """Return the revision of the tables that this hilum makes."""
        found = _scripts().get_current_head()
        if found is None:
            raise SchemaError("hilum's own migrations are missing; install it again.")
        return found

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database."""
        name = make_url(self.url).database
        return Path(name) if self.is_sqlite and name else None


def _checked(url: str) -> str:
    try:
        given = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "The database's URL cannot be understood: expected sqlite:///FILE or "
            "postgresql://USER@HOST/NAME."
        ) from error
    if given.drivername in {"postgresql", "postgres"}:
        given = given.set(drivername="postgresql+psycopg")
    if given.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(
            f"Expected a SQLite or PostgreSQL database, got {given.get_backend_name()!r}."
        )
    if given.get_backend_name() == "sqlite" and given.database in {None, "", ":memory:"}:
        raise ConfigError("Expected a file: sqlite:///FILE. What is in memory cannot be kept.")
    return given.render_as_string(hide_password=False)


_POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 32, "pool_timeout": 10}


def _sqlite(url: str) -> Engine:
    given = {"check_same_thread": False, "timeout": _BUSY_MS / 1000}
    engine = create_engine(url, connect_args=given, **_POOL)
    event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: str, patience_s: float) -> Engine:
    try:
        from hilum.serve.storage.patient import PatientConnection

        given = {"connect_timeout": 5, "options": "-c statement_timeout=60000"}
        engine = create_engine(url, connect_args=given, pool_pre_ping=True, **_POOL)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise MissingExtraError("psycopg", "postgresql") from error

    def connect(_dialect: object, _record: object, cargs: Any, cparams: Any) -> PatientConnection:
        opened = PatientConnection.connect(*cargs, **cparams)
        opened.patience_s = patience_s
        return opened

    event.listen(engine, "do_connect", connect)
    return engine


def _open_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin on its own, and too late
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    _use_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode; SQLite waits for nobody there, so this does."""
    end = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_AGAIN_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("hilum_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn what a driver raises about the world into what a caller can act on."""
    try:
        yield
    except PoolTimeout as error:
        raise UnavailableError("every connection to the database is in use") from error
    except OperationalError as error:
        said = str(error.orig)
        if "disk is full" in said or "No space left" in said:
            raise FullError(said) from error
        raise UnavailableError(said) from error
    except DBAPIError as error:
        damaged = type(error.orig) is sqlite3.DatabaseError  # not its subclasses: no database file
        if error.connection_invalidated or damaged:
            raise UnavailableError(str(error.orig)) from error
        raise


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
