"""As many processes that look at films as there are cores, replaced when they die.

Each has a thread here that hands it one task at a time, so the film of a dead process is known. It
is tried once more in a fresh process; if that dies, too, the film is given up and says why.
"""

from __future__ import annotations

import itertools
import logging
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from hilum.errors import BundleError
from hilum.serve.workers.frames import FrameError, receive, send
from hilum.serve.workers.tasks import Draw, Drawn, Failed, Look, Reply, Seen, Show, Shown, Task

__all__ = ["Limits", "Pool"]

_START_S = 120.0
_FAREWELL_S = 2.0
_TRIES = 2
_AGAIN_S = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a film may cost.

    Args:
        film_s: Seconds after which a process that is still at one task is killed.
        memory_mb: What a process may take beyond what it needs for its network.
        cpu_s: Processor seconds after which a process is replaced.
    """

    film_s: float = 30.0
    memory_mb: int = 2048
    cpu_s: int = 24 * 3600


@dataclass(order=True, slots=True)
class _Waiting:
    urgency: int
    number: int
    task: Task | None = field(compare=False)
    future: Future[Reply] = field(compare=False)


class Pool:
    """Processes that look at films with one bundle.

    Args:
        bundle: Its folder.
        bundle_id: Its id; a process that finds another one refuses to work.
        count: How many processes.
        limits: What a film may cost.
    """

    def __init__(
        self, bundle: Path, bundle_id: str, count: int, *, limits: Limits | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._first = {
            "bundle": str(bundle), "bundle_id": bundle_id, "threads": 1,
            "memory_mb": self._limits.memory_mb, "cpu_s": self._limits.cpu_s,
        }  # fmt: skip
        self._queue: queue.PriorityQueue[_Waiting] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._places = [_Place(self._first, self._limits) for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._serve, args=(place,), name="hilum-worker", daemon=True)
            for place in self._places
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task, *, urgency: int = 1) -> Future[Reply]:
        """Ask for something; the future holds the reply, or a BundleError.

        Args:
            task: What.
            urgency: 0 for someone who waits in front of a screen, 1 for what is read in turn.
        """
        future: Future[Reply] = Future()
        self._queue.put(_Waiting(urgency, next(self._numbers), task, future))
        return future

    @property
    def waiting(self) -> int:
        """How many tasks nobody has begun."""
        return self._queue.qsize()

    @property
    def alive(self) -> int:
        """How many processes are open and at work or waiting for it."""
        return sum(place.open for place in self._places)

    @property
    def deaths(self) -> int:
        """How many processes have died over films."""
        return sum(place.deaths for place in self._places)

    @property
    def problem(self) -> str | None:
        """Why no process can be opened, if that is so."""
        return next((place.fatal for place in self._places if place.fatal), None)

    @property
    def pids(self) -> list[int]:
        """Process ids of those at work."""
        return [place.pid for place in self._places if place.pid]

    def close(self, timeout_s: float = 20.0) -> None:
        """Finish what was begun, leave the rest undone, and end."""
        for _ in self._threads:
            self._queue.put(_Waiting(-1, next(self._numbers), None, Future()))
        end = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        for place in self._places:
            place.closing = True
            place.kill()

    def _serve(self, place: _Place) -> None:
        place.start()
        while (waiting := self._queue.get()).task is not None:
            if not waiting.future.set_running_or_notify_cancel():
                continue
            try:
                waiting.future.set_result(place.done(waiting.task))
            except BundleError as error:
                waiting.future.set_exception(error)


class _Place:
    """One process, and whoever takes its place."""

    def __init__(self, first: dict[str, Any], limits: Limits) -> None:
        self._first, self._limits = first, limits
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self.deaths = 0
        self.fatal: str | None = None
        self.closing = False
        self._opened = False
        self._not_before = 0.0

    @property
    def open(self) -> bool:
        return self._opened and self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start a process, if there is none; why it cannot be is kept in `fatal` for a while."""
        if self.open or time.monotonic() < self._not_before:
            return
        for _ in range(_TRIES):
            self.kill()
            try:
                self.fatal = self._started()
                break
            except (EOFError, OSError, FrameError, TimeoutError) as error:
                self.fatal = f"A process that looks at films cannot be started: {error}"
        if self.fatal:
            logger.error("%s", self.fatal)
            self._not_before = time.monotonic() + _AGAIN_S
            self.kill()
        self._opened = self.fatal is None

    def _started(self) -> str | None:
        """Start a process; return its fault if it says that it has one."""
        ours, theirs = socket.socketpair()
        self._pipe = Connection(ours.detach())
        with theirs:
            module = "hilum.serve.workers.child"
            command = [sys.executable, "-P", "-m", module, str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
        send(self._pipe, self._first)
        head, _ = self._reply(_START_S)
        return head.get("fatal")

    def done(self, task: Task) -> Reply:
        """Return the reply to a task, whatever it does to the process.

        Raises:
            BundleError: If no process can be opened with the bundle.
        """
        cause = ""
        for deaths in range(_TRIES):
            self.start()
            if self.fatal:
                raise BundleError(self.fatal)
            try:
                send(self._open_pipe(), *_asked(task))
                return _told(task, *self._reply(self._limits.film_s))
            except TimeoutError:
                cause = f"took longer than {self._limits.film_s:g} s and was stopped"
            except (EOFError, OSError, FrameError):
                cause = self._cause()
            self.kill()
            if self.closing:
                raise BundleError("The server stops; the film is read when it runs again.")
            self.deaths += 1
            logger.warning("A process that looked at a film %s (time %d)", cause, deaths + 1)
        return Failed(f"The process that read it {cause}, {_TRIES} times.", _TRIES)

    def kill(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_FAREWELL_S)
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None
        self._opened = False

    def _open_pipe(self) -> Connection:
        if self._pipe is None:
            raise EOFError("there is no process")
        return self._pipe

    def _reply(self, timeout_s: float) -> tuple[dict[str, Any], list[bytes]]:
        pipe = self._open_pipe()
        if not pipe.poll(timeout_s):
            raise TimeoutError(f"no reply in {timeout_s:g} s")
        return receive(pipe)

    def _cause(self) -> str:
        """Say how the process ended, as the end of a sentence that begins with it."""
        if self._process is None:
            return "was gone"
        try:
            code = self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code >= 0:
            return f"ended with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"was killed by {name}"


def _asked(task: Task) -> tuple[Any, ...]:
    if isinstance(task, Look):
        struck = [list(region) for region in task.struck]
        return ({"kind": "look", "path": task.path, "struck": struck},)
    if isinstance(task, Show):
        return ({"kind": "show", "path": task.path, "longest": task.longest},)
    cams = np.ascontiguousarray(task.cams, "<f4")
    head = {"kind": "draw", "path": task.path, "told": dict(task.told), "label": task.label}
    return {**head, "cams": list(cams.shape)}, cams.tobytes()


def _told(task: Task, head: dict[str, Any], blobs: list[bytes]) -> Reply:
    """Build the reply, checked as something a broken process may have sent.

    Raises:
        FrameError: If it is not a reply to this task.
    """
    if "failed" in head:
        return Failed(str(head["failed"]))
    try:
        if isinstance(task, Look):
            shape = head["cams"]
            cams = None if shape is None else np.frombuffer(blobs[0], "<f4").reshape(shape)
            region = None if head["region"] is None else tuple(map(float, head["region"]))
            return Seen(told=head["told"], facts=head["facts"], cams=cams, region=region)  # type: ignore[arg-type]
        if isinstance(task, Draw):
            return Drawn(blobs[0])
        return _shown(head, blobs[0])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FrameError(f"The reply is not one: {error}.") from error


def _shown(head: dict[str, Any], pixels: bytes) -> Shown:
    height, width = map(int, head["shape"])
    if height * width * head["bits"] != 8 * len(pixels):
        raise ValueError("its pixels do not fill its shape")
    return Shown(
        shape=(height, width),
        full_shape=(int(head["full_shape"][0]), int(head["full_shape"][1])),
        bits=head["bits"],
        white=head["white"],
        spacing_mm=None if head["spacing_mm"] is None else tuple(head["spacing_mm"]),
        spacing_kind=head["spacing_kind"],
        pixels=pixels,
    )
