"""An evaluation as tables: for the screen, and as rows of a CSV file.

The first row of the first table is the score of a model that never looks at the picture.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hilum.evaluation.record import RESEARCH_USE, Estimate, Evaluation

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["evaluation_tables", "evaluation_text", "metrics_csv"]

_SHARES = {"accuracy", "balanced_accuracy", "recall", "precision", "specificity", "npv"}

_HEADLINE = (
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("macro_auroc", "AUROC"),
)

_FURTHER = (
    ("macro_precision", "Macro precision (PPV)"),
    ("macro_recall", "Macro recall (sensitivity)"),
    ("macro_specificity", "Macro specificity"),
    ("macro_f1", "Macro F1"),
    ("macro_average_precision", "Macro average precision"),
    ("average_precision", "Average precision"),
    ("cohen_kappa", "Cohen's kappa"),
    ("mcc", "Matthews correlation"),
    ("brier", "Brier score"),
    ("nll", "Negative log-likelihood"),
    ("ece", "Calibration error"),
)

_SIDE_BY_SIDE = 4

_PER_CLASS = (
    ("recall", "Recall (sensitivity)"),
    ("specificity", "Specificity"),
    ("precision", "Precision (PPV)"),
    ("npv", "Negative predictive value"),
    ("f1", "F1"),
    ("auroc", "AUROC"),
    ("average_precision", "Average precision"),
)


def evaluation_tables(evaluation: Evaluation) -> list[RenderableType]:
    """Return what to print, in order: never looking and the model, classes, confusion, notes.

    Args:
        evaluation: What to show.
    """
    from rich.text import Text

    notes = [*_reasons(evaluation), *evaluation.notes]
    return [
        _headline(evaluation),
        _further(evaluation),
        *_per_class(evaluation),
        _confusion(evaluation),
        *_evidence(evaluation),
        *(Text(f"Note: {note}", style="yellow") for note in dict.fromkeys(notes)),
        Text(f"{evaluation.method} Decision: {evaluation.decision}.", style="dim"),
        Text(RESEARCH_USE, style="dim"),
    ]


def _evidence(evaluation: Evaluation) -> list[RenderableType]:
    if evaluation.evidence is None:
        return []
    from hilum.report.evidence_tables import evidence_tables

    return evidence_tables(evaluation.evidence)


def evaluation_text(evaluation: Evaluation, *, width: int | None = None) -> str:
    """Return the tables as text: as wide as the terminal, coloured if it shows colours.

    Args:
        evaluation: What to show.
        width: Characters a line; the terminal's by default, 120 where there is none.
    """
    import sys

    from rich.console import Console

    if width is None and not sys.stdout.isatty():
        width = 120
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        for part in evaluation_tables(evaluation):
            console.print(part)
    return captured.get()


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, "italic"), box=box.SIMPLE_HEAD, pad_edge=False)
    table.title_justify = "left"
    table.min_width = len(title)
    for number, column in enumerate(columns):
        table.add_column(_safe(column), justify="right" if number else "left")
    return table


def _safe(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _cell(name: str, value: Estimate) -> str:
    return value.text(percent=name in _SHARES).replace(" (", "\n(")


def _short(name: str, value: Estimate) -> str:
    """Return value and limits one below the other."""
    text = value.text(percent=name in _SHARES)
    return text.replace(" (", "\n").removesuffix(")")


def _headline(evaluation: Evaluation) -> Table:
    who = f"{evaluation.n_images:,} images of {evaluation.n_patients:,} patients"
    limits = f", {evaluation.level:.0%} limits" if evaluation.resamples else ""
    macro = [] if len(evaluation.classes) == 2 else ["Macro "]
    names = [*(title for _, title in _HEADLINE[:-1]), "".join([*macro, _HEADLINE[-1][1]])]
    table = _table(f"{who}{limits}", "", *names)
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in evaluation.baselines.values():
        if row.unavailable is not None:
            title = f"{row.title}\n{row.unavailable}"
            table.add_row(_safe(title), *["not available"] * len(_HEADLINE), style="bold")
        else:
            cells = [_cell(name, row.metrics[name]) for name, _ in _HEADLINE]
            table.add_row(_safe(row.title), *cells, style="bold")
    cells = [_cell(name, evaluation.metrics[name]) for name, _ in _HEADLINE]
    table.add_row("This model", *cells, style="bold cyan")
    for row in list(evaluation.baselines.values())[:1]:
        if row.gain:
            cells = [_gain(name, row.gain[name]) for name, _ in _HEADLINE]
            table.add_row("Gained by looking", *cells)
    return table


def _gain(name: str, value: Estimate) -> str:
    if value.estimate is None:
        return "undefined"
    scale, places = (100, 1) if name in _SHARES else (1, 3)
    text = f"{value.estimate * scale:+.{places}f}"
    if value.low is None or value.high is None:
        return text
    return f"{text}\n({value.low * scale:+.{places}f} to {value.high * scale:+.{places}f})"


def _further(evaluation: Evaluation) -> Table:
    table = _table("Over all classes", "", "", "")
    table.show_header = False
    rows = [
        (title, evaluation.metrics[name]) for name, title in _FURTHER if name in evaluation.metrics
    ]
    for title, value in rows:
        text, _, limits = value.text().partition(" (")
        table.add_row(title, text, f"({limits}" if limits else "")
    return table


def _per_class(evaluation: Evaluation) -> list[Table]:
    """Return the figures of each class, four classes side by side, so that 80 columns hold them."""
    tables = []
    for start in range(0, len(evaluation.classes), _SIDE_BY_SIDE):
        labels = evaluation.classes[start : start + _SIDE_BY_SIDE]
        table = _table("Each class against the rest", "", *labels)
        counts = evaluation.confusion.sum(axis=1)[start : start + _SIDE_BY_SIDE].tolist()
        table.add_row("Images", *(f"{count:,}" for count in counts))
        for name, title in _PER_CLASS:
            cells = [_short(name, evaluation.per_class[label][name]) for label in labels]
            table.add_row(title, *cells)
        tables.append(table)
    return tables


def _confusion(evaluation: Evaluation) -> Table:
    table = _table("Confusion: truth in rows, decision in columns", "", *evaluation.classes)
    for label, counts in zip(evaluation.classes, evaluation.confusion.tolist(), strict=True):
        table.add_row(_safe(label), *(f"{count:,}" for count in counts))
    return table


def _reasons(evaluation: Evaluation) -> list[str]:
    """Return why shown figures have no value, or no limits, or lack resamples."""
    first = next(iter(evaluation.baselines.values()))
    learnt = [f"Never looking learns its labels from {first.fitted_on}."] if first.fitted_on else []
    shown = {name for name, _ in (*_HEADLINE, *_FURTHER)}
    rows = [(name, value) for name, value in evaluation.metrics.items() if name in shown]
    for label, figures in evaluation.per_class.items():
        rows += [(f"{name} of {label}", value) for name, value in figures.items()]
    grouped: dict[str, list[str]] = {}
    for name, value in rows:
        if value.reason is not None and evaluation.resamples:
            grouped.setdefault(value.reason, []).append(name.replace("_", " "))
    return learnt + [f"{', '.join(names)}: {reason}." for reason, names in grouped.items()]


def metrics_csv(evaluation: Evaluation) -> str:
    """Return every figure as CSV text: one row a figure, baselines first, empty for undefined."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    fields = list(Estimate.__dataclass_fields__)
    writer.writerow(["of", "metric", *fields])
    groups = {name: row.metrics for name, row in evaluation.baselines.items()}
    groups |= {f"model minus {name}": row.gain for name, row in evaluation.baselines.items()}
    groups |= {"all classes": evaluation.metrics}
    groups |= {f"class {label}": row for label, row in evaluation.per_class.items()}
    for group, values in groups.items():
        for name, value in values.items():
            row = value.to_dict()
            writer.writerow([group, name, *(row[field] for field in fields)])
    return file.getvalue()
