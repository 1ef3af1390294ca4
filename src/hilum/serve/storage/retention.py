"""Deleting films when their time has come. What was said of them, and that they were, remains.

Bytes are deleted in a transaction that first looks whether their film is to stay, and that nobody
else's runs beside: the lock is that of the audit trail, which `add_film` takes, too. A sender whose
transaction comes later finds them gone before anyone is told, and puts them back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from hilum.serve.clock import Clock
from hilum.serve.storage import audit
from hilum.serve.storage.blobs import BlobStore
from hilum.serve.storage.database import Database
from hilum.serve.storage.objects import kept_names
from hilum.serve.storage.tables import films, jobs

__all__ = ["SteadyClock", "remove_old", "remove_orphans"]

_AT_ONCE = 200
_JUMP = timedelta(hours=1)

logger = logging.getLogger(__name__)


class SteadyClock:
    """Says whether a clock has run like one since the start: a jump must not delete films.

    Args:
        clock: What time it is.
        seconds: Seconds that never jump.
    """

    def __init__(self, clock: Clock, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._seconds = clock, seconds
        self._start, self._began = clock(), seconds()

    def has_jumped(self) -> bool:
        """Return whether it is more than an hour off what has passed since the start."""
        passed = timedelta(seconds=self._seconds() - self._began)
        return abs(self._clock() - self._start - passed) > _JUMP


def remove_old(
    database: Database, blobs: BlobStore, *, before: datetime, now: datetime, who: str = "hilum"
) -> int:
    """Delete the bytes and the names of patients of films that last came before a moment.

    A film that still waits to be read is kept until it has been.

    Returns:
        How many films were deleted; at most 200 at a time.
    """
    waiting = select(jobs.c.film).where(jobs.c.state == "queued")
    due = (
        films.c.removed_at.is_(None),
        films.c.received_at < before,
        films.c.id.not_in(waiting),
    )
    old = select(films.c.id).where(*due).order_by(films.c.seq).limit(_AT_ONCE)
    gone = {"removed_at": now, "name": "", "patient_name": None, "patient_id": None}
    with database.write() as connection:
        audit.lock(connection)  # before any row: who sends a film takes them in this order
        ids = connection.execute(old).scalars().all()
        asked = update(films).where(films.c.id.in_(ids), *due).values(**gone, facts=None)
        rows = connection.execute(asked.returning(films.c.id, films.c.sha256)).all()
        for row in rows:
            audit.record(connection, actor=who, action="remove film", object=row.id, now=now)
    _delete(database, blobs, [row.sha256 for row in rows])
    return len(rows)


def remove_orphans(database: Database, blobs: BlobStore) -> int:
    """Delete files of which no row tells: a crash left them behind; return how many."""
    count = 0
    for names in blobs.names():
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            with database.read() as connection:
                known = kept_names(connection, some)
            count += _delete(database, blobs, [name for name in some if name not in known])
    if count:
        logger.info("%d files of which no row told were deleted", count)
    return count


def _delete(database: Database, blobs: BlobStore, names: Sequence[str]) -> int:
    """Delete the bytes of films that are not to stay; return how many."""
    if not names:
        return 0
    with database.write() as connection:
        audit.lock(connection)
        stay = kept_names(connection, names)
        gone = [name for name in names if name not in stay]
        for name in gone:
            blobs.remove(name)
    return len(gone)
