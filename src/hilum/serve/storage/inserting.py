"""Adding a row unless it is there: one statement, whoever else adds it at the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["insert_new"]


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Add a row; return False if one with the same unique values is there.

    In PostgreSQL this waits for whoever is adding the same row, so that afterwards it can be seen.

    Args:
        connection: In a writing transaction.
        table: Where.
        values: By column.
    """
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    asked = kind.insert(table).values(**values).on_conflict_do_nothing()
    return connection.execute(asked.returning(*table.primary_key)).first() is not None
