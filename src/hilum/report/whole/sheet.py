"""A table that is written once and read three ways: on the page, as CSV, as JSON.

Each number keeps its limits, its n and the way they were found. Where one n holds for a whole table
or a row, the page says it once; otherwise it stands in the cell.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hilum.report.numbers import estimate_text, signed_text, why_no_limits

__all__ = ["Cell", "Sheet", "Value", "slug"]

_PARTS = ("low", "high", "n", "patients", "method", "reason")


@dataclass(frozen=True, slots=True)
class Value:
    """An estimate in a cell, as `Estimate.to_dict` gives it, and how it is written."""

    estimate: Mapping[str, Any]
    percent: bool = False
    signed: bool = False

    @property
    def text(self) -> str:
        """The number with its limits."""
        write = signed_text if self.signed else estimate_text
        return write(self.estimate, percent=self.percent)

    @property
    def n(self) -> tuple[int, int]:
        """Films and patients behind it."""
        return self.estimate["n"], self.estimate["patients"]


Cell = str | int | float | Value | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: columns, rows, and what a reader must know of them."""

    kind: ClassVar[str] = "sheet"

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    forms: Mapping[str, str] = field(default_factory=dict)
    """Column to a format of Python's for its plain numbers, or "percent"."""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"Every row of {self.title!r} needs {len(self.columns)} cells")

    @property
    def head(self) -> list[dict[str, Any]]:
        """Columns of the page: name, and whether numbers stand below it."""
        named = [
            {"text": name, "number": self._is_number(place)}
            for place, name in enumerate(self.columns)
        ]
        if self._n_by_row:
            named.insert(1, {"text": "n (patients)", "number": True})
        return named

    @property
    def body(self) -> Iterator[list[dict[str, Any]]]:
        """Rows of the page."""
        inside = not self._n_by_row and self.common_n is None
        for row in self.rows:
            cells = [self._cell(place, cell, inside=inside) for place, cell in enumerate(row)]
            if self._n_by_row:
                counted = next((cell.n for cell in row if isinstance(cell, Value)), None)
                text = "" if counted is None else f"{counted[0]:,} ({counted[1]:,})"
                cells.insert(1, {"text": text, "limits": "", "small": "", "number": True})
            yield cells

    @property
    def common_n(self) -> tuple[int, int] | None:
        """Films and patients behind every estimate, if they are the same."""
        found = {cell.n for row in self.rows for cell in row if isinstance(cell, Value)}
        return found.pop() if len(found) == 1 else None

    @property
    def stacked(self) -> bool:
        """Whether limits stand below their numbers, as there are many columns."""
        return any(sum(isinstance(cell, Value) for cell in row) > 3 for row in self.rows)

    @property
    def methods(self) -> list[str]:
        """How the limits were found."""
        found = [
            cell.estimate["method"]
            for row in self.rows
            for cell in row
            if isinstance(cell, Value) and cell.estimate["low"] is not None
        ]
        return list(dict.fromkeys(found))

    def records(self) -> list[dict[str, Any]]:
        """Return the rows for JSON."""
        return [
            {
                name: dict(cell.estimate) if isinstance(cell, Value) else cell
                for name, cell in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]

    def csv(self) -> str:
        """Return the rows as CSV text: an estimate takes a column for each of its parts."""
        wide = [
            any(isinstance(row[i], Value) for row in self.rows) for i in range(len(self.columns))
        ]
        head: list[str] = []
        for name, estimates in zip(self.columns, wide, strict=True):
            head += [name, *(f"{name}: {part}" for part in _PARTS)] if estimates else [name]
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(_harmless, head))
        for row in self.rows:
            cells: list[object] = []
            for cell, estimates in zip(row, wide, strict=True):
                cells += _spread(cell) if estimates else [cell]
            writer.writerow(["" if cell is None else _harmless(cell) for cell in cells])
        return file.getvalue()

    def uri(self) -> str:
        """Return the CSV as a data URI."""
        return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(_bytes(self.csv())).decode()}"

    @property
    def _n_by_row(self) -> bool:
        """Whether each row has one n, and not all the same."""
        rows = [{c.n for c in row if isinstance(c, Value)} for row in self.rows]
        return self.common_n is None and any(rows) and all(len(found) <= 1 for found in rows)

    def _is_number(self, place: int) -> bool:
        cells = [row[place] for row in self.rows if row[place] is not None]
        return place > 0 and bool(cells) and not any(isinstance(cell, str) for cell in cells)

    def _cell(self, place: int, cell: Cell, *, inside: bool) -> dict[str, Any]:
        number = self._is_number(place)
        if not isinstance(cell, Value):
            form = self.forms.get(self.columns[place], "")
            return {"text": _plain(cell, form), "limits": "", "small": "", "number": number}
        films, patients = cell.n
        small = [f"n {films:,} ({patients:,} patients)"] if inside else []
        small += [why] if (why := why_no_limits(cell.estimate)) else []
        text, bracket, limits = cell.text.partition(" (")
        told = f"({limits}" if bracket else ""
        return {"text": text, "limits": told, "small": "; ".join(small), "number": number}


def slug(text: str) -> str:
    """Return a name for a file: small letters, digits and hyphens.

    >>> slug("Each class, against the rest!")
    'each-class-against-the-rest'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-") or "table"


def _plain(cell: str | float | None, form: str) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if form == "percent":
        return f"{100 * cell:.3g}\u00a0%"
    if form:
        return format(cell, form).replace("%", "\u00a0%")
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:.4g}"


def _spread(cell: Cell) -> list[object]:
    if isinstance(cell, Value):
        return [cell.estimate["estimate"], *(cell.estimate.get(part) for part in _PARTS)]
    return [cell, *[None] * len(_PARTS)]


def _harmless(cell: object) -> object:
    """Keep a spreadsheet from reading text as a formula."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{cell}"
    return cell


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")
