"""Films that a table lists: a CSV or Parquet file with a column `path`, such as a manifest."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from hilum.errors import DataError
from hilum.screening.archive.files import is_url
from hilum.screening.archive.item import Item
from hilum.screening.archive.keys import KeySet

__all__ = ["is_table", "table_items"]

_ROWS = 100_000


def is_table(path: str) -> bool:
    """Return whether a source is a table by its name."""
    return not is_url(path) and path.lower().endswith((".csv", ".parquet"))


def table_items(path: str) -> Iterator[Item]:
    """Yield the films of a table, each once; relative paths start at the table's folder.

    Raises:
        DataError: If it cannot be read or has no column `path`.
    """
    folder, seen = Path(path).parent, KeySet()
    listed = _from_csv(path) if path.lower().endswith(".csv") else _from_parquet(path)
    for name in listed:
        whole = name if is_url(name) else str(folder / name)
        if seen.add(whole):
            yield Item(path=whole)


def _from_csv(path: str) -> Iterator[str]:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            _check(path, rows.fieldnames or ())
            yield from (row["path"] for row in rows if row["path"])
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"The table {path} cannot be read: {error}.") from error


def _from_parquet(path: str) -> Iterator[str]:
    import polars as pl

    try:
        table = pl.scan_parquet(path)
        _check(path, table.collect_schema().names())
        start = 0
        while (part := table.select("path").slice(start, _ROWS).collect()).height:
            yield from part["path"].drop_nulls().to_list()
            start += _ROWS
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"The table {path} cannot be read: {error}.") from error


def _check(path: str, columns: object) -> None:
    if "path" not in list(columns):  # type: ignore[call-overload]
        raise DataError(f"The table {path} must have a column `path`, got {columns}.")
