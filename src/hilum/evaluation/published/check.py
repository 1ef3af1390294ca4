"""All of it, for all tables: each row alone, each name across tables, and rows side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from hilum.evaluation.published.across import (
    one_matrix,
    recall_as_precision,
    same_rows,
    two_sizes,
    two_values,
)
from hilum.evaluation.published.joint import Part, Settled, settle
from hilum.evaluation.published.many_classes import ManyClasses
from hilum.evaluation.published.metric import Counts
from hilum.evaluation.published.rows import judge
from hilum.evaluation.published.table import PublishedTable, Space
from hilum.evaluation.published.two_classes import TwoClasses
from hilum.evaluation.published.verdict import Finding, RowVerdict

__all__ = ["Report", "check_tables"]

_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check of tables found."""

    rows: tuple[RowVerdict, ...]
    """Each row of each table, by itself."""

    across: tuple[Finding, ...]
    """What shows only when rows are compared."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return everything found, rows first."""
        return (*(finding for row in self.rows for finding in row.findings), *self.across)

    @property
    def failed(self) -> bool:
        """Tell whether anything in the tables cannot be."""
        return any(not finding.is_remark for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "possible": not self.failed,
            "rows": [row.to_dict() for row in self.rows],
            "across": [finding.to_dict() for finding in self.across],
        }

    def text(self) -> str:
        """Return a verdict per row, then what shows when rows are compared, for a reader."""
        lines: list[str] = []
        for table in dict.fromkeys(row.table for row in self.rows):
            rows = [row for row in self.rows if row.table == table]
            lines += [f"{table} ({rows[0].counts.words()})", *self._rows(rows), ""]
        if self.across:
            lines.append("Rows compared")
            for finding in self.across:
                mark = "odd: " if finding.is_remark else ""
                lines.append(_wrapped(f"{finding.row}: {mark}{finding.message}", 2))
            lines.append("")
        return "\n".join([*lines, self._summary(), ""])

    @staticmethod
    def _rows(rows: Sequence[RowVerdict]) -> Iterator[str]:
        width = max(len(row.row) for row in rows)
        for row in rows:
            yield f"  {row.row:<{width}}  {row.words()}"
            for finding in row.findings:
                yield _wrapped(finding.message, 6)

    def _summary(self) -> str:
        checked = [row for row in self.rows if row.numbers]
        bad = sum(row.possible is False for row in checked)
        open_ = sum(row.possible is None for row in checked)
        faults = sum(not finding.is_remark for finding in self.across)
        undecided = f", not decided {open_}" if open_ else ""
        return (
            f"Rows checked {len(checked)}, cannot be by themselves {bad}{undecided}; "
            f"contradictions between rows {faults}, oddities {len(self.across) - faults}."
        )


def _wrapped(text: str, indent: int) -> str:
    return fill(
        text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def check_tables(tables: Sequence[PublishedTable]) -> Report:
    """Say of printed tables which rows can be, and which cannot, alone or together.

    Args:
        tables: Tables of one paper: rows of one name are taken to be of one model, and tables with
            the same counts to be of the same test images.

    Returns:
        Verdicts and findings; nothing is found in numbers that were computed from counts and
        rounded, except that two models may by chance print the same row.
    """
    verdicts: dict[tuple[str, str, int], RowVerdict] = {}
    across: list[Finding] = [*two_values(tables)]
    for counts in dict.fromkeys(table.counts for table in tables):
        space: Space = TwoClasses(counts) if len(counts.classes) == 2 else ManyClasses(counts)
        settled: list[tuple[str, Settled, Sequence[Part]]] = []
        for name, parts in _by_name(space, counts, tables).items():
            found = settle(space, parts)
            settled.append((name, found, parts))
            across += [*found.findings, *recall_as_precision(space, name, parts)]
            for part in parts:
                at = next(n for n, row in enumerate(part.table.rows) if row is part.row)
                verdicts[part.table.name, name, at] = judge(space, part, found.kept)
        across += one_matrix(space, settled)
    across += [*same_rows(tables), *two_sizes(tables)]
    order = [(table.name, row.name, at) for table in tables for at, row in enumerate(table.rows)]
    return Report(rows=tuple(verdicts[key] for key in order), across=tuple(across))


def _by_name(
    space: Space, counts: Counts, tables: Sequence[PublishedTable]
) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for table in tables:
        if table.counts == counts:
            for row in table.rows:
                found.setdefault(row.name, []).append(Part.of(space, table, row))
    return found
