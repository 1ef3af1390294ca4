"""Screen an archive on one machine: walk, answer, write, and be ready to be killed at any moment.

What is done is what stands in complete shards, and nothing else is ever believed. A run that goes
on walks the archive again and leaves out the films whose keys stand there; the films of a shard
that was not finished are simply screened again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hilum.data.folder_lock import only_writer
from hilum.errors import DataError
from hilum.screening.archive.crew import Crew
from hilum.screening.archive.feed import Feed
from hilum.screening.archive.files import absolute
from hilum.screening.archive.item import Item
from hilum.screening.archive.keys import KeySet
from hilum.screening.archive.progress import Headcount, Progress, Tally
from hilum.screening.archive.record import RECORD_NAME, RunRecord, write_json
from hilum.screening.archive.retry import Retry
from hilum.screening.archive.row import FilmRow
from hilum.screening.archive.shards import ROWS, Shards
from hilum.screening.archive.summary import Summary, summarise
from hilum.screening.archive.walk import check_sources, find_items
from hilum.screening.archive.watch import BundleWatch
from hilum.screening.archive.worker import Answer, Job, open_screener
from hilum.screening.cores import usable_cores

__all__ = ["ArchiveOptions", "Prepared", "full_disk_told", "prepared_run", "screen_archive"]

SUMMARY_NAME = "summary.json"

Say = Callable[[Progress], None]
"""Told how far the run is, about twice a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOptions:
    """How an archive is screened.

    Args:
        threshold: Which of the bundle's thresholds decides; None for its default.
        force: Give probabilities also where the gate refuses.
        resume: Go on with the run in the folder, if there is one.
        retry_failed: When going on, do the films again whose row tells of an error.
        workers: Processes; None for one a physical core.
        film_timeout_s: Seconds one film may take before its process is killed.
        shard_rows: Rows of a shard, at most.
        shard_s: Seconds after which a shard is closed with the rows it has.
        open: Opens the network in a worker; benchmarks and tests may give another.
    """

    threshold: str | None = None
    force: bool = False
    resume: bool = False
    retry_failed: bool = False
    workers: int | None = None
    film_timeout_s: float = 60.0
    shard_rows: int = ROWS
    shard_s: float = 300.0
    open: Callable[[Job], Answer] = open_screener


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that may begin: its folder is locked, its bundle checked, what is done is known."""

    out: Path
    sources: tuple[str, ...]
    watch: BundleWatch
    job: Job
    shards: Shards
    done: KeySet
    retry: Retry

    def to_do(self, *, streams: bool = False) -> Iterator[Item]:
        """Yield the films that have no row yet; `streams` as for `find_items`."""
        found = find_items(self.sources, streams=streams)
        return (item for item in found if item.key not in self.done)

    def publish(self, content: bytes) -> None:
        """Write a shard, unless the bundle is no longer the one that answered.

        Raises:
            BundleError: If it is not.
            DataError: If the disk is full.
        """
        self.watch.check()
        with full_disk_told(self.out):
            fresh = self.retry.settle(content)
            if fresh is not None:
                self.shards.publish(fresh)

    def adopt(self, staged: Path) -> None:
        """Take a shard that was written elsewhere in the folder, as `publish` does."""
        self.watch.check()
        with full_disk_told(self.out):
            content = staged.read_bytes()
            fresh = self.retry.settle(content)
            if fresh is content:
                self.shards.adopt(staged)
            elif fresh is not None:
                self.shards.publish(fresh)

    def finish(self, *, now: int, seconds: float, complete: bool) -> Summary:
        """Count all shards and write the summary."""
        if complete:
            with full_disk_told(self.out):
                self.retry.forget_mended()
        found = summarise(self.shards.finished())
        found.screened_now, found.seconds, found.complete = now, seconds, complete
        with full_disk_told(self.out):
            write_json(self.out / SUMMARY_NAME, found.to_dict())
        return found


@contextmanager
def prepared_run(
    sources: Sequence[str | Path], bundle: str | Path, out: Path, options: ArchiveOptions
) -> Iterator[Prepared]:
    """Check everything that can be checked, then hold the folder's lock.

    Raises:
        BundleError: If the bundle cannot be used.
        ConfigError: If it has no such threshold.
        DataError: If a source is not there, or the folder holds another run, or one that was not
            asked to be resumed, or is in use.
    """
    named = tuple(dict.fromkeys(absolute(source) for source in sources))
    check_sources(named)
    watch = BundleWatch(absolute(bundle))
    record = RunRecord.of(named, watch.bundle, options.threshold, force=options.force)
    with ExitStack() as held:
        with full_disk_told(out):
            out.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_writer(out, wait_s=0))
        name = str(record.threshold["name"])
        same = {"threshold": name, "bundle": watch.bundle.id}
        shards = Shards(out, watch.bundle.record.classes, same)
        _admit(out, record, shards, resume=options.resume)
        if not (out / RECORD_NAME).exists():
            with full_disk_told(out):
                record.write(out, watch.bundle)
        job = Job(
            bundle=str(watch.bundle.folder),
            bundle_id=watch.bundle.id,
            threshold=options.threshold,
            force=options.force,
            open=options.open,
        )
        again = shards.failed() if options.retry_failed else {}
        done, retry = shards.keys(without=again), Retry(shards, again)
        yield Prepared(
            out=out, sources=named, watch=watch, job=job, shards=shards, done=done, retry=retry
        )


def screen_archive(
    sources: Sequence[str | Path],
    bundle: str | Path,
    out: Path,
    options: ArchiveOptions | None = None,
    *,
    say: Say | None = None,
    stop: Callable[[], bool] = bool,
) -> Summary:
    """Screen every film of an archive into Parquet shards. For research use only.

    Args:
        sources: Files, folders, tar and zip files, tables with a column `path`, URLs.
        bundle: The bundle's folder.
        out: Folder for `part-*.parquet`, `run.json` and `summary.json`.
        options: How; None for the defaults.
        say: Told how far the run is.
        stop: Asked twice a second; when it returns True, the rows at hand are written and the
            summary says that the run is not complete.

    Returns:
        What came of all films, earlier sessions included.

    Raises:
        BundleError: If the bundle cannot be used, or is changed while the run is on.
        ConfigError: If it has no such threshold.
        DataError: If the run cannot begin or go on (see `prepared_run`), or the disk is full.
        HilumError: If worker processes cannot be started.
    """
    options = options or ArchiveOptions()
    with prepared_run(sources, bundle, out, options) as run:
        start = time.monotonic()
        headcount = Headcount(run.sources)
        tally = Tally(len(run.done), headcount)
        feed = Feed(run.to_do())
        workers = options.workers or usable_cores()
        try:
            with Crew(run.job, workers, film_timeout_s=options.film_timeout_s) as crew:
                complete = _collect(crew.answers(feed), run, options, tally, (say, stop))
        finally:
            feed.close()
            headcount.close()
        run.watch.check()
        return run.finish(now=tally.now, seconds=time.monotonic() - start, complete=complete)


def _collect(
    answers: Iterator[FilmRow | None],
    run: Prepared,
    options: ArchiveOptions,
    tally: Tally,
    talk: tuple[Say | None, Callable[[], bool]],
) -> bool:
    """Write answers into shards as they come; return whether all came."""
    say, stop = talk
    rows: list[FilmRow] = []
    since = time.monotonic()
    complete = True
    for row in answers:
        if row is not None:
            rows.append(row)
            tally.add(row)
        elif say is not None:
            say(tally.progress())
        if rows and (len(rows) >= options.shard_rows or time.monotonic() - since > options.shard_s):
            _publish(run, rows)
            since = time.monotonic()
        if stop():
            complete = False
            break
    if rows:
        _publish(run, rows)
    if say is not None:
        say(tally.progress())
    return complete


def _publish(run: Prepared, rows: list[FilmRow]) -> None:
    """Write a shard, unless the bundle is no longer the one that answered."""
    run.publish(run.shards.encode(rows))
    rows.clear()


def _admit(out: Path, record: RunRecord, shards: Shards, *, resume: bool) -> None:
    begun = (out / RECORD_NAME).exists()
    finished = len(shards.finished())
    if (begun or finished) and not resume:
        raise DataError(
            f"{out} already holds a run with {finished} shards. Go on with it with --resume, or "
            "name another folder."
        )
    if begun or finished:
        record.check(out)
        shards.check_columns()
    shards.sweep()


@contextmanager
def full_disk_told(out: Path) -> Iterator[None]:
    """Turn a failure to write into a sentence that says what is safe and what to do."""
    try:
        yield
    except OSError as error:
        count = len(list(out.glob("part-*.parquet"))) if out.is_dir() else 0
        raise DataError(
            f"The results could not be written to {out}: {error.strerror or error}. {count} "
            "complete shards are safe. Make room, then go on with --resume."
        ) from error
