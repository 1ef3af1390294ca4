"""Writes of many threads in few transactions: each as if it were alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from tests.serve.conftest import Clock

from hilum.serve.storage.database import Database
from hilum.serve.storage.errors import UnavailableError
from hilum.serve.storage.tables import attempts
from hilum.serve.storage.together import Together


class Counted(Database):
    """A database that counts its writing transactions, and lets them wait."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.count = 0
        self.gate = threading.Event()

    def write(self):  # type: ignore[no-untyped-def]
        self.gate.wait(10)
        self.count += 1
        return super().write()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Counted]:
    opened = Counted(f"sqlite:///{tmp_path / 'a.db'}")
    opened.gate.set()
    opened.prepare()
    opened.count = 0
    opened.gate.clear()
    yield opened
    opened.close()


@pytest.fixture
def together(database: Counted) -> Iterator[Together]:
    kept = Together(database)
    yield kept
    database.gate.set()
    kept.close(10)


def _adding(key: str, clock: Clock):  # type: ignore[no-untyped-def]
    def add(connection: Connection) -> str:
        connection.execute(insert(attempts), {"key": key, "failures": 1, "last_at": clock()})
        if key == "bad":
            raise KeyError("bad")
        return key

    return add


def _count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(attempts)).scalar_one()


def test_what_comes_meanwhile_is_written_in_one_transaction(
    database: Counted, together: Together, set_clock: Clock
) -> None:
    given = [together.submit(_adding(str(number), set_clock)) for number in range(50)]
    database.gate.set()
    assert [each.result(10) for each in given] == [str(number) for number in range(50)]
    assert _count(database) == 50
    assert database.count <= 3


def test_one_that_fails_fails_alone(
    database: Counted, together: Together, set_clock: Clock
) -> None:
    first = together.submit(_adding("first", set_clock))
    given = {key: together.submit(_adding(key, set_clock)) for key in ("a", "bad", "b")}
    database.gate.set()
    with pytest.raises(KeyError, match="bad"):
        given["bad"].result(10)
    assert [each.result(10) for each in (first, given["a"], given["b"])] == ["first", "a", "b"]
    assert _count(database) == 3


def test_nothing_is_said_to_be_written_before_its_commit(
    database: Counted, together: Together, set_clock: Clock
) -> None:
    given = together.submit(_adding("a", set_clock))
    assert not given.done()
    database.gate.set()
    given.result(10)
    assert _count(database) == 1


def test_where_the_database_is_gone_all_are_told(tmp_path: Path, set_clock: Clock) -> None:
    gone = Database(f"sqlite:///{tmp_path / 'no' / 'a.db'}")
    kept = Together(gone)
    given = [kept.submit(_adding(str(number), set_clock)) for number in range(3)]
    for each in given:
        with pytest.raises(UnavailableError, match="Nothing was kept"):
            each.result(10)
    kept.close(10)
    gone.close()


def test_what_was_asked_for_before_the_end_is_done(
    database: Counted, together: Together, set_clock: Clock
) -> None:
    given = together.submit(_adding("a", set_clock))
    database.gate.set()
    together.close(10)
    assert given.result(0) == "a"


def test_who_can_wait_is_written_with_more(database: Counted, set_clock: Clock) -> None:
    database.gate.set()
    together = Together(database, pause_s=lambda: 0.3)
    given = [together.submit(_adding("0", set_clock))]
    time.sleep(0.05)
    given += [together.submit(_adding(str(number), set_clock)) for number in range(1, 20)]
    assert [each.result(10) for each in given] == [str(number) for number in range(20)]
    assert database.count == 1
    together.close(10)


def test_an_end_waits_for_nothing_more(database: Counted, set_clock: Clock) -> None:
    database.gate.set()
    together = Together(database, pause_s=lambda: 60.0)
    given = together.submit(_adding("last", set_clock))
    together.close(10)
    assert given.result(0) == "last"
