"""Which process does what, and how the others know that it has died.

Each process that works on a data folder holds a lock on a file of its own there. The kernel lets
go of it when the process ends, however it ends, so that "is its owner alive?" needs neither a
clock nor a number that another process might be given later.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import Self

__all__ = ["Owner"]


class Owner:
    """This process's lock and its folder for unfinished files.

    Args:
        data: The data folder; made if missing.
    """

    def __init__(self, data: Path) -> None:
        self.id = secrets.token_hex(16)
        self._owners = data / "owners"
        self._incoming = data / "incoming"
        for folder in (self._owners, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = _taken(self._path(self.id))  # nobody else knows the id yet
        self.incoming = self._incoming / self.id
        self.incoming.mkdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def alive(self, owner: str) -> bool:
        """Say whether the process with this id still runs."""
        if owner == self.id:
            return True
        try:
            handle = _taken(self._path(owner), make=False)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        os.close(handle)
        return False

    def sweep(self) -> int:
        """Delete what dead processes left unfinished, and their locks; return of how many.

        An owner without a lock counts as dead, so a lock may go as soon as nobody holds it.
        """
        dead = [each.name for each in self._incoming.iterdir() if not self.alive(each.name)]
        for name in dead:
            shutil.rmtree(self._incoming / name, ignore_errors=True)
            self._path(name).unlink(missing_ok=True)
        return len(dead)

    def close(self) -> None:
        """Leave nothing behind, and let go of the lock."""
        shutil.rmtree(self.incoming, ignore_errors=True)
        self._path(self.id).unlink(missing_ok=True)
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def _path(self, owner: str) -> Path:
        return self._owners / f"{owner}.lock"


def _taken(path: Path, *, make: bool = True) -> int:
    """Return the handle of a file that is locked now.

    Raises:
        BlockingIOError: If another process holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
