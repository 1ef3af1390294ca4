"""Delays that grow with wrong passwords.

Three counts are kept, each with its own delay:

* a name at an address: free five times, then 1 s, 2 s, 4 s ... up to 15 minutes;
* an address, whatever the name: free thirty times, then up to 15 minutes;
* a name, wherever it comes from: free twenty times, then up to 30 seconds.

Whoever knows a reader's name can make wrong guesses at it for ever. If that locked the name, anyone
could keep a reader from reading; if it did not, anyone could guess without end. So the name's own
delay stays short, and does not count at an address from which that name has logged in during the
last 30 days: the reader's own workstation stays open. At one guess in 30 seconds, a year of guesses
is a million, against passwords of 12 characters and more that are not common. What is left: someone
at the reader's own address (the same workstation, or everyone behind one gateway) can delay them by
up to 15 minutes at a time. `hilum user unlock` ends it.

An attempt is counted before the password is looked at, and taken back if it was right, so that
a hundred guesses at once are a hundred, not one. Keys are hashes: people type passwords into
the field of the name.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, text, update

from hilum.serve.access.clock import age, is_from_the_future
from hilum.serve.access.errors import TooManyError
from hilum.serve.access.names import folded
from hilum.serve.storage.tables import attempts

__all__ = [
    "count_attempt",
    "forget_attempts",
    "network",
    "sweep_attempts",
    "take_back_attempt",
    "undo_attempt",
]

_LOCK = 0x61747470
"""Names PostgreSQL's lock for the counts; SQLite has one writer anyway."""

_FORGOTTEN = timedelta(hours=24)
_KNOWN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Rule:
    free: int
    most_s: int

    def delay(self, failures: int) -> timedelta:
        """Return how long after so many failures the next attempt must wait."""
        if failures < self.free:
            return timedelta()
        return timedelta(seconds=min(2.0 ** min(failures - self.free, 20), self.most_s))


_PAIR = _Rule(free=5, most_s=900)
_ADDRESS = _Rule(free=30, most_s=900)
_NAME = _Rule(free=20, most_s=30)


@dataclass(frozen=True, slots=True)
class _Keys:
    pair: str
    address: str
    name: str
    here: str

    @classmethod
    def of(cls, name: str, address: str) -> _Keys:
        own, place = _digest(folded(name)), network(address)
        return cls(f"pair:{own}:{place}", f"address:{place}", f"name:{own}", f"here:{own}:{place}")


def count_attempt(connection: Connection, *, name: str, address: str, now: datetime) -> None:
    """Count an attempt before its password is looked at.

    Args:
        connection: In a writing transaction.
        name: As it was typed.
        address: The peer's.
        now: When, UTC.

    Raises:
        TooManyError: If the name or the address must wait. Nothing is counted then.
    """
    _alone(connection)
    keys = _Keys.of(name, address)
    rules = {keys.pair: _PAIR, keys.address: _ADDRESS, keys.name: _NAME}
    waits = {key: _wait(connection, key, rule, now) for key, rule in rules.items()}
    if _has_been_here(connection, keys, now):
        del waits[keys.name]
    wait = max(waits.values())
    if wait > timedelta():
        raise TooManyError(wait.total_seconds(), "Too many wrong passwords.")
    for key, rule in rules.items():
        _count(connection, key, rule, now)


def take_back_attempt(connection: Connection, *, name: str, address: str, now: datetime) -> None:
    """Forget a name's failures after the right password; its address becomes a known one.

    The address keeps its other failures: else an attacker would log in under a name of their own
    between guesses.

    Args:
        connection: In a writing transaction.
        name: As it was typed.
        address: The peer's.
        now: When, UTC.
    """
    _alone(connection)
    keys = _Keys.of(name, address)
    connection.execute(delete(attempts).where(attempts.c.key.in_([keys.pair, keys.name])))
    _write(connection, keys.here, {"failures": 0, "last_at": now, "locked_until": None})
    row = _row(connection, keys.address)
    if row is not None and row.failures > 0:
        _write(connection, keys.address, {"failures": row.failures - 1, "locked_until": None})


def undo_attempt(connection: Connection, *, name: str, address: str) -> None:
    """Take an attempt back whose password was never looked at.

    Args:
        connection: In a writing transaction.
        name: As it was typed.
        address: The peer's.
    """
    _alone(connection)
    keys = _Keys.of(name, address)
    for key in (keys.pair, keys.address, keys.name):
        row = _row(connection, key)
        if row is not None and row.failures > 0:
            _write(connection, key, {"failures": row.failures - 1, "locked_until": None})


def forget_attempts(connection: Connection, *, name: str) -> int:
    """Forget every failure of a name, wherever; return how many counts there were."""
    _alone(connection)
    own = _digest(folded(name))
    keys = attempts.c.key.startswith(f"name:{own}") | attempts.c.key.startswith(f"pair:{own}")
    return connection.execute(delete(attempts).where(keys)).rowcount


def sweep_attempts(connection: Connection, *, now: datetime) -> int:
    """Delete counts that say nothing any more; return how many."""
    _alone(connection)
    old = attempts.c.last_at < now - _FORGOTTEN
    known = attempts.c.key.startswith("here:")
    older = attempts.c.last_at < now - _KNOWN
    return connection.execute(delete(attempts).where((old & ~known) | older)).rowcount


def network(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 of an IPv6 one.

    >>> network("2001:db8::1:2:3:4")
    '2001:db8::/64'
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _alone(connection: Connection) -> None:
    """Let no other transaction count until this one ends: two would count one.

    Where a transaction writes to the audit trail as well, this comes first, or two wait for
    each other.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _row(connection: Connection, key: str) -> Row[Any] | None:
    return connection.execute(select(attempts).where(attempts.c.key == key)).first()


def _has_been_here(connection: Connection, keys: _Keys, now: datetime) -> bool:
    """Return whether this name has lately logged in from this address."""
    row = _row(connection, keys.here)
    return row is not None and age(row.last_at, now) <= _KNOWN


def _wait(connection: Connection, key: str, rule: _Rule, now: datetime) -> timedelta:
    row = _row(connection, key)
    if row is None or row.locked_until is None or is_from_the_future(row.last_at, now):
        return timedelta()  # written by a clock that was ahead: it would lock for that long
    left: timedelta = row.locked_until - now
    return min(max(left, timedelta()), timedelta(seconds=rule.most_s))


def _count(connection: Connection, key: str, rule: _Rule, now: datetime) -> None:
    row = _row(connection, key)
    before = 0 if row is None or age(row.last_at, now) > _FORGOTTEN else row.failures
    delay = rule.delay(before + 1)
    values = {
        "failures": before + 1,
        "last_at": now,
        "locked_until": now + delay if delay else None,
    }
    _write(connection, key, values)


def _write(connection: Connection, key: str, values: dict[str, Any]) -> None:
    own = update(attempts).where(attempts.c.key == key).values(**values)
    if not connection.execute(own).rowcount:
        connection.execute(insert(attempts).values(key=key, **values))
