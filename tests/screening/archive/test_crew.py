from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hilum.errors import BundleError, HilumError
from hilum.screening.archive.crew import Crew
from hilum.screening.archive.feed import Feed
from hilum.screening.archive.item import Item
from hilum.screening.archive.row import FilmRow
from hilum.screening.archive.worker import Job
from hilum.screening.bundle import Bundle

Call = Callable[..., Any]


@pytest.fixture
def job(bundle: Bundle, opener: Call) -> Job:
    return Job(bundle=str(bundle.folder), bundle_id=bundle.id, open=opener("deadly"))


def answered(job: Job, items: list[Item], *, timeout_s: float = 30.0) -> dict[str, FilmRow]:
    """Return the rows of two workers, by file name, each film once."""
    with Crew(job, 2, film_timeout_s=timeout_s) as crew:
        rows = [row for row in crew.answers(Feed(iter(items))) if row is not None]
    assert len(rows) == len({row.key for row in rows}) == len(items)
    return {Path(row.path).name: row for row in rows}


def files(folder: Path) -> list[Item]:
    return [Item(path=str(path)) for path in sorted(folder.rglob("*.png"))]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (b"SEGFAULT", "the process that read it was killed by signal 11 (SIGSEGV), twice"),
        (b"LEAVE", "the process that read it ended with exit code 7, twice"),
        (b"RAISE", "the process that read it ended with exit code 1, twice"),
    ],
)
def test_a_film_that_kills_its_process_is_recorded_and_the_others_answered(
    job: Job, films: Path, spoil: Call, word: bytes, reason: str
) -> None:
    spoil(films / "a" / "bad.png", word)
    rows = answered(job, files(films))
    assert rows.pop("bad.png").error == reason
    assert len(rows) == 9
    assert all(row.accepted for row in rows.values())


def test_a_film_that_hangs_is_stopped_and_recorded(job: Job, films: Path, spoil: Call) -> None:
    spoil(films / "bad.png", b"HANG")
    rows = answered(job, files(films), timeout_s=1.0)
    assert "took longer than 1 s and was stopped (--film-timeout), twice" in (
        rows.pop("bad.png").error or ""
    )
    assert all(row.accepted for row in rows.values())


def test_a_film_whose_process_was_killed_by_chance_is_answered_at_the_second_try(
    job: Job, films: Path, spoil: Call
) -> None:
    spoil(films / "unlucky.png", b"ONCE")
    rows = answered(job, files(films))
    assert (films / "unlucky.png.mark").exists()
    assert rows["unlucky.png"].error is None
    assert rows["unlucky.png"].accepted


def test_films_that_come_with_their_bytes_survive_their_worker(
    job: Job, films: Path, spoil: Call
) -> None:
    spoil(films / "bad.png", b"SEGFAULT")
    items = [Item(path="films.tar.gz", member=path.name, where=path.read_bytes())
             for path in sorted(films.rglob("*.png"))]  # fmt: skip
    with Crew(job, 2, film_timeout_s=30) as crew:
        rows = {row.member: row for row in crew.answers(Feed(iter(items))) if row is not None}
    assert "signal 11" in (rows.pop("bad.png").error or "")
    assert all(row.accepted for row in rows.values())


def test_killed_workers_are_replaced_and_no_film_is_lost(
    bundle: Bundle, films: Path, opener: Call
) -> None:
    job = Job(bundle=str(bundle.folder), bundle_id=bundle.id, open=opener("slow"))
    items = [Item(path=item.path, copy=copy) for copy in range(1, 9) for item in files(films)]
    rows: list[FilmRow] = []
    with Crew(job, 2, film_timeout_s=30) as crew:
        first = set(crew.pids)
        for row in crew.answers(Feed(iter(items))):
            rows += [] if row is None else [row]
            if len(rows) == 10 and row is not None:  # Both at once: no film can be read twice.
                for pid in crew.pids:
                    os.kill(pid, 9)
        assert not first & set(crew.pids)
    assert sorted(row.key for row in rows) == sorted(item.key for item in items)
    assert [row.error for row in rows if row.error] == []


def test_no_worker_outlives_the_crew(job: Job, films: Path) -> None:
    with Crew(job, 2, film_timeout_s=30) as crew:
        assert len([row for row in crew.answers(Feed(iter(files(films)))) if row]) == 9
        pids = crew.pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_an_item_known_to_be_bad_needs_no_worker(job: Job) -> None:
    rows = answered(job, [Item(path="/x/films.zip", member="a.png", error="it is encrypted.")])
    assert rows["films.zip"].error == "it is encrypted."


def test_a_worker_that_finds_another_bundle_stops_the_run(bundle: Bundle, films: Path) -> None:
    job = Job(bundle=str(bundle.folder), bundle_id="0" * 64)
    with pytest.raises(BundleError, match="was changed while the archive was screened: expected 0"):
        answered(job, files(films))


def test_workers_that_cannot_start_stop_the_run(bundle: Bundle, films: Path, opener: Call) -> None:
    job = Job(bundle=str(bundle.folder), bundle_id=bundle.id, open=opener("never"))
    with pytest.raises(HilumError, match=r"cannot be started: the last one ended with exit code 3"):
        answered(job, files(films))


def test_a_fault_of_the_walk_reaches_the_caller(job: Job, films: Path) -> None:
    def walk() -> Any:
        yield from files(films)[:2]
        raise OSError("the disk went away")

    rows = []
    with Crew(job, 1, film_timeout_s=30) as crew, pytest.raises(OSError, match="went away"):
        rows.extend(crew.answers(Feed(walk())))
    assert pl.Series([row is not None for row in rows]).sum() <= 2


def test_the_feed_holds_few_items_and_few_bytes() -> None:
    drawn: list[int] = []

    def walk() -> Any:
        for number in range(2000):
            drawn.append(number)
            yield Item(path=str(number), where=b"x" * 1_000_000)

    feed = Feed(walk())
    deadline = time.monotonic() + 10
    while len(drawn) < 130 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert 130 <= len(drawn) <= 140
    feed.close()


def test_the_feed_gives_no_heavy_item_to_a_busy_worker() -> None:
    feed = Feed(iter([Item(path="heavy", where=b"x"), Item(path="light")]))
    assert feed.take(light=True, wait_s=5) is None
    assert (first := feed.take(wait_s=5)) is not None
    assert first.path == "heavy"
    assert feed.take(light=True, wait_s=5) == Item(path="light")
    deadline = time.monotonic() + 5
    while not feed.finished and time.monotonic() < deadline:
        time.sleep(0.01)
    assert feed.finished
