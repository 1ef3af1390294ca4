"""People and programs in a server's database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hilum.serve.access.tokens import create_token
from hilum.serve.access.trail import Act
from hilum.serve.access.users import add_user
from hilum.serve.place import opened_database
from hilum.serve.storage import audit

__all__ = ["add_people"]


def add_people(data: Path, *, ago: timedelta = timedelta()) -> str:
    """Add an administrator, so that a login is required, and return a reader's token.

    Args:
        data: The server's folder.
        ago: When the token was made; it is good for a day.
    """
    act = Act(actor="root", now=datetime.now(UTC) - ago, record=audit.record)
    with opened_database(data) as database, database.write() as connection:
        add_user(connection, act, name="ada", role="admin")
        return create_token(connection, act, name="viewer", role="reader", days=1)[0]
