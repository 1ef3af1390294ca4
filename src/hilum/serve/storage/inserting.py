"""Adding a row unless it is there: one statement, whoever else adds it at the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

__all__ = ["insert_new"]


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> Row[Any] | None:
    """Add a row; return its primary key, or None if one with the same unique values is there.

    In PostgreSQL this waits for whoever is adding the same row, so that afterwards it can be seen.

    Args:
        connection: In a writing transaction.
        table: Where.
        values: By column.
    """
    return connection.execute(_statement(connection.dialect.name, table), dict(values)).first()


@cache
def _statement(dialect: str, table: Table) -> ReturningInsert[Any]:
    kind = postgresql if dialect == "postgresql" else sqlite
    asked: ReturningInsert[Any] = (
        kind.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    )
    return asked
