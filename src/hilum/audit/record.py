"""What an audit finds: one record a check, with its verdict, its numbers and what asked for it.

Plain data, so that a page, a gate or a checklist can be made of it without running anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.record import RESEARCH_USE, Estimate

__all__ = ["VERDICTS", "Audit", "Bars", "Lines", "Outcome", "Picture", "Result", "Table", "Verdict"]

Verdict = Literal["pass", "warn", "fail", "not run"]
VERDICTS: tuple[Verdict, ...] = ("fail", "warn", "not run", "pass")
"""Worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Estimates with their limits on one axis, one row each."""

    title: str
    rows: tuple[tuple[str, Estimate], ...]
    axis: str
    """What is measured: "AUROC", "share of films"."""

    limits: tuple[float, float] = (0.0, 1.0)
    """Ends of the axis."""

    references: tuple[tuple[str, float], ...] = ()
    """Named lines across all rows: chance, the score on whole films."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "kind": "bars",
            "title": self.title,
            "axis": self.axis,
            "limits": list(self.limits),
            "rows": [{"label": label, **value.to_dict()} for label, value in self.rows],
            "references": [{"label": label, "value": value} for label, value in self.references],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Curves over one quantity, each point an estimate."""

    title: str
    x: str
    """What runs along the axis: "JPEG quality", "shift, share of the width"."""

    y: str
    curves: tuple[tuple[str, tuple[tuple[float, Estimate], ...]], ...]
    limits: tuple[float, float] = (0.0, 1.0)
    references: tuple[tuple[str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "kind": "lines",
            "title": self.title,
            "x": self.x,
            "y": self.y,
            "limits": list(self.limits),
            "curves": [
                {"label": label, "points": [{"x": at, **value.to_dict()} for at, value in points]}
                for label, points in self.curves
            ],
            "references": [{"label": label, "value": value} for label, value in self.references],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table for a reader who wants every number."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"Every row of {self.title!r} needs {len(self.columns)} cells")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Picture:
    """What a check looked at: films, a class's evidence laid over one. Never of phantoms only."""

    caption: str
    pixels: NDArray[np.uint8]
    """Shape (height, width), or (height, width, 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check returns."""

    verdict: Verdict
    summary: str
    """One sentence for someone in a hurry: the number, its interval, n, and what it means."""

    reason: str
    """The rule behind the verdict, with its limits: "fails when the lower limit is above 0.6"."""

    numbers: Mapping[str, Estimate] = field(default_factory=dict)
    """Named figures, the one that decided first."""

    charts: tuple[Bars | Lines, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    """What limits the check: films left out, poor masks, few patients."""

    @classmethod
    def not_run(cls, why: str) -> Outcome:
        """Say that a check had nothing to work on, and what it would need."""
        return cls(verdict="not run", summary=why, reason=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A check's outcome beside what the check is."""

    check: str
    title: str
    question: str
    asked_by: tuple[str, ...]
    outcome: Outcome
    seconds: float
    pictures: tuple[tuple[str, str], ...] = ()
    """(caption, file in the audit's folder)."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        found = self.outcome
        return {
            "check": self.check,
            "title": self.title,
            "question": self.question,
            "asked_by": list(self.asked_by),
            "verdict": found.verdict,
            "summary": found.summary,
            "reason": found.reason,
            "numbers": {name: value.to_dict() for name, value in found.numbers.items()},
            "charts": [chart.to_dict() for chart in found.charts],
            "tables": [table.to_dict() for table in found.tables],
            "pictures": [{"caption": caption, "file": file} for caption, file in self.pictures],
            "notes": list(found.notes),
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Every check of one model on one set of films."""

    headline: Estimate
    """The model's score on the films as they are."""

    headline_name: str
    """"AUROC" or "mean AUROC"."""

    baseline: Estimate | None
    """The same figure of a rule that only knows each film's source; None without sources."""

    results: tuple[Result, ...]
    about: Mapping[str, Any]
    """Bundle, manifest, split, counts, command, versions."""

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of a check that ran."""
        found = {result.outcome.verdict for result in self.results}
        return next((verdict for verdict in ("fail", "warn") if verdict in found), "pass")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "use": RESEARCH_USE,
            "verdict": self.verdict,
            "counts": {
                verdict: sum(result.outcome.verdict == verdict for result in self.results)
                for verdict in VERDICTS
            },
            "headline": {"name": self.headline_name, **self.headline.to_dict()},
            "baseline": None if self.baseline is None else self.baseline.to_dict(),
            "checks": [result.to_dict() for result in self.results],
            "about": dict(self.about),
        }
