"""Programs: their tokens.

`hilum_` and 43 characters, which are 256 random bits, and 6 of a checksum: one pattern,
`hilum_[0-9A-Za-z]{49}`, by which scanners of repositories and logs find a token that leaked, and
a checksum by which they tell it from a word that looks like one. The table holds its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from hilum.errors import ConfigError
from hilum.serve.access.clock import age, has_passed, is_from_the_future
from hilum.serve.access.names import checked_name, folded
from hilum.serve.access.principal import Principal
from hilum.serve.access.roles import PROGRAMS, known_role
from hilum.serve.access.trail import Act
from hilum.serve.storage.errors import ConflictError, NotFoundError
from hilum.serve.storage.tables import tokens

__all__ = [
    "PATTERN",
    "Token",
    "create_token",
    "find_token",
    "is_token",
    "list_tokens",
    "revoke_token",
    "touch_token",
]

PATTERN = re.compile(r"hilum_[0-9A-Za-z]{49}")
"""What a token looks like."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TOUCH = timedelta(seconds=60)
_MOST_DAYS = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token; not the token.

    Args:
        id: What the outside world calls it.
        name: What it is for.
        role: What it may do.
        created_by: Who made it.
        created_at: When, UTC.
        expires_at: Until when it is good; None for always.
        revoked_at: Since when it is not; None while it is.
        seen_at: When it was last used, to the minute; None if never.
    """

    id: str
    name: str
    role: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    seen_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Return whether it is neither revoked nor expired."""
        if self.revoked_at is not None or is_from_the_future(self.created_at, now):
            return False
        return self.expires_at is None or not has_passed(self.expires_at, now)

    def is_due(self, now: datetime) -> bool:
        """Return whether `touch_token` has something to write: once a minute."""
        return self.seen_at is None or age(self.seen_at, now) >= _TOUCH

    @property
    def principal(self) -> Principal:
        """Who asks with it."""
        actor = f"token:{self.name}"
        return Principal(kind="token", name=actor, shown_name=actor, role=self.role, id=self.id)


def create_token(
    connection: Connection, act: Act, *, name: str, role: str, days: int | None = 365
) -> tuple[str, Token]:
    """Return a new token, which is shown once and kept nowhere, and what is known of it.

    Args:
        connection: In a writing transaction.
        act: Who makes it.
        name: What it is for; no other good token has it.
        role: One of `roles.PROGRAMS`.
        days: How long it is good, 1 to 3,650; None for always.

    Raises:
        ConfigError: If the name, the role or the days cannot be.
        ConflictError: If a token of that name is good.
    """
    kept, _ = checked_name(name)
    try:
        known_role(role, PROGRAMS)
    except ValueError as error:
        raise ConfigError(f"A token's role: {error}.") from None
    if days is not None and not 1 <= days <= _MOST_DAYS:
        raise ConfigError(f"A token is good for 1 to {_MOST_DAYS} days, got {days}.")
    if any(each.is_good(act.now) for each in list_tokens(connection) if each.name == kept):
        raise ConflictError(f"There is a token {kept!r} already. Revoke it, or take another name.")
    value = _new()
    token = Token(
        id=secrets.token_hex(16),
        name=kept,
        role=role,
        created_by=act.actor,
        created_at=act.now,
        expires_at=None if days is None else act.now + timedelta(days=days),
        revoked_at=None,
        seen_at=None,
    )
    values = {field: getattr(token, field) for field in Token.__slots__}
    connection.execute(insert(tokens).values(**values, hash=_hash(value)))
    act.written(connection, "create token", f"token:{kept}", role=role, days=days)
    return value, token


def find_token(connection: Connection, value: str, *, now: datetime) -> Token | None:
    """Return what is known of a token; None if it is not good or was never one.

    Args:
        connection: Any.
        value: What the program sent.
        now: When, UTC.
    """
    if not is_token(value):
        return None
    found = _token(connection.execute(select(tokens).where(tokens.c.hash == _hash(value))).first())
    return found if found is not None and found.is_good(now) else None


def touch_token(connection: Connection, token: Token, *, now: datetime) -> None:
    """Write down that it was used."""
    connection.execute(update(tokens).where(tokens.c.id == token.id).values(seen_at=now))


def list_tokens(connection: Connection) -> list[Token]:
    """Return every token there ever was, in the order they were made."""
    found = connection.execute(select(tokens).order_by(tokens.c.seq))
    return [token for row in found if (token := _token(row)) is not None]


def revoke_token(connection: Connection, act: Act, name: str) -> int:
    """Revoke every good token of a name, from now on; return how many.

    Args:
        connection: In a writing transaction.
        act: Who revokes it.
        name: Its name or its id.

    Raises:
        NotFoundError: If no token has that name or id.
    """
    kept = folded(name)
    named = (tokens.c.name == kept) | (tokens.c.id == kept)
    if connection.execute(select(tokens.c.seq).where(named).limit(1)).first() is None:
        raise NotFoundError(f"There is no token {kept!r}; `hilum token list` shows them.")
    good = named & tokens.c.revoked_at.is_(None)
    revoked = connection.execute(update(tokens).where(good).values(revoked_at=act.now)).rowcount
    act.written(connection, "revoke token", f"token:{kept}", revoked=revoked)
    return revoked


def is_token(value: str) -> bool:
    """Return whether a word has a token's form and checksum; a scanner asks no more."""
    return PATTERN.fullmatch(value) is not None and _checksum(value[:-6]) == value[-6:]


def _new() -> str:
    body = "hilum_" + _base62(int.from_bytes(secrets.token_bytes(32), "big"), 43)
    return body + _checksum(body)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), 6)


def _base62(number: int, digits: int) -> str:
    written = ""
    for _ in range(digits):
        number, rest = divmod(number, 62)
        written = _DIGITS[rest] + written
    return written


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode("ascii")).hexdigest()


def _token(row: Row[Any] | None) -> Token | None:
    if row is None:
        return None
    return Token(**{field: getattr(row, field) for field in Token.__slots__})
