"""Copying all that is kept while it is in use, and putting it back.

The database is copied first, in one state of it, and then the films it names. Films are only ever
added or, by retention, removed, so a film that the copied database names is either there or was
removed meanwhile; the copy says which.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select, text

from hilum.data.atomic import sync_folder
from hilum.data.file_hash import file_sha256
from hilum.errors import HilumError
from hilum.serve.storage import audit
from hilum.serve.storage.blobs import blob_path
from hilum.serve.storage.database import Database
from hilum.serve.storage.tables import films, metadata, objects

__all__ = ["Backup", "check", "make_backup", "restore_backup"]

_ROWS = 500


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds.

    Args:
        films: How many films.
        bytes: Of them.
        missing: Films the database names whose bytes were not there.
        audit: Number of the last audit entry.
    """

    films: int
    bytes: int
    missing: tuple[str, ...]
    audit: int


def make_backup(database: Database, data: Path, out: Path, *, now: datetime) -> Backup:
    """Copy a server's database and films into a new folder; the server may be running.

    Args:
        database: The server's.
        data: Its data folder.
        out: A folder that does not exist yet. It has its name only when it is whole.
        now: When.

    Raises:
        HilumError: If the folder exists, or a film's bytes are not what their name says.
    """
    if out.exists():
        raise HilumError(f"Expected a folder that does not exist yet, got {out}.")
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        (part / "films").mkdir(parents=True)
        copied = Database(f"sqlite:///{part / 'hilum.db'}")
        try:
            _copy_database(database, copied)
            with copied.read() as connection:
                found = _copy_films(connection, data, part)
                head = audit.head(connection)
        finally:
            copied.close()
        made = Backup(*found, head.seq)
        told = {"made": now.isoformat(), "audit_seq": head.seq, "audit_hash": head.hash}
        told |= {"films": made.films, "bytes": made.bytes, "missing": list(made.missing)}
        (part / "backup.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        part.rename(out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync_folder(out.parent)
    return made


def restore_backup(backup: Path, data: Path, database: Database | None = None) -> Backup:
    """Put a backup into an empty data folder, or into that and an empty database.

    Args:
        backup: A folder that `make_backup` made.
        data: A folder that does not exist, or is empty.
        database: An empty one; None for SQLite in the folder.

    Raises:
        HilumError: If the backup is damaged, or there is something already.
    """
    if not (backup / "backup.json").is_file():
        raise HilumError(f"Expected a folder that `hilum backup` made, got {backup}.")
    if data.exists() and any(data.iterdir()):
        raise HilumError(f"Expected an empty folder to restore into, got {data} with files in it.")
    made = not data.exists()
    try:
        (data / "films").mkdir(parents=True)
        return _restored(backup, data, database)
    except BaseException:
        for each in [data] if made else data.iterdir():  # it was empty, and is so again
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        raise


def _restored(backup: Path, data: Path, database: Database | None) -> Backup:
    copy = data / "hilum.db"  # a backup may lie where nothing can be written
    shutil.copyfile(backup / "hilum.db", copy)
    source = Database(f"sqlite:///{copy.absolute()}")
    try:
        source.prepare()
        with source.read() as connection:
            fault = audit.verify(connection)
            if fault is not None:
                raise HilumError(f"The audit trail is damaged at entry {fault.seq}: {fault.reason}")
            found = _copy_films(connection, backup, data)
            head = audit.head(connection).seq
        if database is not None:
            _copy_rows(source, database)
    finally:
        source.close()
    if database is not None:
        copy.unlink()
    return Backup(*found, head)


def check(database: Database, data: Path) -> list[str]:
    """Return what is wrong with what is kept: one line a fault; nothing if all is well.

    Compares every film with its hash, the audit trail with itself, and the files with the rows.
    """
    wrong: list[str] = []
    files = {path.name for path in (data / "films").glob("??/*")}
    with database.read() as connection:
        if database.is_sqlite:
            said = connection.execute(text("PRAGMA integrity_check")).scalars().all()
            wrong += [f"database: {line}" for line in said if line != "ok"]
        fault = audit.verify(connection)
        if fault is not None:
            wrong.append(f"audit trail: entry {fault.seq}: {fault.reason}")
        kept = _files(connection)
    for sha256, film in kept.items():
        path = blob_path(data, sha256)
        if not path.is_file():
            wrong.append(f"film {film}: its bytes are missing")
        elif file_sha256(path) != sha256:
            wrong.append(f"film {film}: its bytes were changed")
    with database.read() as connection:  # again: a film may have been on its way in
        late = {sha256 for _, sha256 in _kept(connection)}
    unknown = sorted(files - set(kept) - late)
    return [*wrong, *(f"file {name}: no film has these bytes" for name in unknown)]


def _copy_database(database: Database, copied: Database) -> None:
    if database.is_sqlite:
        file = copied.file
        if file is None:
            raise ValueError("the copy must have a file")
        _copy_sqlite(database, file)
    else:
        _copy_rows(database, copied)


def _copy_sqlite(database: Database, out: Path) -> None:
    """Copy one state of a SQLite database, page by page, while others write to it."""
    if database.file is None:
        raise ValueError("only a database in a file can be copied so")
    with (
        closing(sqlite3.connect(f"file:{database.file.absolute()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(out)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")


def _copy_rows(database: Database, out: Database) -> None:
    """Copy every row from one state of a database into an empty one of any kind."""
    out.prepare()
    with database.snapshot() as source, out.write() as target:
        for table in metadata.sorted_tables:
            if target.execute(select(table).limit(1)).first() is not None:
                raise HilumError(f"Expected an empty database, got one with rows in {table.name}.")
            asked = select(table).execution_options(yield_per=_ROWS)
            with source.execute(asked) as rows:
                for batch in rows.mappings().partitions(_ROWS):
                    target.execute(insert(table), [dict(row) for row in batch])
        if not out.is_sqlite:
            for table in metadata.sorted_tables:
                if "seq" in table.c:
                    _count_on(target, table.name)


def _count_on(target: Connection, table: str) -> None:
    """Have PostgreSQL number new rows after those that were copied."""
    target.execute(
        text(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'seq'), "  # noqa: S608  (our own names)
            f"COALESCE((SELECT max(seq) FROM {table}), 0) + 1, false)"
        )
    )


def _copy_films(
    connection: Connection, source: Path, target: Path
) -> tuple[int, int, tuple[str, ...]]:
    """Copy the films a database names; compare each with its hash on the way."""
    count = size = 0
    missing = []
    for film, sha256 in _kept(connection):
        origin, place = blob_path(source, sha256), blob_path(target, sha256)
        if not origin.is_file():
            missing.append(film)
            continue
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(origin, place)
        if file_sha256(place) != sha256:
            raise HilumError(
                f"The bytes of film {film} are not those that were taken in ({origin}). Run "
                "`hilum db check`; an earlier backup may still have them."
            )
        _sync(place)
        count, size = count + 1, size + place.stat().st_size
    return count, size, tuple(missing)


def _kept(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield the id and the hash of everything that has a file, each file once."""
    for sha256, owner in _files(connection).items():
        yield owner, sha256


def _files(connection: Connection) -> dict[str, str]:
    """Return what each file belongs to, by its hash: a film, or what came or goes by DICOM."""
    others = select(objects.c.sha256, objects.c.kind).order_by(objects.c.at)
    found = {row.sha256: row.kind for row in connection.execute(others)}
    asked = select(films.c.id, films.c.sha256).where(films.c.removed_at.is_(None))
    return found | {row.sha256: row.id for row in connection.execute(asked.order_by(films.c.seq))}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
