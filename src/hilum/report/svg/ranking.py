"""Receiver operating characteristic, and precision over recall: each class against the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hilum.evaluation.predictions import Predictions
from hilum.evaluation.ranking import precision_recall_points, roc_points
from hilum.report.svg.canvas import Drawing
from hilum.report.svg.lines import Frame, legend
from hilum.report.svg.thin import thinned

__all__ = ["drawn_classes", "precision_recall_chart", "roc_chart"]

_SIDE = 340
_LINE = 17
_UNIT = (0.0, 1.0)


def drawn_classes(predictions: Predictions) -> list[int]:
    """Return the classes that have a curve: with images of them, and of others."""
    k = len(predictions.classes)
    counts = np.bincount(predictions.labels, minlength=k)
    wanted = [1] if k == 2 else range(k)
    return [c for c in wanted if 0 < counts[c] < len(predictions)]


def roc_chart(predictions: Predictions, labels: Sequence[str]) -> Drawing:
    """Draw the ROC curve of every class of `drawn_classes`.

    Args:
        predictions: What was scored.
        labels: Of these classes, in their order: name, area with limits, n.
    """
    curves = []
    for c in drawn_classes(predictions):
        x, y = roc_points(predictions.labels == c, predictions.probabilities[:, c])
        curves.append(_points(x, y))
    drawing, frame = _framed("Receiver operating characteristic", labels, "chance")
    frame.draw(drawing, "1 - specificity: false alarms among those without", "Sensitivity")
    drawing.line(frame.at(0, 0), frame.at(1, 1), "reference")
    return _finished(drawing, frame, curves, labels, "chance")


def precision_recall_chart(predictions: Predictions, labels: Sequence[str]) -> Drawing:
    """Draw precision over recall of every class of `drawn_classes`.

    Args:
        predictions: What was scored.
        labels: Of these classes, in their order: name, average precision with limits, n.
    """
    curves = []
    told = "chance: the class's share of the films"
    drawing, frame = _framed("Precision and recall", labels, told)
    frame.draw(drawing, "Recall (sensitivity)", "Precision (PPV, at this mix of classes)")
    for c in drawn_classes(predictions):
        positive = predictions.labels == c
        x, y = precision_recall_points(positive, predictions.probabilities[:, c])
        curves.append(_points(np.r_[0.0, np.repeat(x, 2)[:-1]], np.repeat(y, 2)))
        share = float(positive.mean())
        drawing.line(frame.at(0, share), frame.at(1, share), "reference")
    return _finished(drawing, frame, curves, labels, told)


def _points(x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
    a, b = thinned(x, y)
    return list(zip(a.tolist(), b.tolist(), strict=True))


def _framed(title: str, labels: Sequence[str], told: str) -> tuple[Drawing, Frame]:
    frame = Frame.of(_UNIT, _UNIT, height=_SIDE)
    words = f"{title}, each class against the rest. {'; '.join([*labels, told])}."
    return Drawing(title, words, frame.below + 4 + _LINE * (len(labels) + 1)), frame


def _finished(
    drawing: Drawing,
    frame: Frame,
    curves: Sequence[Sequence[tuple[float, float]]],
    labels: Sequence[str],
    told: str,
) -> Drawing:
    for number, points in enumerate(curves):
        drawing.curve([frame.at(x, y) for x, y in points], number)
    legend(drawing, frame.below + 12, labels, [told])
    return drawing
