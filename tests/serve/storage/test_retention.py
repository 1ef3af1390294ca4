"""Films whose time has come, and bytes that nobody has."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.serve.conftest import Clock

from hilum.serve.storage import audit, films, jobs
from hilum.serve.storage.blobs import BlobStore
from hilum.serve.storage.database import Database
from hilum.serve.storage.films import Film
from hilum.serve.storage.jobs import Job
from hilum.serve.storage.retention import SteadyClock, remove_old, remove_orphans


@pytest.fixture
def keep(
    database: Database, blobs: BlobStore, new_film: Callable[..., Film]
) -> Callable[[bytes], Film]:
    """A function that takes a film in as the server does: bytes, row, bytes again if need be."""

    def take(content: bytes) -> Film:
        with blobs.incoming(1000) as incoming:
            incoming.write(content)
            kept = incoming.keep()
            film = new_film(sha256=kept.sha256)
            incoming.settle()
        return film

    return take


def _now(database: Database, film: Film) -> Film:
    with database.read() as connection:
        return films.film_of(connection, film.id)


def test_an_old_film_loses_its_bytes_and_its_patient_and_the_trail_says_so(
    database: Database, blobs: BlobStore, keep: Callable[[bytes], Film], set_clock: Clock
) -> None:
    old = keep(b"old")
    with database.write() as connection:
        films.note_facts(connection, old.id, {"patient_id": "1", "patient_name": "A^B"})
    set_clock.move(days=10)
    new = keep(b"new")
    before = set_clock() - timedelta(days=5)
    assert remove_old(database, blobs, before=before, now=set_clock()) == 1
    gone = _now(database, old)
    assert gone.removed_at == set_clock()
    assert gone.patient_id is None
    assert gone.name == ""
    assert not blobs.path(old.sha256).exists()
    assert blobs.path(new.sha256).exists()
    with database.read() as connection:
        assert audit.last(connection, 1)[0]["action"] == "remove film"
    assert remove_old(database, blobs, before=before, now=set_clock()) == 0


def test_a_film_that_still_waits_is_kept(
    database: Database, blobs: BlobStore, keep: Callable[[bytes], Film],
    new_job: Callable[..., Job], set_clock: Clock,
) -> None:  # fmt: skip
    job = new_job(keep(b"old"))
    before = set_clock() + timedelta(days=1)
    assert remove_old(database, blobs, before=before, now=set_clock()) == 0
    with database.write() as connection:
        jobs.finish(connection, job.id, now=set_clock())
    assert remove_old(database, blobs, before=before, now=set_clock()) == 1


def test_a_film_that_is_sent_again_counts_from_then(
    database: Database, blobs: BlobStore, keep: Callable[[bytes], Film], set_clock: Clock
) -> None:
    film = keep(b"old")
    set_clock.move(days=10)
    keep(b"old")
    before = set_clock() - timedelta(days=5)
    assert remove_old(database, blobs, before=before, now=set_clock()) == 0
    assert _now(database, film).received_at == set_clock()


def test_a_film_that_comes_again_after_it_was_removed_is_there_again(
    database: Database, blobs: BlobStore, keep: Callable[[bytes], Film], set_clock: Clock
) -> None:
    film = keep(b"old")
    remove_old(database, blobs, before=set_clock() + timedelta(days=1), now=set_clock())
    again = keep(b"old")
    assert again.id == film.id
    assert again.removed_at is None
    assert again.name != ""
    assert blobs.path(film.sha256).read_bytes() == b"old"


def test_retention_between_bytes_and_row_takes_nothing_from_a_film_that_is_sent_again(
    database: Database, blobs: BlobStore, keep: Callable[[bytes], Film],
    new_film: Callable[..., Film], set_clock: Clock,
) -> None:  # fmt: skip
    keep(b"old")
    with blobs.incoming(1000) as incoming:
        incoming.write(b"old")
        kept = incoming.keep()
        remove_old(database, blobs, before=set_clock() + timedelta(days=1), now=set_clock())
        film = new_film(sha256=kept.sha256)
        incoming.settle()
    assert _now(database, film).removed_at is None
    assert blobs.path(kept.sha256).read_bytes() == b"old"


def test_retention_racing_uploads_of_the_same_film_never_takes_what_was_acknowledged(
    database: Database, blobs: BlobStore, keep: Callable[[bytes], Film], set_clock: Clock
) -> None:
    keep(b"film")
    ended, wrong = threading.Event(), []

    def remove() -> None:
        while not ended.is_set():
            remove_old(database, blobs, before=set_clock() - timedelta(hours=1), now=set_clock())

    thread = threading.Thread(target=remove)
    thread.start()
    for _ in range(40):
        set_clock.move(hours=2)  # what was sent before is old now
        film = keep(b"film")
        if _now(database, film).removed_at is not None or not blobs.path(film.sha256).exists():
            wrong.append(film)
    ended.set()
    thread.join(30)
    assert not wrong


def test_bytes_that_no_film_has_are_deleted_and_no_others(
    database: Database, blobs: BlobStore, keep: Callable[[bytes], Film]
) -> None:
    film = keep(b"film")
    with blobs.incoming(1000) as incoming:
        incoming.write(b"a crash came before its row")
        orphan = incoming.keep()
    assert remove_orphans(database, blobs) == 1
    assert blobs.path(film.sha256).exists()
    assert not blobs.path(orphan.sha256).exists()


def test_a_film_whose_bytes_are_taken_for_orphans_while_it_is_kept_has_them_in_the_end(
    database: Database, blobs: BlobStore, new_film: Callable[..., Film]
) -> None:
    with blobs.incoming(1000) as incoming:
        incoming.write(b"new")
        kept = incoming.keep()
        assert remove_orphans(database, blobs) == 1
        new_film(sha256=kept.sha256)
        incoming.settle()
    assert blobs.path(hashlib.sha256(b"new").hexdigest()).exists()


def test_a_clock_that_jumps_is_found_out_and_one_that_runs_is_not(set_clock: Clock) -> None:
    passed = [0.0]
    steady = SteadyClock(set_clock, seconds=lambda: passed[0])
    set_clock.move(days=30)
    passed[0] = 30 * 86400.0
    assert not steady.has_jumped()
    set_clock.move(days=365)
    assert steady.has_jumped()
    set_clock.move(days=-365)
    assert not steady.has_jumped()
    set_clock.move(hours=-2)
    assert steady.has_jumped()
