"""Files that are kept beside films: what an archive sent that is no film, and results for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, delete, select

from hilum.serve.storage import audit
from hilum.serve.storage.blobs import BlobStore
from hilum.serve.storage.database import Database
from hilum.serve.storage.inserting import insert_new
from hilum.serve.storage.tables import deliveries, films, objects

__all__ = ["add_object", "kept_names", "remove_old_objects"]

Kind = Literal["aside", "own", "result"]
_AT_ONCE = 200


def add_object(connection: Connection, sha256: str, kind: Kind, *, now: datetime) -> None:
    """Note that a file is kept, before anyone is told; the same file twice is noted once."""
    insert_new(connection, objects, {"sha256": sha256, "kind": kind, "at": now})


def kept_names(connection: Connection, names: Sequence[str]) -> set[str]:
    """Return those of some names whose files must stay: of films, and of other objects."""
    of_films = select(films.c.sha256).where(films.c.sha256.in_(names), films.c.removed_at.is_(None))
    of_others = select(objects.c.sha256).where(objects.c.sha256.in_(names))
    return {*connection.execute(of_films).scalars(), *connection.execute(of_others).scalars()}


def remove_old_objects(
    database: Database, blobs: BlobStore, *, before: datetime, now: datetime, who: str = "hilum"
) -> int:
    """Delete objects that came before a moment, but for results that wait to be sent.

    Returns:
        How many were deleted; at most 200 at a time.
    """
    with database.write() as connection:
        audit.lock(connection)
        waiting = select(deliveries.c.files).where(deliveries.c.state == "waiting")
        needed = {name for files in connection.execute(waiting).scalars() for name in files}
        old = select(objects.c.sha256).where(objects.c.at < before).order_by(objects.c.at)
        found = [name for name in connection.execute(old).scalars() if name not in needed]
        found = found[:_AT_ONCE]
        for name in found:
            connection.execute(delete(objects).where(objects.c.sha256 == name))
        stay = kept_names(connection, found)
        for name in found:
            if name not in stay:
                blobs.remove(name)
        if found:
            audit.record(
                connection, actor=who, action="remove objects", object=f"{len(found)} files",
                now=now,
            )  # fmt: skip
    return len(found)
