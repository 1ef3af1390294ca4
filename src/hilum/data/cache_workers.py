"""Reading and preparing files in parallel, in order, whatever any one of them does.

Separate from the cache because it is imported in worker processes: nothing here needs a table
library, and a worker is told only paths. A file that cannot be read is an outcome, not an error; a
file that kills its process is found by reading the suspects one at a time.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import stat
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hilum.data.kept_memory import keep_memory
from hilum.data.preprocessing import Preprocessing, prepare
from hilum.errors import CacheError, DataError, ImageReadError

__all__ = ["Job", "Outcome", "outcomes", "prefixes", "refuse_unguarded", "signature", "usable_cpus"]

_log = logging.getLogger(__name__)
_BATCH = 8
_AHEAD = 3
"""Batches in flight for each worker: enough to keep it busy, few enough to bound memory."""

_UNGUARDED = (
    "Worker processes cannot be started. In a script, put the call below "
    "`if __name__ == '__main__':`, or pass workers=1."
)
_BAD_FILE = (
    *(OSError, DataError, ValueError, TypeError, AttributeError),
    *(ArithmeticError, LookupError, RuntimeError, MemoryError),
)
"""What a decoder may raise on a file it never met; one file must not stop a million others."""

_SETTLED_NS = 2_000_000_000
_LARGEST = 2**31


class Outcome(NamedTuple):
    """What became of one file: an image, or a known hash without one, or an error."""

    path: str
    signature: str = ""
    bytes: int = 0
    sha256: str = ""
    image: NDArray[np.uint8] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """How to prepare files, and which contents need not be.

    Args:
        preprocessing: What to do with each.
        known: Sorted first 64 bits of the hashes already in the cache (see `prefixes`); a file
            that seems known is hashed but not decoded.
    """

    preprocessing: Preprocessing
    known: NDArray[np.uint64]

    def prepare(self, path: str) -> Outcome:
        """Read, hash and prepare one file; never raises for what the file is or holds."""
        from hilum.data.reading import read_radiograph

        try:
            found = Path(path).stat()
            if not stat.S_ISREG(found.st_mode):
                return Outcome(path, error="expected a file, got a folder or a device")
            if found.st_size > _LARGEST:
                return Outcome(path, error=f"expected at most 2 GiB, got {found.st_size} bytes")
            data = Path(path).read_bytes()
            sha256 = hashlib.sha256(data).hexdigest()
            mark = _settled_signature(path, found)
            if self._seems_known(sha256):
                return Outcome(path, mark, len(data), sha256)
            radiograph = read_radiograph(data, smallest_side=self.preprocessing.decode_side)
            image = prepare(radiograph, self.preprocessing)
        except ImageReadError as error:
            return Outcome(path, error=error.reason)
        except _BAD_FILE as error:
            gone = isinstance(error, FileNotFoundError)
            why = "there is no such file" if gone else f"{type(error).__name__}: {error}"
            return Outcome(path, error=why)
        return Outcome(path, mark, len(data), sha256, image)

    def _seems_known(self, sha256: str) -> bool:
        wanted = np.uint64(int(sha256[:16], 16))
        place = int(np.searchsorted(self.known, wanted))
        return place < self.known.size and bool(self.known[place] == wanted)


def prefixes(hashes: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    """Return the first 64 bits of hexadecimal hashes, sorted."""
    if not hashes.size:
        return np.empty(0, np.uint64)
    pairs = bytes.fromhex(hashes.astype("S16").tobytes().decode())
    return np.sort(np.frombuffer(pairs, ">u8").astype(np.uint64))


def signature(path: str, found: os.stat_result | None = None) -> str:
    """Return what changes whenever a file does: size, times and inode; "" if it is gone."""
    try:
        found = found or os.stat(path)  # noqa: PTH116 - a million of them
    except (OSError, ValueError):
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}-{found.st_ino}"


def _settled_signature(path: str, before: os.stat_result) -> str:
    """Return the signature of a file just read, or "" if a change could have gone unseen."""
    age = time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns)
    mark = signature(path, before)
    return mark if age > _SETTLED_NS and signature(path) == mark else ""


def usable_cpus() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refuse_unguarded() -> None:
    """Refuse to build where a worker process is only just importing an unguarded script.

    Raises:
        CacheError: Then; the build would wait for the very process that started it.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise CacheError(_UNGUARDED)


def outcomes(paths: Sequence[str], job: Job, *, workers: int) -> Iterator[Outcome]:
    """Yield the outcome of each path, in order.

    Args:
        paths: Absolute paths.
        job: How to prepare them.
        workers: Processes; with 1 the work is done in this one.

    Raises:
        CacheError: If worker processes cannot be started at all.
    """
    if workers == 1:
        yield from map(job.prepare, paths)
        return
    with _Crew(job, workers) as crew:
        waiting = deque(list(paths[at : at + _BATCH]) for at in range(0, len(paths), _BATCH))
        while waiting or crew.in_flight:
            crew.fill(waiting)
            yield from crew.next_batch()


class _Crew:
    """Worker processes that are replaced when a file kills one."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job = job
        self._workers = workers
        self._pool = self._start(workers)
        self.in_flight: deque[tuple[list[str], Future[list[Outcome]] | None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def fill(self, waiting: deque[list[str]]) -> None:
        """Hand out batches until each worker has a few."""
        while waiting and len(self.in_flight) < self._workers * _AHEAD:
            batch = waiting.popleft()
            try:
                self.in_flight.append((batch, self._pool.submit(_prepare_batch, batch)))
            except BrokenProcessPool:
                self.in_flight.append((batch, None))

    def next_batch(self) -> list[Outcome]:
        """Return the oldest batch's outcomes."""
        batch, future = self.in_flight.popleft()
        if future is not None:
            try:
                return future.result()
            except BrokenProcessPool:
                _log.warning("A worker process died; reading the files it may have had one by one")
        suspects = [batch, *(paths for paths, _ in self.in_flight)]
        self.in_flight.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        found = self._one_by_one([path for paths in suspects for path in paths])
        self._pool = self._start(self._workers)
        return found

    def _one_by_one(self, paths: list[str]) -> list[Outcome]:
        """Read files in a process that only the one being read can have killed."""
        found = []
        self._pool = self._start(1)
        for path in paths:
            try:
                found += self._pool.submit(_prepare_batch, [path]).result()
            except BrokenProcessPool:
                reason = "the process that read it died; is the file damaged, or memory short?"
                found.append(Outcome(path, error=reason))
                self._pool.shutdown()
                self._pool = self._start(1)
        self._pool.shutdown()
        return found

    def _start(self, workers: int) -> ProcessPoolExecutor:
        """Start processes that share nothing with this one, and see that they live."""
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), _set_job, (self._job,)
        )
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise CacheError(_UNGUARDED) from error
        return pool


_jobs: list[Job] = []
"""The job of this worker process; set once when it starts."""


def _set_job(job: Job) -> None:
    """Prepare this worker process: it leaves Ctrl-C to its parent and does not outlive it."""
    _jobs[:] = [job]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_memory()
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _prepare_batch(paths: list[str]) -> list[Outcome]:
    return [_jobs[0].prepare(path) for path in paths]
