"""An evaluation for a reviewer: every figure, curve and table, with its method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hilum.evaluation.confidence import class_reliability
from hilum.evaluation.predictions import Predictions
from hilum.report.numbers import SHARES, estimate_text
from hilum.report.svg import (
    Drawing,
    confusion_matrix,
    interval_rows,
    precision_recall_chart,
    reliability_chart,
    roc_chart,
)
from hilum.report.svg.ranking import drawn_classes
from hilum.report.whole.blocks import Block, Fold, Grid, Prose, Section
from hilum.report.whole.evaluated import Evaluated
from hilum.report.whole.sections_confidence import (
    confidence_sheet,
    decision_chart,
    predictive_sheet,
    sheets_of_points,
)
from hilum.report.whole.sheet import Cell, Sheet, Value

__all__ = ["evaluation_sections", "headline_sheet", "metric_name"]

_HEADLINE = ("accuracy", "balanced_accuracy", "macro_auroc")
_PER_CLASS = ("recall", "specificity", "precision", "npv", "f1", "auroc", "average_precision")
_NAMES = {
    "macro_auroc": "mean AUROC",
    "auroc": "AUROC",
    "recall": "recall (sensitivity)",
    "precision": "precision (PPV)",
    "npv": "NPV",
    "f1": "F1",
    "mcc": "Matthews correlation",
    "cohen_kappa": "Cohen's kappa",
    "nll": "log loss",
    "ece": "calibration error",
    "brier": "Brier score",
}
_MOST_CLASSES = 8


def metric_name(name: str, classes: int = 3) -> str:
    """Return what a figure is called on a page.

    >>> metric_name("macro_auroc", 2), metric_name("balanced_accuracy"), metric_name("macro_f1")
    ('AUROC', 'balanced accuracy', 'mean F1')
    """
    if name == "macro_auroc" and classes == 2:
        return "AUROC"
    if name.startswith("macro_") and name not in _NAMES:
        return f"mean {metric_name(name.removeprefix('macro_'))}"
    return _NAMES.get(name, name.replace("_", " "))


def evaluation_sections(one: Evaluated, prefix: str) -> Iterator[Section]:
    """Return the sections of one evaluation.

    Args:
        one: What was evaluated.
        prefix: Begins the anchors.
    """
    values = one.values
    yield Section(prefix, f"Scores: {one.name}", [*_opening(one), headline_sheet(one)])
    yield Section(f"{prefix}-figures", "Over all classes", [_overall(values)], level=4)
    yield Section(f"{prefix}-classes", "Each class against the rest", list(_classes(one)), level=4)
    yield Section(
        f"{prefix}-confusion", "Which is taken for which", list(_confusion(values)), level=4
    )
    if "calibration" in values:
        yield Section(
            f"{prefix}-sure",
            "Is it as sure as it is right, and by source?",
            list(_sure(one)),
            level=4,
        )
        yield Section(f"{prefix}-cut", "Where to cut", list(_cut(values)), level=4)
        yield Section(f"{prefix}-worth", "What an answer is worth", list(_worth(values)), level=4)
    else:
        told = "Thresholds, calibration and predictive values are not in this evaluation.json: it "
        told += "was written by an earlier version. `hilum evaluate --out` adds them."
        yield Section(f"{prefix}-sure", "Calibration and thresholds", [Prose([told])], level=4)


def _opening(one: Evaluated) -> Iterator[Block]:
    values = one.values
    counts = values.get("class_counts") or {}
    said = ", ".join(f"{label} {count:,}" for label, count in counts.items())
    yield Prose(
        [
            (
                f"{values['n_images']:,} films of {values['n_patients']:,} patients"
                f"{f' ({said})' if said else ''}. Decision: {values.get('decision', 'not said')}."
            )
        ]
    )
    if notes := values.get("notes"):
        yield Prose(notes, "list")
    if method := (values.get("intervals") or {}).get("method"):
        yield Prose([f"Limits: {method}"], "soft")


def headline_sheet(one: Evaluated) -> Sheet:
    """Return the rules that never look, the model, and what looking adds."""
    values = one.values
    k = len(values["classes"])
    rows: list[list[Cell]] = []
    notes = []
    for rule in values["baselines"].values():
        found = rule["metrics"] if rule["available"] else {}
        rows.append([rule["title"], *(_value(name, found.get(name)) for name in _HEADLINE)])
        if not rule["available"]:
            notes.append(f"{rule['title']}: {rule['reason']}.")
        elif rule.get("fitted_on"):
            notes.append(f"{rule['title']}: learnt from {rule['fitted_on']}.")
    rows.append(["The model", *(_value(name, values["metrics"].get(name)) for name in _HEADLINE)])
    for rule in values["baselines"].values():
        if rule["available"] and rule["model_minus_baseline"]:
            gain = rule["model_minus_baseline"]
            title = f"Model less: {rule['title']}"
            rows.append([title, *(_value(name, gain.get(name), signed=True) for name in _HEADLINE)])
    heads = [metric_name(name, k) for name in _HEADLINE]
    return Sheet("Beside rules that never look", ["who answers", *heads], rows, notes=notes)


def _value(name: str, value: Mapping[str, Any] | None, *, signed: bool = False) -> Cell:
    if value is None:
        return "not available"
    return Value(value, percent=_is_share(name), signed=signed)


def _is_share(name: str) -> bool:
    return name.removeprefix("macro_") in SHARES


def _overall(values: Mapping[str, Any]) -> Sheet:
    meaning, k = values.get("definitions") or {}, len(values["classes"])
    rows = [
        [metric_name(name, k), _value(name, value), meaning.get(name, "")]
        for name, value in values["metrics"].items()
    ]
    return Sheet("Figures over all classes", ("figure", "value", "meaning"), rows)


def _classes(one: Evaluated) -> Iterator[Block]:
    values = one.values
    rows = [
        [label, *(_value(name, found.get(name)) for name in _PER_CLASS)]
        for label, found in values["per_class"].items()
    ]
    if one.predictions is None:
        yield Prose([f"No curves: {one.missing}."], "soft")
    elif places := drawn_classes(one.predictions):
        yield Grid(list(_curves(one.predictions, values, places)))
    heads = [metric_name(name) for name in _PER_CLASS]
    yield Sheet("Each class against the rest", ["class", *heads], rows)


def _curves(
    predictions: Predictions, values: Mapping[str, Any], places: Sequence[int]
) -> Iterator[tuple[Drawing, str]]:
    def named(metric: str, word: str) -> list[str]:
        return [
            f"{label}: {word} {estimate_text(values['per_class'][label][metric])}, "
            f"n {int((predictions.labels == c).sum()):,} of {len(predictions):,}"
            for c in places
            for label in [predictions.classes[c]]
        ]

    yield roc_chart(predictions, named("auroc", "AUROC")), ""
    yield precision_recall_chart(predictions, named("average_precision", "AP")), ""


def _confusion(values: Mapping[str, Any]) -> Iterator[Block]:
    classes, counts = values["classes"], values["confusion"]["counts"]
    yield Grid([(confusion_matrix(classes, counts), "")])
    rows = [[name, *row, sum(row)] for name, row in zip(classes, counts, strict=True)]
    heads = ["true class", *(f"called {name}" for name in classes), "films"]
    yield Fold("The same as a table", [Sheet("Films by true class and decision", heads, rows)])


def _sure(one: Evaluated) -> Iterator[Block]:
    groups = one.values["calibration"]
    yield Prose([f"{_films(group)}: {group['verdict']}." for group in groups], "list")
    figures = [] if one.predictions is None else list(_reliability(one.predictions))
    if len(groups) > 2:
        rows = [(_films(group), group["accuracy"]) for group in groups]
        drawing = interval_rows("Share called rightly, by source", rows, axis="accuracy")
        figures.append((drawing, "A source with few films has wide limits."))
    if figures:
        yield Grid(figures)
    yield confidence_sheet("Sure and right, by source", groups)


def _films(group: Mapping[str, Any]) -> str:
    return "All films" if group["group"] == "all" else str(group["group"])


def _reliability(predictions: Predictions) -> Iterator[tuple[Drawing, str]]:
    k = len(predictions.classes)
    if k > 2:
        yield _most_probable(predictions), ""
    for c in [1] if k == 2 else range(min(k, _MOST_CLASSES)):
        bins = class_reliability(predictions, c).to_dict()
        yield reliability_chart(f"{bins['label']}: said and true", bins, series=0), ""


def _most_probable(predictions: Predictions) -> Drawing:
    """Draw how often the class called is right: being right is a class of its own here."""
    sure = predictions.probabilities.max(axis=1)
    right = Predictions(
        predictions.images,
        predictions.patient_ids,
        (predictions.decisions == predictions.labels).astype(np.int64),
        ("wrong", "right"),
        np.stack([1 - sure, sure], axis=1),
        sources=predictions.sources,
    )
    bins = class_reliability(right, 1).to_dict()
    title = "The class called: how sure, how often right"
    return reliability_chart(title, bins, series=2, x="Confidence in the class called")


def _cut(values: Mapping[str, Any]) -> Iterator[Block]:
    points = values["operating_points"]
    if not points:
        yield Prose(["No threshold was chosen: a class is missing on one side."])
    yield from sheets_of_points("Thresholds", points)


def _worth(values: Mapping[str, Any]) -> Iterator[Block]:
    yield predictive_sheet(values["predictive_values"])
    if curves := values["decision_curves"]:
        yield Grid([(decision_chart(curve), _where(curve)) for curve in curves])


def _where(curve: Mapping[str, Any]) -> str:
    here = " among these films" if curve["from_data"] else ""
    return (
        f"{100 * curve['prevalence']:.3g}\u00a0% have it{here}; n {curve['n']:,} films of "
        f"{curve['patients']:,} patients."
    )
