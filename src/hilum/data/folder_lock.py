"""One writer at a time in a folder, on one machine or several that share it.

The operating system holds the lock, so it is gone the moment its owner is, however that ended.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hilum.errors import CacheError

__all__ = ["LOCK_NAME", "only_writer"]

LOCK_NAME = "lock"

_log = logging.getLogger(__name__)
_POLL_S = 0.1


@contextmanager
def only_writer(folder: Path, *, wait_s: float) -> Iterator[None]:
    """Hold the folder's lock; wait for another owner, with a note in the log.

    Args:
        folder: An existing folder; the file `lock` in it stays behind and is harmless.
        wait_s: Seconds to wait; 0 tries once.

    Raises:
        CacheError: If another process still holds it; names the process and its host.
    """
    handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _acquire(handle, folder, wait_s)
        owner = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        os.ftruncate(handle, 0)
        os.pwrite(handle, owner.encode(), 0)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, folder: Path, wait_s: float) -> None:
    import fcntl

    deadline = time.monotonic() + wait_s
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise CacheError(
                    f"{folder} is being written by {_owner(handle)}; waited {wait_s:g} s. "
                    "Try again when it is done."
                ) from None
            if not told:
                _log.warning("%s is being written by %s; waiting", folder, _owner(handle))
                told = True
            time.sleep(_POLL_S)
        else:
            return


def _owner(handle: int) -> str:
    """Read who holds the lock, for a message."""
    try:
        owner = json.loads(os.pread(handle, 1000, 0))
        return f"process {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
