"""Cells of a table as text, read into numbers, with every fault and where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hilum.errors import DataError
from hilum.evaluation.published.metric import UNCOUNTED, Counts, parse_metric
from hilum.evaluation.published.number import Printed, looks_like_percent

__all__ = ["percent_columns", "positive_class", "read_count", "read_numbers", "refusal"]

_EMPTY = {"", "-", "\u2013", "\u2014", "n/a", "na", "nan", "none"}
_SIGNED = {"kappa", "mcc"}
_SHOWN = 20


def refusal(summary: str, problems: Sequence[str]) -> DataError:
    """Return an error that lists the problems, at most 20 of them."""
    lines = [f"  - {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  - ... and {len(problems) - _SHOWN} more")
    return DataError("\n".join([summary, *lines]))


def read_count(text: str, where: str, problems: list[str]) -> int:
    """Return a number of images, at least 1; note what is wrong with it."""
    try:
        count = int(text.strip().replace(",", ""))
    except ValueError:
        count = 0
    if count < 1:
        problems.append(f"{where}: expected how many images, a whole number from 1, got {text!r}")
    return max(count, 1)


def positive_class(classes: Sequence[str], named: str | None = None) -> int | None:
    """Return which of two classes is meant by a bare `recall`; None if nobody says."""
    if len(classes) != 2:
        return None
    name = named if named is not None else "positive"
    return list(classes).index(name) if name in classes else None


def read_numbers(
    cells: Mapping[str, str],
    counts: Counts,
    percent: Mapping[str, bool],
    where: str,
    problems: list[str],
) -> dict[str, Printed]:
    """Return the numbers of a row by column; empty cells and dashes are left out.

    Args:
        cells: Text by column.
        counts: The classes and their images.
        percent: Which columns are printed in hundredths.
        where: The row, for messages.
        problems: Filled with one line a fault.
    """
    numbers = {}
    for label, text in cells.items():
        if text.strip().lower() in _EMPTY:
            continue
        at = f"{where}, column {label}"
        try:
            metric = parse_metric(label, counts)
            printed = Printed.parse(text, percent=metric is not None and percent[label])
        except ValueError as error:
            problems.append(f"{at}: {error}")
            continue
        lowest = -1.0 if metric is not None and metric.kind in _SIGNED else 0.0
        if metric is not None and not lowest <= printed.value <= 1:
            unit = "percent from 0 to 100" if printed.percent else "a share from 0 to 1"
            problems.append(f"{at}: expected {unit}, got {text!r}")
        numbers[label] = printed
    return numbers


def percent_columns(columns: Mapping[str, Sequence[str]], unit: str | None) -> dict[str, bool]:
    """Return which columns are printed in hundredths: as said, or those with a number above 1."""
    if unit is not None:
        return {label: unit == "percent" and label.lower() not in UNCOUNTED for label in columns}
    return {
        label: any(looks_like_percent(text) for text in texts) for label, texts in columns.items()
    }
