"""Tables of what an answer is worth, where to cut, how sure a model is, and of two models.

Separate from `tables`, which shows the score itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hilum.evaluation.record import RESEARCH_USE, Estimate

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from hilum.evaluation.compare import Compared, Comparison
    from hilum.evaluation.confidence import Confidence
    from hilum.evaluation.decisions import AbstainBand
    from hilum.evaluation.evidence import Evidence
    from hilum.evaluation.operating import OperatingPoint, Worth
    from hilum.screening.recalibrate import Recalibrated

__all__ = ["calibration_text", "comparison_text", "evidence_tables"]

_SIDE_BY_SIDE = 4
_PERCENT = {"accuracy", "balanced_accuracy", "recall", "specificity", "precision"}
_NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_auroc": "AUROC",
    "brier": "Brier score",
    "nll": "Negative log-likelihood",
    "ece": "Calibration error",
    "recall": "Recall",
    "specificity": "Specificity",
    "auroc": "AUROC",
}


def evidence_tables(evidence: Evidence) -> list[RenderableType]:
    """Return what to print: worth of an answer, thresholds, calibration and its verdict."""
    return [
        *_worth(evidence.worth),
        *([_points(shown)] if (shown := _shown(evidence.points)) else []),
        *_confidence(evidence.confidence),
    ]


def calibration_text(found: Recalibrated, *, width: int | None = None) -> str:
    """Return what `hilum calibrate` did, as text."""
    from rich.text import Text

    record = found.bundle.record
    parts: list[RenderableType] = [
        Text(
            f"Bundle {record.id[:12]} in {found.bundle.folder}: temperature "
            f"{found.temperature:.4g}; decides by {record.default_threshold}."
        ),
        *_confidence((found.before, found.after)),
    ]
    if found.points:
        parts.append(_points(found.points))
    parts += [Text(_band(band)) for band in found.bands]
    if found.points or found.bands:
        first = (found.points or found.bands)[0]
        parts.append(Text(f"Thresholds were {first.chosen_on}.", style="dim"))
    parts += [Text(f"Note: {text}", style="yellow") for text in found.notes]
    parts.append(Text(RESEARCH_USE, style="dim"))
    return _captured(parts, width)


def comparison_text(found: Comparison, *, width: int | None = None) -> str:
    """Return a comparison of two models, as text; the verdict first."""
    from rich.text import Text

    a, b = found.names
    table = _table(
        f"{found.n_images:,} images of {found.n_patients:,} patients", "", a, b, f"{a} - {b}"
    )
    for name, row in found.metrics.items():
        macro = "Macro " if name == "macro_auroc" and len(found.classes) > 2 else ""
        table.add_row(f"{macro}{_NAMES[name]}", *_compared(name, row))
    for label, figures in found.per_class.items():
        for name in ("recall", "specificity", "auroc"):
            table.add_row(_safe(f"{_NAMES[name]} of {label}"), *_compared(name, figures[name]))
    d = found.discordance
    p = "undefined" if d.p_value is None else f"{d.p_value:.3g}"
    apart = (
        f"Only {a} right: {d.only_a:,}; only {b} right: {d.only_b:,}; both {d.both_right:,}; "
        f"neither {d.both_wrong:,}. {d.method}: p = {p}."
    )
    parts: list[RenderableType] = [Text(found.verdict, style="bold"), table, Text(apart)]
    parts += [Text(f"Note: {text}", style="yellow") for text in found.notes]
    parts += [Text(found.method, style="dim"), Text(RESEARCH_USE, style="dim")]
    return _captured(parts, width)


def _compared(name: str, row: Compared) -> Iterable[str]:
    percent = name in _PERCENT
    values = [_value(e, percent=percent) for e in (row.a, row.b)]
    return [*values, _signed(row.difference, percent=percent)]


def _value(value: Estimate, *, percent: bool) -> str:
    return value.text(percent=percent).partition(" (")[0]


def _signed(value: Estimate, *, percent: bool) -> str:
    if value.estimate is None:
        return "undefined"
    scale, places = (100, 1) if percent else (1, 3)
    text = f"{value.estimate * scale:+.{places}f}"
    if value.low is None or value.high is None:
        return text
    return f"{text} ({value.low * scale:+.{places}f} to {value.high * scale:+.{places}f})"


def _worth(worth: dict[str, tuple[Worth, ...]]) -> list[Table]:
    """Return predictive values by prevalence, four classes side by side."""
    labels, tables = list(worth), []
    for start in range(0, len(labels), _SIDE_BY_SIDE):
        some = labels[start : start + _SIDE_BY_SIDE]
        table = _table("What an answer is worth, if so many have it", "", *some)
        for number, first in enumerate(worth[some[0]]):
            rows = [worth[label][number] for label in some]
            share = f"{100 * first.prevalence:.3g} %"
            table.add_row(f"{share}: PPV", *(_two_lines(row.ppv) for row in rows))
            table.add_row(f"{share}: NPV", *(_two_lines(row.npv) for row in rows))
        tables.append(table)
    return tables


def _two_lines(value: Estimate) -> str:
    return value.text(percent=True).replace(" (", "\n").removesuffix(")")


def _shown(points: Sequence[OperatingPoint]) -> list[OperatingPoint]:
    """Return the thresholds the model came with, else those for a sensitivity; all are in JSON."""
    given = [point for point in points if point.left_out_sensitivity is None]
    return given or [point for point in points if point.name.startswith("sensitivity")]


def _points(points: Sequence[OperatingPoint]) -> Table:
    table = _table("Thresholds", "", "from", "sensitivity", "specificity", "left out")
    for point in points:
        name = point.name if point.label in point.name else f"{point.label}: {point.name}"
        left = ""
        if point.left_out_sensitivity is not None and point.left_out_specificity is not None:
            left = f"{100 * point.left_out_sensitivity:.1f}\n{100 * point.left_out_specificity:.1f}"
        cells = [_two_lines(point.sensitivity), _two_lines(point.specificity), left]
        table.add_row(_safe(name), f"{point.threshold:.3g}", *cells)
    if any(point.left_out_sensitivity is not None for point in points):
        table.caption = (
            "Left out: both on patients left out, when chosen anew on resamples. Chosen\n"
            "on the films they are measured on, thresholds look better than they are."
        )
        table.caption_justify = "left"
    return table


def _confidence(groups: Sequence[Confidence]) -> list[RenderableType]:
    from rich.text import Text

    table = _table("Is it as sure as it is right?", "", "films", "sure", "right", "error", "chance")
    for group in groups:
        table.add_row(
            _safe("All films" if group.group == "all" else group.group),
            f"{group.n:,}",
            f"{group.confidence:.1%}",
            _value(group.accuracy, percent=True),
            group.ece.text().replace(" (", "\n").removesuffix(")"),
            f"{group.perfect_ece:.3f}",
        )
    table.caption = (
        "Error: expected calibration error. Chance: that of\na perfectly calibrated model on as "
        "many films."
    )
    table.caption_justify = "left"
    shown = [g for g in groups if g.group in ("all", "before", "after")]
    verdicts = [
        Text(f"{'All films' if g.group == 'all' else g.group.capitalize()}: {g.verdict}.")
        for g in shown
    ]
    return [table, *verdicts]


def _band(band: AbstainBand) -> str:
    return (
        f"{band.label}: ruled out below {band.low:.3g}, called from {band.high:.3g}; no answer for "
        f"{band.abstained.text(percent=True)} of {band.abstained.n:,} films; "
        f"{band.error.text(percent=True)} of the answers wrong, without the band "
        f"{band.error_without.text(percent=True)}."
    )


def _captured(parts: Iterable[RenderableType], width: int | None) -> str:
    import sys

    from rich.console import Console

    if width is None and not sys.stdout.isatty():
        width = 120
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get()


def _table(title: str, *columns: str) -> Table:
    from hilum.report.tables import _table as plain

    return plain(title, *columns)


def _safe(text: str) -> str:
    from rich.markup import escape

    return escape(text)
