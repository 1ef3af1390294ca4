"""Reading a table of predictions that anyone's model wrote, and saying all that is wrong with it.

Separate from `Predictions` because most of it is about faults: which row, what was expected, what
came and how to mend it. Nothing is guessed: a separator, an encoding or a scale that is not the
agreed one is named and refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.errors import PredictionsError
from hilum.evaluation.metrics import RANGE_TOLERANCE
from hilum.evaluation.predictions import (
    IGNORED_COLUMNS,
    KNOWN_COLUMNS,
    SUM_TOLERANCE,
    Predictions,
)
from hilum.registry import suggestion

__all__ = ["read_predictions"]

_REQUIRED = ("image", "patient_id", "label")
_HOW = "Columns: image, patient_id, label, optionally source, then one probability column a class."

_NO_PATIENT = (
    "; intervals resample patients. If every image shows another patient, repeat the image"
)


@dataclass(frozen=True)
class _Table:
    """The cells of a file: columns of text, and the row number of each record."""

    columns: dict[str, list[str]]
    rows: list[int]
    scores: tuple[str, ...]


def read_predictions(
    path: Path, *, positive: str | None = None, ignore: Sequence[str] = ()
) -> Predictions:
    """Read and check a CSV file of predictions; see `Predictions.read`.

    Raises:
        PredictionsError: Every fault with its row; the header is row 1.
    """
    table = _parse(path, _decoded(path), ignore)
    problems = _empty_cells(table) + _repeated_images(table)
    values, number_problems = _numbers(table)
    problems += number_problems
    labels, classes, label_problems = _classes(table, positive)
    problems += label_problems
    if values is not None:
        problems += _outside(table, values)
        if values.shape[1] > 1:
            problems += _sums(table, values)
    if problems or values is None:
        raise PredictionsError(f"{path} cannot be scored as it is:", problems)
    if values.shape[1] > 1 and _rounding(table, values.shape[1]) > SUM_TOLERANCE:
        values = values / values.sum(axis=1, keepdims=True)
    if values.shape[1] == 1:
        values = np.column_stack([1 - values[:, 0], values[:, 0]])
    predictions = Predictions(
        table.columns["image"],
        table.columns["patient_id"],
        [classes.index(label) for label in labels],
        classes,
        values,
        sources=table.columns.get("source"),
    )
    return predictions if positive is None else predictions.with_positive(positive)


def _decoded(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PredictionsError(f"Cannot read the predictions {path}: {error.strerror}.") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        raise PredictionsError(
            f"{path} is not UTF-8 text: byte {raw[error.start]:#04x} in row {row}. "
            "It may be Latin-1 or UTF-16; save it as UTF-8."
        ) from error


def _parse(path: Path, text: str, ignore: Sequence[str]) -> _Table:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        records = [
            (number, record)
            for number, record in enumerate(reader, 1)
            if any(cell.strip() for cell in record)
        ]
    except csv.Error as error:
        raise PredictionsError(f"{path} is not a CSV file: {error}.") from error
    if not records:
        raise PredictionsError(f"{path} is empty. {_HOW}")
    _, cells = records[0]
    header = [cell.strip() for cell in cells]
    scores = tuple(
        name for name in header if name not in {*KNOWN_COLUMNS, *IGNORED_COLUMNS, *ignore}
    )
    problems = _header_problems(header, scores, ignore)
    if problems:
        raise PredictionsError(f"{path} cannot be scored as it is:", problems)
    if len(records) == 1:
        raise PredictionsError(f"{path} has a header and no rows.")
    problems = [
        f"row {number}: expected {len(header)} cells like the header, got {len(record)}"
        for number, record in records[1:]
        if len(record) != len(header)
    ]
    if problems:
        raise PredictionsError(f"{path} cannot be scored as it is:", problems)
    columns = zip(*(record for _, record in records[1:]), strict=True)
    texts = {name: list(column) for name, column in zip(header, columns, strict=True)}
    for name in texts.keys() - {"image"}:
        texts[name] = [cell.strip() for cell in texts[name]]
    return _Table(texts, [number for number, _ in records[1:]], scores)


def _header_problems(
    header: Sequence[str], scores: Sequence[str], ignore: Sequence[str]
) -> list[str]:
    if len(header) == 1:
        for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if mark in header[0]:
                return [f"row 1: cells are separated by {name}; save the file with commas"]
    problems = [
        f"row 1: there is no column {name!r}{_NO_PATIENT if name == 'patient_id' else ''}"
        for name in _REQUIRED
        if name not in header
    ]
    repeated = sorted({name for name in header if header.count(name) > 1})
    problems += [f"row 1: the column {name!r} stands more than once" for name in repeated]
    problems += [
        f"row 1: there is no column {name!r} to ignore" for name in ignore if name not in header
    ]
    if "" in header:
        problems.append("row 1: a column has no name; pandas writes its index so (index=False)")
    if not scores:
        problems.append(f"row 1: there is no probability column. {_HOW}")
    return problems


def _empty_cells(table: _Table) -> list[str]:
    return [
        f"row {row}: {name} is empty"
        for name in KNOWN_COLUMNS
        if name in table.columns
        for row, cell in zip(table.rows, table.columns[name], strict=True)
        if not cell
    ]


def _repeated_images(table: _Table) -> list[str]:
    first: dict[str, int] = {}
    problems = []
    for row, image in zip(table.rows, table.columns["image"], strict=True):
        if first.setdefault(image, row) != row:
            problems.append(f"row {row}: the image {image!r} stands in row {first[image]} already")
    return problems


def _numbers(table: _Table) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Return the probability columns as (n, columns), or None and what is not a number."""
    problems: list[str] = []
    columns = []
    for name in table.scores:
        cells = table.columns[name]
        try:
            column = np.array(cells, dtype=np.float64)
        except ValueError:
            problems += _not_numbers(name, cells, table.rows)
            continue
        bad = np.flatnonzero(~np.isfinite(column))
        problems += [f"row {table.rows[i]}: {name!r} is {cells[i]}, not a number" for i in bad]
        columns.append(column)
    return (None, problems) if problems else (np.column_stack(columns), [])


