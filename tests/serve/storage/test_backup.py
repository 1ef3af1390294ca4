"""Copying all that is kept, putting it back, and finding what is wrong with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.serve.conftest import Clock
from tests.serve.postgres import Postgres

from hilum.errors import HilumError
from hilum.serve.storage import audit, films
from hilum.serve.storage.backup import check, make_backup, restore_backup
from hilum.serve.storage.blobs import BlobStore
from hilum.serve.storage.database import Database
from hilum.serve.storage.films import Film
from hilum.serve.storage.tables import audit as trail


@pytest.fixture
def take(
    database: Database, blobs: BlobStore, new_film: Callable[..., Film], set_clock: Clock
) -> Callable[[bytes], Film]:
    """A function that keeps a film with its bytes and an entry in the trail."""

    def keep(content: bytes) -> Film:
        with blobs.incoming(1000) as incoming:
            incoming.write(content)
            kept = incoming.keep()
        film = new_film(sha256=kept.sha256, size=kept.size)
        with database.write() as connection:
            audit.record(connection, actor="a", action="send", object=film.id, now=set_clock())
        return film

    return keep


def test_a_backup_is_restored_as_it_was(
    database: Database, take: Callable[[bytes], Film], tmp_path: Path, set_clock: Clock
) -> None:
    given = [take(b"one"), take(b"two")]
    made = make_backup(database, tmp_path / "data", tmp_path / "kept", now=set_clock())
    assert (made.films, made.bytes, made.missing) == (2, 6, ())
    found = restore_backup(tmp_path / "kept", tmp_path / "new")
    assert found == made
    opened = Database(f"sqlite:///{tmp_path / 'new' / 'hilum.db'}")
    opened.prepare()
    with opened.read() as connection:
        assert [films.film_of(connection, film.id) for film in given] == given
    assert check(opened, tmp_path / "new") == []
    opened.close()


def test_a_backup_is_restored_into_postgresql_which_counts_on(
    database: Database, take: Callable[[bytes], Film], tmp_path: Path, set_clock: Clock,
    postgres: Postgres,
) -> None:  # fmt: skip
    take(b"one")
    make_backup(database, tmp_path / "data", tmp_path / "kept", now=set_clock())
    opened = Database(postgres.url(postgres.create()))
    restore_backup(tmp_path / "kept", tmp_path / "new", opened)
    assert check(opened, tmp_path / "new") == []
    assert not (tmp_path / "new/hilum.db").exists()
    with opened.write() as connection:
        audit.record(connection, actor="a", action="b", object="c", now=set_clock())
        assert audit.head(connection).seq > 1
        assert audit.verify(connection) is None
    opened.close()


def test_a_backup_made_while_films_come_in_is_one_whole_state(
    database: Database, take: Callable[[bytes], Film], tmp_path: Path, set_clock: Clock
) -> None:
    take(b"first")
    ended = threading.Event()
    count = 0

    def send() -> None:
        nonlocal count
        while not ended.is_set():
            count += 1
            take(str(count).encode())

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for number in range(4):
            out = tmp_path / f"kept-{number}"
            made = make_backup(database, tmp_path / "data", out, now=set_clock())
            restored = restore_backup(out, tmp_path / f"new-{number}")
            opened = Database(f"sqlite:///{tmp_path / f'new-{number}' / 'hilum.db'}")
            assert check(opened, tmp_path / f"new-{number}") == []
            assert made.missing == ()
            assert restored.films == made.films >= 1
            opened.close()
    finally:
        ended.set()
        thread.join(30)
    assert check(database, tmp_path / "data") == []


def test_a_backup_says_which_bytes_were_not_there(
    database: Database, blobs: BlobStore, take: Callable[[bytes], Film], tmp_path: Path,
    set_clock: Clock,
) -> None:  # fmt: skip
    film = take(b"one")
    blobs.remove(film.sha256)
    made = make_backup(database, tmp_path / "data", tmp_path / "kept", now=set_clock())
    assert made.missing == (film.id,)


def test_a_backup_of_bytes_that_were_changed_fails_and_leaves_nothing(
    database: Database, blobs: BlobStore, take: Callable[[bytes], Film], tmp_path: Path,
    set_clock: Clock,
) -> None:  # fmt: skip
    blobs.path(take(b"one").sha256).write_bytes(b"eno")
    with pytest.raises(HilumError, match="are not those that were taken in"):
        make_backup(database, tmp_path / "data", tmp_path / "kept", now=set_clock())
    assert not [each for each in tmp_path.iterdir() if "kept" in each.name]


def test_a_backup_writes_over_nothing(database: Database, tmp_path: Path, set_clock: Clock) -> None:
    (tmp_path / "kept").mkdir()
    with pytest.raises(HilumError, match="a folder that does not exist yet"):
        make_backup(database, tmp_path / "data", tmp_path / "kept", now=set_clock())


@pytest.fixture
def kept(
    database: Database, take: Callable[[bytes], Film], tmp_path: Path, set_clock: Clock
) -> Path:
    """The folder of a backup with two films."""
    take(b"one")
    take(b"two")
    make_backup(database, tmp_path / "data", tmp_path / "kept", now=set_clock())
    return tmp_path / "kept"


def test_a_restore_writes_over_nothing(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_bytes(b"")
    with pytest.raises(HilumError, match="Expected an empty folder to restore into"):
        restore_backup(kept, tmp_path / "new")
    assert (tmp_path / "new" / "mine").exists()


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match="Expected a folder that `hilum backup` made"):
        restore_backup(tmp_path, tmp_path / "new")


def test_a_backup_whose_film_was_changed_is_refused_and_leaves_nothing(
    kept: Path, tmp_path: Path
) -> None:
    next((kept / "films").glob("??/*")).write_bytes(b"xxx")
    with pytest.raises(HilumError, match="are not those that were taken in"):
        restore_backup(kept, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_backup_whose_trail_was_changed_is_refused(kept: Path, tmp_path: Path) -> None:
    copied = Database(f"sqlite:///{kept / 'hilum.db'}")
    with copied.write() as connection:
        connection.execute(update(trail).where(trail.c.seq == 1).values(actor="eve"))
    copied.close()
    with pytest.raises(HilumError, match="The audit trail is damaged at entry 1"):
        restore_backup(kept, tmp_path / "new")


def test_a_database_with_rows_is_not_restored_into(
    kept: Path, tmp_path: Path, database: Database
) -> None:
    with pytest.raises(HilumError, match="Expected an empty database"):
        restore_backup(kept, tmp_path / "new", database)


def test_a_restore_does_not_touch_the_backup(kept: Path, tmp_path: Path) -> None:
    before = {each: each.read_bytes() for each in kept.rglob("*") if each.is_file()}
    restore_backup(kept, tmp_path / "new")
    assert {each: each.read_bytes() for each in kept.rglob("*") if each.is_file()} == before


# What is wrong


def test_what_is_wrong_is_said_a_line_each(
    database: Database, blobs: BlobStore, take: Callable[[bytes], Film], tmp_path: Path
) -> None:
    missing, changed, _ = take(b"one"), take(b"two"), take(b"three")
    blobs.remove(missing.sha256)
    blobs.path(changed.sha256).write_bytes(b"owt")
    orphan = tmp_path / "data/films/ab" / ("ab" * 32)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"")
    with database.write() as connection:
        connection.execute(update(trail).where(trail.c.seq == 2).values(actor="eve"))
    assert check(database, tmp_path / "data") == [
        "audit trail: entry 2: it was changed",
        f"film {missing.id}: its bytes are missing",
        f"film {changed.id}: its bytes were changed",
        f"file {'ab' * 32}: no film has these bytes",
    ]
