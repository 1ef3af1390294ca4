"""Printed rows from a CSV file: name, n_<class> for every class, and any metrics."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hilum.evaluation.published.cells import (
    percent_columns,
    positive_class,
    read_count,
    read_numbers,
    refusal,
)
from hilum.evaluation.published.metric import Counts
from hilum.evaluation.published.table import PublishedRow, PublishedTable

__all__ = ["parse_csv"]

_KNOWN = ("name", "folds", "remark")
_HOW = "Columns: name, n_positive and n_negative (or n_<class> for every class), then metrics."


def parse_csv(text: str, path: Path) -> tuple[PublishedTable, ...]:
    """Read the rows; those with the same counts become one table.

    Raises:
        DataError: Every fault with its row and column; the header is row 1.
    """
    header, records = _records(text, path)
    classes = [name[2:] for name in header if name.startswith("n_")]
    labels = [name for name in header if name not in _KNOWN and not name.startswith("n_")]
    problems: list[str] = []
    columns = {label: [cells[header.index(label)] for _, cells in records] for label in labels}
    percent = percent_columns(columns, None)
    groups: dict[tuple[Counts, int | None], list[PublishedRow]] = {}
    names: Counter[str] = Counter()
    for number, cells in records:
        values = dict(zip(header, cells, strict=True))
        where = f"row {number}"
        images = [read_count(values[f"n_{c}"], f"{where}, column n_{c}", problems) for c in classes]
        counts = Counts(tuple(classes), tuple(images), positive_class(classes))
        name = values["name"].strip() or f"row {number}"
        names[name] += 1
        folds = values.get("folds", "").strip()
        row = PublishedRow(
            name=name if names[name] == 1 else f"{name} (row {number})",
            printed=read_numbers(
                {label: values[label] for label in labels},
                counts,
                percent,
                where,
                problems,
            ),
            remark=values.get("remark", ""),
        )
        key = counts, read_count(folds, f"{where}, column folds", problems) if folds else None
        groups.setdefault(key, []).append(row)
    if problems:
        raise refusal(f"{path} cannot be checked as it is:", list(dict.fromkeys(problems)))
    return tuple(
        PublishedTable(
            name=path.name if len(groups) == 1 else f"{path.name}, part {number}",
            counts=counts,
            rows=tuple(rows),
            percent=any(percent.values()),
            folds=folds,
        )
        for number, ((counts, folds), rows) in enumerate(groups.items(), 1)
    )


def _records(text: str, path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise refusal(f"{path} is not a CSV file: {error}.", ()) from error
    records = [(n, cells) for n, cells in enumerate(lines, 1) if any(c.strip() for c in cells)]
    if not records:
        raise refusal(f"{path} is empty. {_HOW}", ())
    header = [cell.strip() for cell in records[0][1]]
    problems = _header_problems(header)
    problems += [
        f"row {number}: expected {len(header)} cells like the header, got {len(cells)}"
        for number, cells in records[1:]
        if len(cells) != len(header)
    ]
    if len(records) == 1:
        problems.append("there are no rows below the header")
    if problems:
        raise refusal(f"{path} cannot be checked as it is:", problems)
    return header, records[1:]


def _header_problems(header: Sequence[str]) -> list[str]:
    repeated = [name for name, times in Counter(header).items() if times > 1]
    problems = [f"row 1: the column {name!r} stands there more than once" for name in repeated]
    if "name" not in header:
        problems.append(f"row 1: there is no column 'name'. {_HOW}")
    classes = [name for name in header if name.startswith("n_")]
    if len(classes) < 2:
        got = f"only {classes[0]!r}" if classes else "none"
        problems.append(f"row 1: expected the images of every class, got {got}. {_HOW}")
    if not all(header):
        problems.append("row 1: a column has no name")
    return problems
