"""The audit trail: who saw or did what, when, with which bundle.

Entries are only added. Each holds the hash of the one before it, so that a change or a gap in the
middle shows. Cutting off the end shows only to someone who kept a later hash: write down `head`
elsewhere now and then, as `hilum db audit` prints it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text

from hilum.errors import ConfigError
from hilum.serve.storage.tables import audit

__all__ = ["Fault", "Head", "head", "head_from", "last", "lock", "record", "verify"]

_START = "0" * 64
_LOCK = 0x68696C756D
"""Names PostgreSQL's lock for the end of the chain."""

_INFO = "hilum_audit"
"""Where a connection keeps the last hash that its transaction wrote."""

_INSERT = insert(audit)
_LAST = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry: its number and hash; 0 and zeros where there is none."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry that does not fit the one before it.

    Args:
        seq: Its number.
        reason: What is wrong with it.
    """

    seq: int
    reason: str


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    object: str,  # noqa: A002
    now: datetime,
    bundle: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry, in the transaction of what it tells of.

    Args:
        connection: In a writing transaction.
        actor: Who did it: a user's name, a token's, an AE title.
        action: What was done, a verb and a noun: "read film".
        object: What it was done to, by its id.
        now: When.
        bundle: The bundle that answered, if one did.
        detail: What else is to be known; JSON values.
    """
    lock(connection)
    within = connection.get_nested_transaction() or connection.get_transaction()
    kept = connection.info.get(_INFO)  # outlives its transaction, which may have been undone
    previous = kept[1] if kept and kept[0] is within else head(connection).hash
    values = {
        "at": now,
        "actor": actor,
        "action": action,
        "object": object,
        "bundle": bundle,
        "detail": json.dumps(detail or {}, sort_keys=True, separators=(",", ":")),
        "previous": previous,
    }
    values["hash"] = _hash(values)
    connection.execute(_INSERT, values)
    connection.info[_INFO] = (within, values["hash"])


def lock(connection: Connection) -> None:
    """Wait until no other transaction adds an entry, and keep others from it until this one ends.

    A transaction that changes rows others may want takes it before them, so that no two wait for
    each other. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def head(connection: Connection) -> Head:
    """Return the last entry."""
    found = connection.execute(_LAST).first()
    return Head(0, _START) if found is None else Head(found.seq, found.hash)


def head_from(text: str) -> Head:
    """Return an end as it was written down, "SEQ:HASH".

    Raises:
        ConfigError: If it is not that.
    """
    seq, _, digest = text.partition(":")
    if not (seq.isascii() and seq.isdigit() and len(digest) == len(_START)):
        raise ConfigError(f"Expected SEQ:HASH as `hilum db audit` prints it, got {text[:80]!r}.")
    return Head(int(seq), digest)


def last(connection: Connection, count: int) -> list[dict[str, Any]]:
    """Return the last entries as JSON values, oldest first."""
    asked = select(audit).order_by(audit.c.seq.desc()).limit(count)
    rows = [dict(row) for row in connection.execute(asked).mappings()]
    shown = [
        {**row, "at": row["at"].isoformat(), "detail": json.loads(row["detail"])} for row in rows
    ]
    return [{str(name): value for name, value in row.items()} for row in reversed(shown)]


def verify(connection: Connection, *, kept: Head | None = None) -> Fault | None:
    """Return the first entry that was changed, or after which one is missing; None if all is well.

    Args:
        connection: Any.
        kept: A head that was written down earlier; it must still be there.
    """
    asked = select(audit).order_by(audit.c.seq).execution_options(yield_per=1000)
    with connection.execute(asked) as found:
        return _fault(found.mappings(), kept)


def _fault(rows: Iterable[Mapping[Any, Any]], kept: Head | None) -> Fault | None:
    previous, seen = _START, kept is None or kept.seq == 0
    for row in rows:
        if row["previous"] != previous:
            return Fault(row["seq"], "an entry before it is missing or was changed")
        if row["hash"] != _hash(row):
            return Fault(row["seq"], "it was changed")
        if kept is not None and row["seq"] == kept.seq:
            if row["hash"] != kept.hash:
                return Fault(row["seq"], "it is not the entry whose hash was written down")
            seen = True
        previous = row["hash"]
    if not seen and kept is not None:
        return Fault(kept.seq, "the entry whose hash was written down is gone: the end was cut off")
    return None


def _hash(values: Mapping[Any, Any]) -> str:
    told = [
        values["previous"],
        values["at"].isoformat(timespec="microseconds"),
        *(values[name] for name in ("actor", "action", "object", "bundle", "detail")),
    ]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()
