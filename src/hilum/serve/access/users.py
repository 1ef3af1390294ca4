"""People: their names, roles and passwords.

A user is never deleted, only disabled: the audit trail and the opinions name them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from hilum.errors import ConfigError
from hilum.serve.access.names import checked_name, folded
from hilum.serve.access.roles import PEOPLE, Role, known_role
from hilum.serve.access.trail import Act
from hilum.serve.storage.errors import ConflictError, NotFoundError
from hilum.serve.storage.tables import sessions, users

__all__ = [
    "User",
    "add_user",
    "any_user",
    "change_password",
    "change_role",
    "disable_user",
    "enable_user",
    "list_users",
    "user_by_subject",
    "user_named",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person.

    Args:
        id: What the outside world calls them.
        name: The one spelling of the name.
        shown_name: As it was typed.
        role: "reader", "second_reader" or "admin".
        password: argon2id; None for who comes through OIDC.
        subject: Issuer and subject of OIDC; None for who has a password.
        created_at: When, UTC.
        disabled_at: When, UTC; None for who may log in.
    """

    id: str
    name: str
    shown_name: str
    role: str
    password: str | None
    subject: str | None
    created_at: datetime
    disabled_at: datetime | None

    def __repr__(self) -> str:
        """Leave out the password's hash: this may end in a log."""
        return f"User(name={self.name!r}, role={self.role!r})"


def add_user(
    connection: Connection,
    act: Act,
    *,
    name: str,
    role: str,
    password_hash: str | None = None,
    subject: str | None = None,
) -> User:
    """Add a person.

    Args:
        connection: In a writing transaction.
        act: Who adds them.
        name: As they want to be called.
        role: "reader", "second_reader" or "admin".
        password_hash: As `Passwords.hashed` gives it.
        subject: Issuer and subject of OIDC.

    Raises:
        ConfigError: If the name or the role cannot be.
        ConflictError: If the name is taken, in any spelling.
    """
    kept, shown = checked_name(name)
    user = User(
        id=secrets.token_hex(16),
        name=kept,
        shown_name=shown,
        role=_role(role),
        password=password_hash,
        subject=subject,
        created_at=act.now,
        disabled_at=None,
    )
    values = {field: getattr(user, field) for field in User.__slots__}
    try:
        with connection.begin_nested():
            connection.execute(insert(users).values(**values))
    except IntegrityError:
        raise ConflictError(f"There is a user {kept!r} already. Choose another name.") from None
    act.written(connection, "add user", kept, role=user.role)
    return user


def user_named(connection: Connection, name: str) -> User | None:
    """Return a person by name, in any spelling; None if there is none."""
    return _user(connection.execute(select(users).where(users.c.name == folded(name))).first())


def user_by_subject(connection: Connection, subject: str) -> User | None:
    """Return a person by issuer and subject of OIDC; None if there is none."""
    return _user(connection.execute(select(users).where(users.c.subject == subject)).first())


def list_users(connection: Connection) -> list[User]:
    """Return everyone, in the order they were added."""
    found = connection.execute(select(users).order_by(users.c.seq))
    return [user for row in found if (user := _user(row)) is not None]


def any_user(connection: Connection, *, enabled: bool = False) -> bool:
    """Return whether anyone was ever added.

    Args:
        connection: Any.
        enabled: Count only who may log in.
    """
    asked = select(users.c.seq).limit(1)
    if enabled:
        asked = asked.where(users.c.disabled_at.is_(None))
    return connection.execute(asked).first() is not None


def disable_user(connection: Connection, act: Act, name: str) -> User:
    """Keep a person from logging in, and end their sessions at once.

    Raises:
        NotFoundError: If there is no such user.
    """
    user = _known(connection, name)
    _set(connection, user, disabled_at=act.now)
    _end_sessions(connection, user)
    act.written(connection, "disable user", user.name)
    return user


def enable_user(connection: Connection, act: Act, name: str) -> User:
    """Let a person log in again.

    Raises:
        NotFoundError: If there is no such user.
    """
    user = _known(connection, name)
    _set(connection, user, disabled_at=None)
    act.written(connection, "enable user", user.name)
    return user


def change_role(connection: Connection, act: Act, name: str, role: str) -> User:
    """Give a person another role; it counts from their next request on.

    Raises:
        ConfigError: If there is no such role.
        NotFoundError: If there is no such user.
    """
    user = _known(connection, name)
    _set(connection, user, role=_role(role))
    act.written(connection, "change role", user.name, before=user.role, after=role)
    return user


def change_password(connection: Connection, act: Act, name: str, password_hash: str) -> User:
    """Give a person another password, and end their sessions at once.

    Args:
        connection: In a writing transaction.
        act: Who changes it.
        name: Whose it is.
        password_hash: As `Passwords.hashed` gives it.

    Raises:
        ConfigError: If they come through OIDC, and have none.
        NotFoundError: If there is no such user.
    """
    user = _known(connection, name)
    if user.subject is not None:
        raise ConfigError(f"{user.name!r} logs in through the identity provider; no password here.")
    _set(connection, user, password=password_hash)
    _end_sessions(connection, user)
    act.written(connection, "change password", user.name)
    return user


def _set(connection: Connection, user: User, **values: Any) -> None:
    connection.execute(update(users).where(users.c.id == user.id).values(**values))


def _end_sessions(connection: Connection, user: User) -> None:
    connection.execute(delete(sessions).where(sessions.c.user == user.id))


def _known(connection: Connection, name: str) -> User:
    user = user_named(connection, name)
    if user is None:
        raise NotFoundError(f"There is no user {folded(name)!r}; `hilum user list` shows them.")
    return user


def _role(role: str) -> Role:
    try:
        return known_role(role, PEOPLE)
    except ValueError as error:
        raise ConfigError(f"A user's role: {error}.") from None


def _user(row: Row[Any] | None) -> User | None:
    if row is None:
        return None
    return User(**{field: getattr(row, field) for field in User.__slots__})
