"""Rows compared with each other: copies, two values for one quantity, one matrix with two means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.published.joint import Part, Settled
from hilum.evaluation.published.metric import Metric, parse_metric
from hilum.evaluation.published.number import Printed
from hilum.evaluation.published.reasons import listed
from hilum.evaluation.published.table import Item, PublishedRow, PublishedTable, Space
from hilum.evaluation.published.verdict import Finding

__all__ = ["one_matrix", "recall_as_precision", "same_rows", "two_sizes", "two_values"]

_FEW = 3
"""Fewer equal numbers than this are no sign of a copy."""


def same_rows(tables: Sequence[PublishedTable]) -> Iterator[Finding]:
    """Find rows of one table that print the same numbers throughout."""
    seen: dict[tuple[str, str], list[str]] = {}
    for table in tables:
        for a, b in combinations(table.rows, 2):
            if a.name != b.name and _same(table, a, b):
                seen.setdefault((a.name, b.name), []).append(table.name)
    for (first, second), names in seen.items():
        yield Finding(
            kind="same_row",
            row=second,
            tables=tuple(names),
            message=f"{first} and {second} print the same numbers in {listed(names)}. "
            "Either one row is copied, or they share a confusion matrix.",
        )


def _same(table: PublishedTable, a: PublishedRow, b: PublishedRow) -> bool:
    first, second = ({i.metric: i.printed.text for i in table.items(row)} for row in (a, b))
    return len(first) >= _FEW and first == second and len(set(first.values())) > 1


def recall_as_precision(space: Space, name: str, parts: Sequence[Part]) -> Iterator[Finding]:
    """Find a row whose precisions are its recalls, class by class; only odd if they differ."""
    counts = parts[0].table.counts
    recalls, precisions = (_by_class(parts, kind) for kind in ("recall", "precision"))
    if len(counts.classes) < _FEW or len(recalls) < len(counts.classes):
        return
    texts = [recalls[c][1] for c in sorted(recalls)]
    if texts != [precisions[c][1] for c in sorted(precisions)] or len(set(texts)) < 2:
        return
    where = dict.fromkeys(table for table, _ in (*recalls.values(), *precisions.values()))
    both = [
        item
        for part in parts
        if part.table.name in where
        for item in part.items
        if item.metric.of is not None
    ]
    never = " Here no errors add up to it." if space.possible(both) is False else ""
    yield Finding(
        kind="recall_as_precision",
        row=name,
        tables=tuple(where),
        message=f"recall and precision are the same numbers, {listed(texts)}, class by class "
        f"({listed(where)}). That can only be if each class is called exactly as often as it "
        f"occurs; a row copied from one table to the other is likelier.{never}",
    )


def _by_class(parts: Sequence[Part], kind: str) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for part in parts:
        for item in part.items:
            if item.metric.kind == kind and item.metric.of is not None:
                found.setdefault(item.metric.of, (part.table.name, item.printed.text))
    return found


def two_values(tables: Sequence[PublishedTable]) -> Iterator[Finding]:
    """Find one quantity of one name that tables on the same images print differently."""
    known: dict[object, tuple[str, str, Printed]] = {}
    for table in tables:
        for row in table.rows:
            for label, printed in row.printed.items():
                key = _quantity(table, row, label)
                table_name, _, other = known.setdefault(key, (table.name, label, printed))
                if table_name == table.name or _meet(printed, other):
                    continue
                yield Finding(
                    kind="two_values",
                    row=row.name,
                    tables=(table_name, table.name),
                    message=f"{label} is {other.text} in {table_name} and {printed.text} in "
                    f"{table.name}.",
                    numbers=(label,),
                )


def _quantity(table: PublishedTable, row: PublishedRow, label: str) -> object:
    metric = parse_metric(label, table.counts)
    if metric is None:
        return row.name, label
    same = Metric("recall", average="macro") if metric.kind == "balanced_accuracy" else metric
    return row.name, table.counts.classes, table.counts.images, same


def _meet(a: Printed, b: Printed) -> bool:
    return a.fits(b.value) or b.fits(a.value) or (a.low <= b.high and b.low <= a.high)


def one_matrix(
    space: Space, settled: Sequence[tuple[str, Settled, Sequence[Part]]]
) -> Iterator[Finding]:
    """Find names whose numbers settle on one matrix while one of them prints another figure.

    Args:
        space: The matrices that could be.
        settled: Each name on these images, what is left to believe of it, and all its rows.
    """
    solved = [(name, space.solve(found.kept), parts) for name, found, parts in settled]
    single = [(n, s.example, p) for n, s, p in solved if s.complete and s.count == 1]
    for (first, a, mine), (second, b, yours) in combinations(single, 2):
        if a is None or b is None or not np.array_equal(a, b):
            continue
        theirs = {(part.table.name, i.metric): i for part in yours for i in part.items}
        for part in mine:
            for item in part.items:
                other = theirs.get((part.table.name, item.metric))
                if other is not None and _unlike(item, other, _value(item.metric, a)):
                    yield _two_figures((first, second), (item, other), a)


def _unlike(a: Item, b: Item, value: float) -> bool:
    """Tell whether two numbers differ though they need not: a tie may be rounded either way."""
    both = a.printed.fits(value) and b.printed.fits(value)
    return a.printed.step == b.printed.step and a.printed.text != b.printed.text and not both


def _value(metric: Metric, matrix: NDArray[np.int64]) -> float:
    found = np.diagonal(matrix).astype(np.float64)
    images = matrix.sum(axis=1).astype(np.float64)
    return float(metric.values(found, matrix.sum(axis=0) - found, images))


def _two_figures(
    names: tuple[str, str], items: tuple[Item, Item], matrix: NDArray[np.int64]
) -> Finding:
    (first, second), label = items, items[0].label
    value = _value(first.metric, matrix)
    right = first.printed.show(value)
    return Finding(
        kind="one_matrix",
        row=names[1] if first.printed.fits(value) else names[0],
        tables=(first.table,),
        message=f"{names[0]} and {names[1]} follow from one confusion matrix, {matrix.tolist()}, "
        f"but {label} is {first.printed.text} for one and {second.printed.text} for the other; "
        f"it is {right}.",
        numbers=(label,),
        must_be={label: right},
    )


def two_sizes(tables: Sequence[PublishedTable]) -> Iterator[Finding]:
    """Find a row that is printed once but can be read as of two test sets."""
    for a, b in combinations(tables, 2):
        if a.counts.classes != b.counts.classes or a.counts.images == b.counts.images:
            continue
        for row in a.rows:
            other = next((r for r in b.rows if r.name == row.name), None)
            if other is None or not row.printed or row.printed != other.printed:
                continue
            yield Finding(
                kind="two_sizes",
                row=row.name,
                tables=(a.name, b.name),
                message=f"the same numbers stand for {a.counts.total:,} images "
                f"({a.counts.words()}) and for {b.counts.total:,} ({b.counts.words()}).",
            )
