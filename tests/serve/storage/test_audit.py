"""The audit trail: only ever added to, and a change shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from tests.serve.conftest import Clock

from hilum.errors import ConfigError
from hilum.serve.storage import audit
from hilum.serve.storage.database import Database
from hilum.serve.storage.tables import audit as table


@pytest.fixture
def trail(database: Database, set_clock: Clock) -> Iterator[Database]:
    """A database whose trail has five entries."""
    for number in range(5):
        _record(database, set_clock, object=f"film {number}")
    return database


def _record(database: Database, clock: Clock, **changes: str) -> None:
    with database.write() as connection:
        given = {"actor": "ada", "action": "see film", "object": "x", **changes}
        audit.record(connection, now=clock(), detail={"b": 1, "a": "ä"}, **given)


def test_a_trail_that_nobody_touched_is_whole(trail: Database) -> None:
    with trail.read() as connection:
        assert audit.verify(connection) is None
        assert audit.head(connection).seq == audit.last(connection, 1)[0]["seq"]


def test_an_empty_trail_is_whole(database: Database) -> None:
    with database.read() as connection:
        assert audit.verify(connection) is None
        assert audit.head(connection).seq == 0


def test_entries_of_one_transaction_follow_each_other_whatever_is_undone(
    database: Database, set_clock: Clock
) -> None:
    def entry(connection: Connection) -> None:
        audit.record(connection, actor="ada", action="see film", object="x", now=set_clock())

    with database.write() as connection:
        for _ in range(3):
            entry(connection)
    with database.write() as connection:
        entry(connection)
        connection.get_transaction().rollback()  # type: ignore[union-attr]
    with database.write() as connection:
        entry(connection)
        undone = connection.begin_nested()
        entry(connection)
        undone.rollback()
        entry(connection)
        with connection.begin_nested():
            entry(connection)
        entry(connection)
    with database.read() as connection:
        assert audit.verify(connection) is None
        assert len(audit.last(connection, 100)) == 7


@pytest.mark.parametrize(
    "change",
    [{"actor": "eve"}, {"object": "another"}, {"detail": "{}"}, {"bundle": "c" * 64},
     {"action": "none"}],
)  # fmt: skip
def test_an_entry_that_was_changed_shows(trail: Database, change: dict[str, str]) -> None:
    with trail.write() as connection:
        third = connection.execute(select(table.c.seq).order_by(table.c.seq)).scalars().all()[2]
        connection.execute(update(table).where(table.c.seq == third).values(**change))
        assert audit.verify(connection) == audit.Fault(third, "it was changed")


def test_a_time_that_was_changed_shows(trail: Database, set_clock: Clock) -> None:
    set_clock.move(microseconds=1)
    with trail.write() as connection:
        first = connection.execute(select(table.c.seq).order_by(table.c.seq).limit(1)).scalar_one()
        connection.execute(update(table).where(table.c.seq == first).values(at=set_clock()))
        assert audit.verify(connection) == audit.Fault(first, "it was changed")


def test_an_entry_that_is_missing_shows(trail: Database) -> None:
    with trail.write() as connection:
        third = connection.execute(select(table.c.seq).order_by(table.c.seq)).scalars().all()[2]
        connection.execute(delete(table).where(table.c.seq == third))
        fault = audit.verify(connection)
    assert fault is not None
    assert fault.reason.startswith("an entry before it is missing")


def test_an_end_that_was_cut_off_shows_to_who_kept_it(trail: Database) -> None:
    with trail.write() as connection:
        kept = audit.head(connection)
        connection.execute(delete(table).where(table.c.seq == kept.seq))
        assert audit.verify(connection) is None
        fault = audit.verify(connection, kept=kept)
    assert fault is not None
    assert "the end was cut off" in fault.reason


def test_a_trail_written_anew_shows_to_who_kept_its_end(trail: Database, set_clock: Clock) -> None:
    with trail.read() as connection:
        kept = audit.head(connection)
    with trail.write() as connection:
        connection.execute(delete(table).where(table.c.seq == kept.seq))
        row = {"actor": "eve", "action": "see film", "object": "x", "bundle": None, "detail": "{}"}
        row |= {"at": set_clock(), "previous": audit.head(connection).hash}
        connection.execute(insert(table).values(seq=kept.seq, hash=audit._hash(row), **row))
        assert audit.verify(connection) is None
        fault = audit.verify(connection, kept=kept)
    assert fault is not None
    assert "not the entry whose hash was written down" in fault.reason


def test_an_entry_is_undone_with_what_it_tells_of(trail: Database, set_clock: Clock) -> None:
    with trail.read() as connection:
        before = audit.head(connection)

    def write() -> None:
        with trail.write() as connection:
            audit.record(connection, actor="a", action="b", object="c", now=set_clock())
            raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        write()
    with trail.read() as connection:
        assert audit.head(connection) == before


def test_entries_of_many_writers_make_one_chain(database: Database, set_clock: Clock) -> None:
    def write() -> None:
        for _ in range(10):
            _record(database, set_clock)

    threads = [threading.Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.read() as connection:
        assert audit.verify(connection) is None
        assert len(audit.last(connection, 100)) == 50


def test_a_clock_that_jumps_back_does_not_break_the_chain(
    database: Database, set_clock: Clock
) -> None:
    for hours in (5, -48, 24 * 365):
        set_clock.move(hours=hours)
        _record(database, set_clock, object=str(hours))
    with database.read() as connection:
        assert audit.verify(connection) is None
        assert [each["object"] for each in audit.last(connection, 3)] == ["5", "-48", "8760"]


@pytest.mark.parametrize("text", ["", "5", "5:abc", "x:" + "0" * 64, "-1:" + "0" * 64])
def test_an_end_that_was_not_written_down_as_printed_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected SEQ:HASH"):
        audit.head_from(text)


def test_an_end_is_read_as_it_was_printed() -> None:
    assert audit.head_from("5:" + "a" * 64) == audit.Head(5, "a" * 64)
