"""Printed tables from a YAML file, in which several tables of one paper stand together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from hilum.evaluation.published.cells import (
    percent_columns,
    positive_class,
    read_count,
    read_numbers,
    refusal,
)
from hilum.evaluation.published.metric import Counts
from hilum.evaluation.published.number import Printed
from hilum.evaluation.published.table import PublishedRow, PublishedTable
from hilum.registry import suggestion

__all__ = ["Publication", "parse_publication", "parse_yaml"]

_FILE = ("title", "citation", "tables")
_TABLE = ("name", "caption", "counts", "unit", "positive", "folds", "rows")
_ROW = ("name", "printed", "recomputed", "confusion", "remark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Everything a YAML file says: a paper and its tables."""

    title: str
    citation: str
    tables: tuple[PublishedTable, ...] = field(default_factory=tuple)


class _Text(yaml.BaseLoader):
    """Reads every scalar as text, so that 0.950 keeps its last digit; refuses a repeated key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, times in Counter(keys).items():
            if times > 1:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"the key {key!r} stands twice in what begins in line {line}")
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, path: str) -> tuple[PublishedTable, ...]:
    """Return the tables of a YAML file; see `parse_publication`."""
    return parse_publication(text, path).tables


def parse_publication(text: str, path: str) -> Publication:
    """Read a paper's tables.

    Args:
        text: What the file holds.
        path: For messages.

    Raises:
        DataError: Every fault with its table, row and column.
    """
    try:
        values = yaml.load(text, Loader=_Text)  # noqa: S506 - makes nothing but text
    except yaml.YAMLError as error:
        raise refusal(f"{path} is not valid YAML: {error}.", ()) from error
    problems: list[str] = []
    values = _mapping(values, path, _FILE, problems)
    found = _list(values.get("tables"), "tables", problems)
    tables = [_table(entry, f"table {n}", problems) for n, entry in enumerate(found, 1)]
    names = Counter(table.name for table in tables)
    problems += [f"two tables are called {name!r}" for name, times in names.items() if times > 1]
    if problems:
        raise refusal(f"{path} cannot be checked as it is:", list(dict.fromkeys(problems)))
    return Publication(
        title=str(values.get("title", "")),
        citation=str(values.get("citation", "")),
        tables=tuple(tables),
    )


def _mapping(
    value: object, where: str, known: tuple[str, ...] | None, problems: list[str]
) -> dict[str, Any]:
    if not isinstance(value, dict):
        problems.append(f"{where}: expected names with values, got {_kind(value)}")
        return {}
    names = [*(known or ())]
    unknown = [str(key) for key in value if names and key not in names]
    problems += [f"{where}: {key!r} is not known. {suggestion(key, names)}" for key in unknown]
    return {str(key): entry for key, entry in value.items()}


def _list(value: object, where: str, problems: list[str]) -> list[Any]:
    if not isinstance(value, list) or not value:
        problems.append(f"{where}: expected a list, got {_kind(value)}")
        return []
    return value


def _kind(value: object) -> str:
    if not value:
        return "nothing"
    return {"dict": "names with values", "list": "a list"}.get(type(value).__name__, repr(value))


def _table(entry: object, where: str, problems: list[str]) -> PublishedTable:
    values = _mapping(entry, where, _TABLE, problems)
    name = str(values.get("name", where))
    counts = _counts(values, name, problems)
    rows = [
        _mapping(row, f"{name}, row {n}", _ROW, problems)
        for n, row in enumerate(_list(values.get("rows"), f"{name}, rows", problems), 1)
    ]
    unit = values.get("unit")
    if unit not in {None, "percent", "share"}:
        problems.append(f"{name}, unit: expected percent or share, got {unit!r}")
    printed = [_texts(row.get("printed", {}), f"{name}, printed", problems) for row in rows]
    if not counts.classes:
        printed = [{} for _ in rows]
    columns: dict[str, list[str]] = {}
    for cells in printed:
        for label, text in cells.items():
            columns.setdefault(label, []).append(text)
    percent = percent_columns(columns, unit)
    folds = values.get("folds")
    numbers = [
        read_numbers(cells, counts, percent, f"{name}, row {row.get('name', '')!r}", problems)
        for row, cells in zip(rows, printed, strict=True)
    ]
    read = [
        _row(row, cells, counts, name, problems) for row, cells in zip(rows, numbers, strict=True)
    ]
    twice = [name for name, times in Counter(row.name for row in read).items() if times > 1]
    problems += [f"{name}: two rows are called {row!r}" for row in twice]
    return PublishedTable(
        name=name,
        counts=counts,
        rows=tuple(read),
        caption=str(values.get("caption", "")),
        percent=any(percent.values()),
        folds=read_count(folds, f"{name}, folds", problems) if folds else None,
    )


def _counts(values: Mapping[str, Any], name: str, problems: list[str]) -> Counts:
    given = _mapping(values.get("counts"), f"{name}, counts", None, problems)
    images = {c: read_count(str(n), f"{name}, counts, {c}", problems) for c, n in given.items()}
    if given and len(given) < 2:
        problems.append(f"{name}, counts: expected at least two classes, got {', '.join(given)}")
    named = values.get("positive")
    if named is not None and (named not in images or len(images) != 2):
        problems.append(f"{name}, positive: expected one of two classes, got {named!r}")
    positive = positive_class(list(images), named)
    return Counts(tuple(images), tuple(images.values()), positive)


def _texts(value: object, where: str, problems: list[str]) -> dict[str, str]:
    cells = _mapping(value, where, None, problems)
    return {label: text if isinstance(text, str) else _kind(text) for label, text in cells.items()}


def _row(
    row: Mapping[str, Any],
    printed: Mapping[str, Printed],
    counts: Counts,
    table: str,
    problems: list[str],
) -> PublishedRow:
    name = str(row.get("name", ""))
    where = f"{table}, row {name!r}"
    if not name:
        problems.append(f"{table}: a row has no name")
    recomputed = {}
    for label, text in _texts(row.get("recomputed", {}), where, problems).items():
        try:
            recomputed[label] = float(text)
        except ValueError:
            problems.append(f"{where}, recomputed {label}: expected a number, got {text!r}")
    return PublishedRow(
        name=name,
        printed=printed,
        confusion=_confusion(row.get("confusion"), counts, where, problems),
        recomputed=recomputed,
        remark=str(row.get("remark", "")),
    )


def _confusion(
    value: object, counts: Counts, where: str, problems: list[str]
) -> tuple[tuple[int, ...], ...] | None:
    if value is None:
        return None
    classes = len(counts.classes)
    rows = value if isinstance(value, list) else []
    lists = [row for row in rows if isinstance(row, list) and len(row) == classes]
    cells = [[str(cell) for cell in row] for row in lists]
    if len(cells) != classes or not all(cell.isdecimal() for row in cells for cell in row):
        problems.append(
            f"{where}, confusion: expected {classes} lists of {classes} whole numbers, "
            "true classes in rows, in the order of counts"
        )
        return None
    return tuple(tuple(int(cell) for cell in row) for row in cells)
