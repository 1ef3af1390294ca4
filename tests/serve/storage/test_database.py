"""One database, SQLite or PostgreSQL: tables, transactions, what is refused."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import StatementError
from tests.serve.conftest import Clock
from tests.serve.postgres import Postgres

from hilum.errors import ConfigError
from hilum.serve.storage.database import Database
from hilum.serve.storage.errors import FullError, SchemaError, UnavailableError
from hilum.serve.storage.tables import attempts, metadata


def _add(connection: Connection, at: datetime, *, key: str = "ada") -> None:
    connection.execute(insert(attempts), {"key": key, "failures": 1, "last_at": at})


def test_the_migrated_tables_are_those_that_the_code_describes(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [each for each in compare_metadata(context, metadata) if not _is_own(each)]
    assert found == []


def _is_own(difference: object) -> bool:
    """SQLAlchemy does not say of SQLite's AUTOINCREMENT tables what alembic would compare."""
    return isinstance(difference, tuple) and "sqlite_sequence" in str(difference)


def test_what_a_block_wrote_is_there_after_it(database: Database, set_clock: Clock) -> None:
    with database.write() as connection:
        _add(connection, set_clock())
    with database.read() as connection:
        assert connection.execute(select(attempts.c.last_at)).scalar_one() == set_clock()


def test_a_block_that_raises_leaves_nothing(database: Database, set_clock: Clock) -> None:
    def write() -> None:
        with database.write() as connection:
            _add(connection, set_clock())
            raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        write()
    with database.read() as connection:
        assert connection.execute(select(attempts)).first() is None


def test_a_moment_without_its_zone_is_refused(database: Database, set_clock: Clock) -> None:
    naive = set_clock().replace(tzinfo=None)
    with pytest.raises(StatementError, match="needs a time zone"), database.write() as connection:
        _add(connection, naive)


def test_two_servers_that_start_at_once_make_the_tables_once(empty_url: str) -> None:
    failed: list[BaseException] = []

    def prepare() -> None:
        try:
            opened = Database(empty_url)
            opened.prepare()
            opened.close()
        except Exception as error:  # noqa: BLE001  (it is looked at below)
            failed.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    opened = Database(empty_url)
    assert not failed
    assert opened.revision() == Database.head()
    opened.close()


def test_tables_of_a_newer_hilum_are_refused(empty_url: str) -> None:
    with closing(Database(empty_url)) as opened:
        opened.prepare()
        with opened.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num='9999'"))
        with pytest.raises(SchemaError, match="newer hilum .9999; this one knows up to"):
            opened.prepare()
        with pytest.raises(SchemaError, match="newer hilum"):
            opened.upgrade()


def test_tables_of_an_older_hilum_are_refused_with_what_to_type(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "head", staticmethod(lambda: "0002"))
    with pytest.raises(SchemaError, match="older hilum .0001; this one needs 0002.*db upgrade"):
        database.prepare()


def test_upgrading_what_is_up_to_date_changes_nothing(database: Database) -> None:
    database.upgrade()
    assert database.revision() == Database.head()


def test_sqlite_flushes_every_commit_and_minds_foreign_keys(tmp_path: Path) -> None:
    opened = Database(f"sqlite:///{tmp_path / 'a.db'}")
    with opened.read() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
        said = [connection.exec_driver_sql(f"PRAGMA {each}").scalar() for each in asked]
    opened.close()
    assert said == ["wal", 2, 1, 0]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "cannot be understood"),
        ("mysql://a/b", "Expected a SQLite or PostgreSQL database, got 'mysql'"),
        ("sqlite://", "cannot be kept"),
        ("sqlite:///:memory:", "cannot be kept"),
    ],
)
def test_a_url_that_names_no_database_to_keep_things_in_is_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Database(url)


def test_a_database_that_is_not_there_is_told_plainly(tmp_path: Path) -> None:
    opened = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    with pytest.raises(UnavailableError, match="Nothing was kept"):
        opened.prepare()
    opened.close()


def test_a_file_that_is_no_database_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database" * 1000)
    opened = Database(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(UnavailableError, match="not a database"):
        opened.prepare()
    opened.close()


def test_a_full_disk_is_told_as_such_and_keeps_nothing(tmp_path: Path, set_clock: Clock) -> None:
    opened = Database(f"sqlite:///{tmp_path / 'a.db'}")
    opened.prepare()

    def fill() -> None:
        with opened.write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            for number in range(10_000):
                _add(connection, set_clock(), key=str(number) * 40)

    with pytest.raises(FullError, match="disk is full"):
        fill()
    with opened.read() as connection:
        assert connection.execute(select(attempts)).first() is None
    opened.close()


def test_a_writer_that_holds_the_lock_too_long_is_told_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hilum.serve.storage.database._BUSY_MS", 50)
    opened = Database(f"sqlite:///{tmp_path / 'a.db'}")
    opened.prepare()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked"), opened.write():
        pass
    other.close()
    opened.close()


def test_a_postgresql_that_stops_is_told_and_found_again_without_a_restart(
    postgres: Postgres, postgres_template: str
) -> None:
    opened = Database(postgres.url(postgres.create(postgres_template)))
    with opened.read() as connection:
        connection.execute(select(attempts))
    postgres.stop("immediate")
    try:
        with pytest.raises(UnavailableError, match="Nothing was kept"), opened.write():
            pass
    finally:
        postgres.start()
    with opened.read() as connection:
        assert connection.execute(select(attempts)).first() is None
    opened.close()


def test_a_commit_that_postgresql_did_not_live_to_make_is_an_error_and_not_a_silence(
    postgres: Postgres, postgres_template: str, set_clock: Clock
) -> None:
    opened = Database(postgres.url(postgres.create(postgres_template)))

    def write() -> None:
        with opened.write() as connection:
            _add(connection, set_clock())
            postgres.stop("immediate")

    try:
        with pytest.raises(UnavailableError, match="Nothing was kept"):
            write()
    finally:
        postgres.start()
    with opened.read() as connection:
        assert connection.execute(select(attempts)).first() is None
    opened.close()


def test_a_postgresql_that_stands_still_is_given_up_in_time(
    postgres: Postgres, postgres_template: str
) -> None:
    opened = Database(postgres.url(postgres.create(postgres_template)), patience_s=0.5)
    with opened.read() as connection:
        connection.execute(select(attempts))
    postgres.freeze()
    try:
        with pytest.raises(UnavailableError, match="Nothing was kept"), opened.read() as found:
            found.execute(select(attempts))
    finally:
        postgres.freeze(thaw=True)
    with opened.read() as connection:
        assert connection.execute(select(attempts)).first() is None
    opened.close()
