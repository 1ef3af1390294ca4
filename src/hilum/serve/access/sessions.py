"""Browsers that are logged in.

A cookie holds 256 random bits and nothing else; the table holds their SHA-256, so that a copy of
the database logs nobody in. A session ends an hour after the last request and twelve hours after
the login, whichever is first: SP 800-63B allows its second level an hour and 24 hours, and twelve
hours are a long shift. Requests that a page makes on its own (it polls) do not count as somebody
being there.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from hilum.serve.access.clock import LEEWAY, age, has_passed, is_from_the_future
from hilum.serve.access.principal import Principal
from hilum.serve.storage.tables import sessions, users

__all__ = [
    "Cookie",
    "Limits",
    "Seen",
    "end_every_session",
    "end_session",
    "find_session",
    "session_cookie",
    "start_session",
    "sweep_sessions",
    "touch_session",
]

_A_USER = 10
"""Sessions of one user; an eleventh login ends the oldest."""

_TOUCH = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a session lasts."""

    idle: timedelta = timedelta(hours=1)
    """Without a request that somebody made."""

    absolute: timedelta = timedelta(hours=12)
    """Since the login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """What a browser is told to keep.

    Args:
        name: With `__Host-` where the site is https: no other host or path can set it.
        value: Empty to take it away.
        secure: Send it over https only.
        max_age_s: Seconds to keep it; None until the browser closes, 0 to take it away.
        same_site: "lax" so that a link from another system opens a film logged in.
    """

    name: str
    value: str
    secure: bool
    max_age_s: int | None = None
    same_site: Literal["lax", "strict"] = "lax"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A session that is good.

    Args:
        principal: Whose it is.
        hash: Its row.
        is_due: Whether `touch_session` has something to write.
    """

    principal: Principal
    hash: str
    is_due: bool


def session_cookie(value: str, *, secure: bool) -> Cookie:
    """Return the cookie of a session; an empty value takes it away."""
    name = "__Host-hilum" if secure else "hilum_session"
    return Cookie(name=name, value=value, secure=secure, max_age_s=None if value else 0)


def start_session(
    connection: Connection, user: str, *, now: datetime, limits: Limits, instead: str = ""
) -> str:
    """Return the value of a new cookie for a user.

    Args:
        connection: In a writing transaction.
        user: The user's id.
        now: When, UTC.
        limits: How long it lasts.
        instead: The cookie the browser had before; its session ends, whoever's it was.
    """
    end_session(connection, instead)
    value = secrets.token_urlsafe(32)
    row = {
        "hash": _hash(value),
        "user": user,
        "csrf": secrets.token_urlsafe(32),
        "created_at": now,
        "seen_at": now,
        "expires_at": now + limits.absolute,
    }
    connection.execute(insert(sessions).values(**row))
    mine = select(sessions.c.seq).where(sessions.c.user == user).order_by(sessions.c.seq.desc())
    old = connection.execute(mine.offset(_A_USER)).scalars().all()
    connection.execute(delete(sessions).where(sessions.c.seq.in_(old)))
    return value


def find_session(
    connection: Connection, value: str, *, now: datetime, limits: Limits
) -> Seen | None:
    """Return whose session a cookie is; None if it is over or was never one.

    Args:
        connection: Any.
        value: What the cookie holds.
        now: When, UTC.
        limits: How long it lasts.
    """
    if not _could_be(value):
        return None
    asked = (
        select(sessions, users.c.name, users.c.shown_name, users.c.role, users.c.disabled_at)
        .join(users, users.c.id == sessions.c.user)
        .where(sessions.c.hash == _hash(value))
    )
    row = connection.execute(asked).first()
    if row is None or row.disabled_at is not None:
        return None
    if has_passed(row.expires_at, now) or is_from_the_future(row.created_at, now):
        return None
    if has_passed(row.seen_at + limits.idle, now):
        return None
    principal = Principal(
        kind="user",
        name=row.name,
        shown_name=row.shown_name,
        role=row.role,
        id=row.user,
        csrf=row.csrf,
    )
    is_due = age(row.seen_at, now) >= _TOUCH or is_from_the_future(row.seen_at, now)
    return Seen(principal=principal, hash=row.hash, is_due=is_due)


def touch_session(connection: Connection, seen: Seen, *, now: datetime) -> None:
    """Write down that somebody is there."""
    connection.execute(update(sessions).where(sessions.c.hash == seen.hash).values(seen_at=now))


def end_session(connection: Connection, value: str) -> bool:
    """End the session of a cookie; return whether there was one."""
    if not _could_be(value):
        return False
    ended = connection.execute(delete(sessions).where(sessions.c.hash == _hash(value)))
    return bool(ended.rowcount)


def end_every_session(connection: Connection, user: str) -> int:
    """End every session of a user, wherever it is; return how many."""
    return connection.execute(delete(sessions).where(sessions.c.user == user)).rowcount


def sweep_sessions(connection: Connection, *, now: datetime, limits: Limits) -> int:
    """Delete sessions that are over; return how many."""
    long_ago = now - LEEWAY
    over = (sessions.c.expires_at < long_ago) | (sessions.c.seen_at < long_ago - limits.idle)
    return connection.execute(delete(sessions).where(over)).rowcount


def _could_be(value: str) -> bool:
    return len(value) == 43 and value.isascii()


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode("ascii")).hexdigest()
