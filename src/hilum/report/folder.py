"""The folder an evaluation is kept in: its figures, its pictures, and what was scored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hilum.data.atomic import replacing
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Evaluation
from hilum.report import figures
from hilum.report.destination import made_folder
from hilum.report.drawing import can_draw
from hilum.report.tables import metrics_csv

__all__ = ["write_evaluation"]


def write_evaluation(
    folder: str | Path,
    predictions: Predictions,
    evaluation: Evaluation,
    about: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write evaluation.json, metrics.csv, predictions.csv and, with matplotlib, four pictures.

    Each file is replaced whole or not at all; evaluation.json comes last, so that where it is,
    the others are.

    Args:
        folder: Made if it does not exist; other files in it are left alone.
        predictions: What was scored.
        evaluation: Its figures.
        about: Where the predictions come from; plain values, put first in evaluation.json.

    Returns:
        The files written.

    Raises:
        DataError: If the folder cannot be made.
    """
    folder = made_folder(folder)
    with replacing(folder / "predictions.csv") as file:
        file.write(predictions.to_csv().encode())
    with replacing(folder / "metrics.csv") as file:
        file.write(metrics_csv(evaluation).encode())
    pictures = _pictures(folder, predictions, evaluation) if can_draw() else []
    values = {**(about or {}), **evaluation.to_dict()}
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(folder / "evaluation.json") as file:
        file.write(f"{text}\n".encode())
    names = ("evaluation.json", "metrics.csv", "predictions.csv")
    return [*(folder / name for name in names), *pictures]


def _pictures(folder: Path, predictions: Predictions, evaluation: Evaluation) -> list[Path]:
    names = ("roc", "precision-recall", "confusion", "reliability")
    roc, recall, confusion, reliability = paths = [folder / f"{name}.png" for name in names]
    figures.roc_curves(predictions, evaluation, roc)
    figures.precision_recall(predictions, evaluation, recall)
    figures.confusion_matrix(evaluation, confusion)
    figures.reliability_diagram(predictions, evaluation, reliability)
    return paths
