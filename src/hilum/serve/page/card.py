"""What a bundle says of itself, as plain values that a template shows and escapes.

The model card is Markdown of five kinds of lines; here they become blocks. The figures beside an
answer are the bundle's, measured on other films: nothing here is about the film that is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from hilum.screening.card import model_card
from hilum.screening.record import BundleRecord

__all__ = ["Block", "Figure", "Span", "card_blocks", "measured_figures"]

_MARKS = re.compile(r"(`[^`]*`|\*\*[^*]+\*\*)")
_WANTED = (
    *("auroc", "sensitivity", "specificity", "recall", "accuracy", "balanced_accuracy"),
    "macro_auroc",
)


@dataclass(frozen=True, slots=True)
class Span:
    """Some words of a line: plain, code or strong."""

    kind: Literal["plain", "code", "strong"]
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, a list or a table.

    Args:
        kind: Which of them.
        lines: Of the list, or of the table with its head first, or the one line of the others;
            each line is cells, each cell is spans.
    """

    kind: Literal["title", "heading", "paragraph", "list", "table"]
    lines: tuple[tuple[tuple[Span, ...], ...], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure with its interval.

    Args:
        name: Of the figure, and of the class where it belongs to one.
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end.
        n: Films it was measured on; None if that is not recorded.
    """

    name: str
    value: float
    low: float
    high: float
    n: int | None


def card_blocks(record: BundleRecord) -> list[Block]:
    """Return a bundle's model card, block by block."""
    lines = model_card(record).splitlines()
    grouped = groupby(lines, key=_kind)
    return [block for kind, found in grouped for block in _blocks(kind, list(found))]


def measured_figures(record: BundleRecord) -> tuple[str, str, list[Figure]]:
    """Return where the bundle was measured, what is to be said of it, and the figures.

    The first part of the record that holds figures with intervals counts: records begin with the
    films that chose nothing.
    """
    for name, found in record.measured.items():
        if isinstance(found, Mapping):
            figures = list(_figures(found))
            if figures:
                note = found.get("note")
                return name.replace("_", " "), note if isinstance(note, str) else "", figures
    return "", "", []


def _figures(found: Mapping[str, Any], of: str = "") -> Iterator[Figure]:
    for key, value in found.items():
        if not isinstance(value, Mapping) or not (of or key in _WANTED):
            continue
        if all(isinstance(value.get(end), int | float) for end in ("value", "low", "high")):
            n = value.get("n")
            yield Figure(
                f"{of}{key}".replace("_", " "), value["value"], value["low"], value["high"],
                n if isinstance(n, int) else None,
            )  # fmt: skip
        elif not of:
            yield from _figures(value, "sensitivity for " if key == "recall" else f"{key} of ")


_Kind = Literal["title", "heading", "paragraph", "list", "table", "empty"]


def _kind(line: str) -> _Kind:
    if not line.strip():
        return "empty"
    for mark, kind in _STARTS:
        if line.startswith(mark):
            return kind
    return "paragraph"


_STARTS: tuple[tuple[str, _Kind], ...] = (
    ("## ", "heading"),
    ("# ", "title"),
    ("- ", "list"),
    ("  ", "list"),
    ("| ", "table"),
)


def _blocks(kind: _Kind, lines: list[str]) -> Iterator[Block]:
    if kind == "empty":
        return
    if kind in {"title", "heading"}:
        for line in lines:
            yield Block(kind, (_cells(line.lstrip("# ")),))
    elif kind == "list":
        yield Block(kind, tuple(_cells(point) for point in _points(lines)))
    elif kind == "table":
        rows = [line.strip("| ").split(" | ") for line in lines if not line.startswith("| ---")]
        width = len(rows[0])
        filled = (row[:width] + [""] * (width - len(row)) for row in rows)
        yield Block(kind, tuple(tuple(_spans(cell) for cell in row) for row in filled))
    else:
        yield Block(kind, (_cells(" ".join(lines)),))


def _points(lines: list[str]) -> list[str]:
    """Return the points of a list; indented lines go on with the point before."""
    points: list[str] = []
    for line in lines:
        if line.startswith("- ") or not points:
            points.append(line.removeprefix("- ").strip())
        else:
            points[-1] += f" {line.strip()}"
    return points


def _cells(text: str) -> tuple[tuple[Span, ...], ...]:
    return (_spans(text),)


def _spans(text: str) -> tuple[Span, ...]:
    return tuple(_span(part) for part in _MARKS.split(text) if part)


def _span(part: str) -> Span:
    if len(part) > 1 and part[0] == part[-1] == "`":
        return Span("code", part[1:-1])
    if len(part) > 4 and part.startswith("**") and part.endswith("**"):
        return Span("strong", part[2:-2])
    return Span("plain", part)