def _not_numbers(name: str, cells: Sequence[str], rows: Sequence[int]) -> list[str]:
    wrong = [(row, cell) for row, cell in zip(rows, cells, strict=True) if not _is_number(cell)]
    if len(wrong) == len(cells):
        fault = (
            f"row 1: the column {name!r} holds no numbers, first {cells[0]!r}. Every column but "
            f"{', '.join((*KNOWN_COLUMNS, *IGNORED_COLUMNS))} is taken as a class's probability; "
            "remove it, or name it with `ignore` (--ignore NAME)"
        )
        return [fault]
    return [f"row {row}: {name!r} is {cell or 'empty'!r}, not a number" for row, cell in wrong]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _classes(table: _Table, positive: str | None) -> tuple[list[str], tuple[str, ...], list[str]]:
    """Return the label of each row, the class names, and what is wrong with either."""
    labels = table.columns["label"]
    if len(table.scores) == 1:
        return _two_classes(table, labels, positive)
    problems = [
        f"row {row}: unknown label {label!r}. {suggestion(label, list(table.scores))}"
        for row, label in zip(table.rows, labels, strict=True)
        if label and label not in table.scores
    ]
    if positive is not None and (len(table.scores) != 2 or positive not in table.scores):
        problems.append(
            f"a positive class needs two classes, one of them {positive!r}, "
            f"got {', '.join(table.scores)}"
        )
    return labels, table.scores, problems


def _two_classes(
    table: _Table, labels: list[str], positive: str | None
) -> tuple[list[str], tuple[str, ...], list[str]]:
    """Find out what a single probability column is the probability of."""
    column = table.scores[0]
    seen = sorted({label for label in labels if label})
    if positive is None and column in seen:
        positive = column
    if positive is None and set(seen) <= {"0", "1"}:
        return labels, ("0", "1"), []
    if positive is None:
        fault = (
            f"there is one probability column, {column!r}, and labels {_some(seen)}: say which "
            "class it is the probability of (`positive`), or write labels as 0 and 1"
        )
        return labels, (), [fault]
    others = [label for label in seen if label != positive]
    if len(others) > 1:
        fault = (
            f"one probability column needs two classes, got labels {_some(seen)}: "
            "write one probability column a class"
        )
        return labels, (), [fault]
    if positive not in seen and len(seen) > 1:
        return labels, (), [f"no label is {positive!r}. {suggestion(positive, seen)}"]
    return labels, (others[0] if others else f"not {positive}", positive), []


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"


def _outside(table: _Table, values: NDArray[np.float64]) -> list[str]:
    bad = (values < -RANGE_TOLERANCE) | (values > 1 + RANGE_TOLERANCE)
    hint = "these look like logits; pass them through softmax or sigmoid first"
    if np.any(bad) and values.min() >= 0 and values.max() <= 100:
        hint = "these may be percentages (divide by 100) or logits (apply softmax or sigmoid)"
    return [
        f"row {table.rows[i]}: {table.scores[j]!r} is {values[i, j]:.6g}, outside [0, 1]: {hint}"
        for i, j in np.argwhere(bad)
    ]


def _sums(table: _Table, values: NDArray[np.float64]) -> list[str]:
    inside = np.all((values >= 0) & (values <= 1), axis=1)
    sums = values.sum(axis=1)
    allowed = max(SUM_TOLERANCE, _rounding(table, values.shape[1]))
    return [
        f"row {table.rows[i]}: the probabilities sum to {sums[i]:.4g}, not to 1 "
        f"(within {allowed:g})"
        for i in np.flatnonzero(inside & (np.abs(sums - 1) > allowed + 1e-12))
    ]


def _rounding(table: _Table, columns: int) -> float:
    """Return how far a row's sum may be from 1 because its numbers were written with few decimals.

    Half a unit of the last decimal a column, where every number of the table has at most three
    decimals and some have two or more; coarser ones are no probabilities to be scored.
    """
    cells = [cell for name in table.scores for cell in table.columns[name]]
    if any("e" in cell.lower() for cell in cells):
        return 0.0
    decimals = max(len(cell.partition(".")[2]) for cell in cells)
    return columns * 0.5 * 10.0**-decimals if decimals in (2, 3) else 0.0
