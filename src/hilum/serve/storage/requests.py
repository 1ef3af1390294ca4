"""Idempotency keys: the same request twice is one request.

A client that lost the reply sends the same key again and gets the same film. The same key with
other bytes is a mistake of the client's and is told so.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from hilum.serve.storage.errors import ConflictError
from hilum.serve.storage.inserting import insert_new
from hilum.serve.storage.tables import requests

__all__ = ["forget_requests", "remember_request"]


def remember_request(
    connection: Connection, *, who: str, key: str, digest: str, film: str, now: datetime
) -> None:
    """Tie a key to a film, in the transaction that takes the film in.

    Raises:
        ConflictError: If the key was used with other bytes.
    """
    values = {"who": who, "key": key, "digest": digest, "film": film, "at": now}
    if insert_new(connection, requests, values) is not None:
        return
    condition = (requests.c.who == who) & (requests.c.key == key)
    if connection.execute(select(requests.c.digest).where(condition)).scalar_one() != digest:
        raise ConflictError(
            "This idempotency key was used with another film. Use a new key for each film."
        )


def forget_requests(connection: Connection, *, before: datetime) -> int:
    """Forget keys that are older; return how many."""
    return connection.execute(delete(requests).where(requests.c.at < before)).rowcount
