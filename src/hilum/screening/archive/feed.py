"""Walk ahead of the workers, in a thread, and only so far.

The walk may wait for a slow disk or unpack a compressed tar; meanwhile the crew must go on
collecting answers and watching the clock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from hilum.screening.archive.item import Item

__all__ = ["Feed"]

_ITEMS = 512
_BYTES = 128 * 1024**2


class Feed:
    """Items taken from an iterator by a thread of its own.

    Args:
        items: What to take; used by the thread only.
    """

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._queue: deque[Item] = deque()
        self._held = 0
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._walk, name="hilum-walk", daemon=True)
        self._thread.start()

    @property
    def finished(self) -> bool:
        """Whether there will be no further item."""
        with self._changed:
            return self._ended and not self._queue and self._error is None

    def take(self, *, light: bool = False, wait_s: float = 0.0) -> Item | None:
        """Return the next item; None if there is none now.

        Args:
            light: Leave an item that comes with its bytes where it is.
            wait_s: Seconds to wait for one.

        Raises:
            Exception: What the iterator raised, once its items are used up.
        """
        with self._changed:
            if not self._queue and not self._ended and wait_s > 0:
                self._changed.wait(wait_s)
            if not self._queue:
                if self._error is not None:
                    raise self._error
                return None
            if light and self._queue[0].held:
                return None
            item = self._queue.popleft()
            self._held -= item.held
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Tell the thread to stop after the item at hand."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()

    def _walk(self) -> None:
        try:
            for item in self._items:
                with self._changed:
                    self._changed.wait_for(self._has_room)
                    if self._closed:
                        return
                    self._queue.append(item)
                    self._held += item.held
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - raised again in the thread that takes
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._closed or (len(self._queue) < _ITEMS and self._held < _BYTES)
