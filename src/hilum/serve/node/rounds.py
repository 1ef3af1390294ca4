"""Work that comes now and then, done in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

__all__ = ["Rounds"]

_log = logging.getLogger(__name__)


class Rounds:
    """Do what there is to do, again and again, in a thread.

    Args:
        work: Does a few things, and returns how many; after none the thread waits.
        name: Of the thread.
        trouble: What the log says of a round that fails; the next one comes all the same.
    """

    def __init__(self, work: Callable[[], int], *, name: str, trouble: str) -> None:
        self._work = work
        self._name = name
        self._trouble = trouble
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def stopping(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._stopping.is_set()

    def start(self, pause_s: float = 1.0) -> None:
        """Begin; look for work every `pause_s` seconds, and when woken."""
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._run, args=(pause_s,), name=self._name, daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Say that something new is to be done."""
        self._wake.set()

    def stop(self, patience_s: float = 20.0) -> None:
        """Finish what is under way, begin nothing else, and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(patience_s)

    def _run(self, pause_s: float) -> None:
        while not self.stopping:
            self._wake.clear()
            try:
                done = self._work()
            except Exception:  # noqa: BLE001 - the outermost handler of this thread
                _log.exception(self._trouble)
                done = 0
            if not done:
                self._wake.wait(pause_s)
