"""Worker processes that are replaced when a film kills one.

`concurrent.futures` gives up on all of its processes when one dies. Here each worker has a pipe of
its own and answers in order, so the first unanswered film of a dead worker is the suspect. It is
tried once more, alone in a fresh process; if that dies, too, the film is recorded as failed. The
film behind it in the queue had not been begun and is simply handed out again.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import signal
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Self

from hilum.errors import BundleError, HilumError
from hilum.screening.archive.feed import Feed
from hilum.screening.archive.item import Item
from hilum.screening.archive.row import FilmRow, failed_row
from hilum.screening.archive.worker import AHEAD, Fatal, Job, Ready, work

__all__ = ["Crew"]

_BEAT_S = 0.5
_STARVED_S = 0.02
_START_S = 300.0
_FAILED_STARTS = 3
_FAREWELL_S = 2.0


@dataclass(slots=True)
class _Task:
    item: Item
    deaths: int = 0


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    since: float
    """When the film at hand was begun, or the process was started."""
    ready: bool = False
    alone: bool = False
    tasks: deque[_Task] = field(default_factory=deque)


class Crew:
    """A fixed number of worker processes.

    Args:
        job: What each of them is told.
        workers: How many.
        film_timeout_s: Seconds after which a worker that is still at one film is killed.
    """

    def __init__(self, job: Job, workers: int, *, film_timeout_s: float) -> None:
        self._job = job
        self._timeout_s = film_timeout_s
        self._spawn = multiprocessing.get_context("spawn")
        self._suspects: deque[_Task] = deque()
        self._returned: deque[_Task] = deque()
        self._failed_starts = 0
        self._workers = [self._start() for _ in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join(_FAREWELL_S)
            worker.pipe.close()

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return [worker.process.pid or 0 for worker in self._workers]

    def answers(self, feed: Feed) -> Iterator[FilmRow | None]:
        """Yield a row for each item of the feed as it is answered, and None twice a second.

        Raises:
            BundleError: If a worker cannot use the bundle, or finds another one in its place.
            HilumError: If workers cannot be started.
        """
        while True:
            yield from self._hand_out(feed)
            if not self._busy() and feed.finished:
                return
            yield from self._collect(feed)
            yield None

    def _busy(self) -> bool:
        waiting = bool(self._suspects or self._returned)
        return waiting or any(worker.tasks for worker in self._workers)

    def _hand_out(self, feed: Feed) -> Iterator[FilmRow]:
        """Give each worker the films it has room for; those known to be bad are answered here."""
        for worker in self._workers:
            while worker.ready and not worker.alone and len(worker.tasks) < AHEAD:
                task = self._next_task(worker, feed)
                if task is None:
                    break
                if task.item.error is not None:
                    yield failed_row(task.item, task.item.error)
                else:
                    self._give(worker, task)

    def _next_task(self, worker: _Worker, feed: Feed) -> _Task | None:
        idle = not worker.tasks
        if self._suspects and idle:
            worker.alone = True
            return self._suspects.popleft()
        # A worker that is busy may hang, and sending it more than a pipe holds would hang, too.
        if self._returned and (idle or not self._returned[0].item.held):
            return self._returned.popleft()
        item = feed.take(light=not idle)
        return None if item is None else _Task(item)

    def _give(self, worker: _Worker, task: _Task) -> None:
        if not worker.tasks:
            worker.since = time.monotonic()
        worker.tasks.append(task)
        try:
            worker.pipe.send(task.item)
        except OSError:  # It has died; `_collect` will find that out and bury it.
            worker.ready = False

    def _collect(self, feed: Feed) -> Iterator[FilmRow]:
        """Wait for news from the workers, and deal with it."""
        pipes = {worker.pipe: worker for worker in self._workers}
        starved = not feed.finished and any(w.ready and not w.tasks for w in self._workers)
        timeout = _STARVED_S if starved else _BEAT_S
        for pipe in multiprocessing.connection.wait(list(pipes), timeout):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                while worker.pipe.poll():
                    yield from self._hear(worker, worker.pipe.recv())
            except (EOFError, OSError):
                yield from self._bury(worker, _cause(worker.process))
        now = time.monotonic()
        for worker in list(self._workers):
            yield from self._watch(worker, now)

    def _hear(self, worker: _Worker, message: Ready | Fatal | FilmRow) -> Iterator[FilmRow]:
        worker.since = time.monotonic()
        if isinstance(message, Fatal):
            raise BundleError(message.reason)
        if isinstance(message, Ready):
            worker.ready, self._failed_starts = True, 0
            return
        worker.tasks.popleft()
        worker.alone = False
        yield message

    def _watch(self, worker: _Worker, now: float) -> Iterator[FilmRow]:
        """Kill a worker that has been at one film, or at its start, for too long."""
        started = worker.ready or bool(worker.tasks)
        limit = self._timeout_s if started else _START_S
        if (worker.tasks or not started) and now - worker.since > limit:
            worker.process.kill()
            worker.process.join(_FAREWELL_S)
            yield from self._bury(
                worker, f"took longer than {limit:g} s and was stopped (--film-timeout)"
            )

    def _bury(self, worker: _Worker, cause: str) -> Iterator[FilmRow]:
        """Replace a dead worker; its film at hand becomes a suspect, or is given up."""
        if not worker.tasks and not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS * len(self._workers):
                raise HilumError(
                    f"Worker processes cannot be started: the last one {cause}. In a script, put "
                    "the call below `if __name__ == '__main__':`; otherwise, is memory short?"
                )
        place = self._workers.index(worker)
        worker.pipe.close()
        self._workers[place] = self._start()
        if not worker.tasks:
            return
        suspect = worker.tasks.popleft()
        self._returned.extend(worker.tasks)
        suspect.deaths += 1
        if suspect.deaths > 1:
            yield failed_row(suspect.item, f"the process that read it {cause}, twice")
        else:
            self._suspects.append(suspect)

    def _start(self) -> _Worker:
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(target=work, args=(self._job, theirs), daemon=True)
        try:
            process.start()
        except OSError as error:
            raise HilumError(f"A worker process cannot be started: {error}.") from error
        theirs.close()
        return _Worker(process, ours, time.monotonic())


def _cause(process: SpawnProcess) -> str:
    """Say how a process ended, as the end of a sentence that begins with it."""
    process.join(_FAREWELL_S)
    code = process.exitcode
    if code is None:
        process.kill()
        return "closed its pipe and was stopped"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    hint = "; was memory short?" if -code == signal.SIGKILL else ""
    return f"was killed by signal {-code} ({name}{hint})"
