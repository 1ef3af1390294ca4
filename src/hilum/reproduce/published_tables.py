"""What the four papers printed, and what it must be where arithmetic settles it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

from hilum.errors import ConfigError
from hilum.evaluation.published.metric import UNCOUNTED
from hilum.evaluation.published.number import Printed
from hilum.evaluation.published.table import PublishedTable
from hilum.evaluation.published.yaml_tables import parse_publication
from hilum.registry import suggestion

__all__ = ["PUBLISHED", "Figure", "PublishedTables", "published"]

PUBLISHED = ("p1", "p2", "p3", "p4")


class Figure(NamedTuple):
    """One quantity of one row."""

    printed: str | None
    """As printed, with its spread and a sign of percent; None where no table has it."""

    recomputed: float | None
    """What it must be, as a share; None where it stands as it is or nothing settles it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTables:
    """What one paper printed."""

    paper: str
    title: str
    citation: str
    tables: tuple[PublishedTable, ...]

    def lookup(self, row: str, metric: str) -> Figure:
        """Return a quantity as printed and recomputed, each from the first table that has it.

        Args:
            row: Name of the row, such as `Network.row`.
            metric: accuracy, recall_covid, macro_f1, parameters_millions ...
        """
        rows = [(t, found) for t in self.tables for found in t.rows if found.name == row]
        printed = [_shown(found.printed[metric]) for _, found in rows if metric in found.printed]
        recomputed = [
            found.recomputed[metric] / (100 if table.percent and metric not in UNCOUNTED else 1)
            for table, found in rows
            if metric in found.recomputed
        ]
        return Figure(printed[0] if printed else None, recomputed[0] if recomputed else None)


def _shown(number: Printed) -> str:
    text = f"{number.text.removesuffix(' %')} %" if number.percent else number.text
    return text if number.spread is None else f"{text} ± {number.spread.text}"


def published(paper: str) -> PublishedTables:
    """Return the tables of a paper.

    Args:
        paper: p1, p2, p3 or p4.

    Raises:
        ConfigError: If there is no such paper.
    """
    if paper not in PUBLISHED:
        raise ConfigError(f"There is no paper {paper!r}. {suggestion(paper, [*PUBLISHED])}")
    file = files("hilum.reproduce") / "published" / f"{paper}.yaml"
    found = parse_publication(file.read_text(encoding="utf-8"), f"{paper}.yaml")
    return PublishedTables(
        paper=paper, title=found.title, citation=found.citation, tables=found.tables
    )
