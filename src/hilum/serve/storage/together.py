"""Writes of many threads in few transactions.

A commit waits for the disk, and SQLite has one writer: thirty films that arrive at once would wait
for each other thirty times. So one thread does what is asked for in the order it was asked, all
that has come meanwhile in one transaction, and says so only after the commit. Where one of them
fails, all are undone and done again one by one, so that it fails alone. Whoever has to wait for
longer things anyway can be kept waiting here, too, so that more comes together.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection

from hilum.serve.storage import audit
from hilum.serve.storage.database import Database
from hilum.serve.storage.errors import FullError, UnavailableError

__all__ = ["Together"]

_MOST = 64

Result = TypeVar("Result")
_Asked = tuple[Callable[[Connection], Any], "Future[Any]"]


class Together:
    """The one thread that writes what many ask for.

    Args:
        database: Where.
        pause_s: Says how many seconds to wait for more before each transaction; None for no wait.
    """

    def __init__(self, database: Database, *, pause_s: Callable[[], float] | None = None) -> None:
        self._database, self._pause_s = database, pause_s or (lambda: 0.0)
        self._ending = threading.Event()
        self._queue: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._go_on, name="hilum-writer", daemon=True)
        self._thread.start()

    def submit(self, do: Callable[[Connection], Result]) -> Future[Result]:
        """Have something done in a writing transaction; the future ends after its commit.

        Args:
            do: What; it may be done twice, and what it did the first time is undone before.
        """
        future: Future[Result] = Future()
        self._queue.put((do, future))
        return future

    def write(self, do: Callable[[Connection], Result]) -> Result:
        """Do something in a writing transaction, and wait for its commit.

        Raises:
            UnavailableError: If the database cannot be reached. Nothing was kept.
            FullError: If its disk is full. Nothing was kept.
        """
        return self.submit(do).result()

    def close(self, timeout_s: float) -> None:
        """Do what was asked for until now, and end."""
        self._ending.set()
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _go_on(self) -> None:
        going = True
        while going:
            batch = [self._queue.get()]
            if (pause := self._pause_s()) > 0:
                self._ending.wait(pause)
            while len(batch) < _MOST:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            going = None not in batch
            self._do([asked for asked in batch if asked is not None])

    def _do(self, batch: list[_Asked]) -> None:
        try:
            with self._database.write() as connection:
                audit.lock(connection)  # before any row, as everyone does who takes it
                results = [do(connection) for do, _ in batch]
        except Exception as error:  # noqa: BLE001  (it is told to who asked)
            if len(batch) > 1 and not isinstance(error, UnavailableError | FullError):
                for each in batch:
                    self._do([each])
                return
            for _, future in batch:
                future.set_exception(error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)
