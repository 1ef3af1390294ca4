"""The validation metrics a recipe may watch, from what all processes collected."""

from __future__ import annotations

from typing import SupportsFloat

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

from hilum.evaluation import metrics
from hilum.evaluation.ranking import auroc
from hilum.training.module import ClassifierModule, probabilities

__all__ = ["Validation"]


class Validation:
    """Scores the whole validation split, whichever process saw which part of it.

    Args:
        classes: Labels in the order of the outputs.
        labels: The split's class indices, shape (n,).
    """

    def __init__(self, classes: tuple[str, ...], labels: NDArray[np.int64]) -> None:
        self.classes = classes
        self.labels = labels

    def __call__(self, module: ClassifierModule) -> dict[str, float]:
        """Return the metrics of what `module` collected, the same on every process."""
        parts = _gathered([(rows.cpu(), logits.cpu()) for rows, logits in module.collected])
        rows = torch.cat([rows for rows, _ in parts]).numpy()
        found = probabilities(torch.cat([logits for _, logits in parts])).numpy()
        ordered = np.empty_like(found)
        ordered[rows] = found
        return score(self.labels, ordered, self.classes)


def score(
    labels: NDArray[np.int64], found: NDArray[np.float64], classes: tuple[str, ...]
) -> dict[str, float]:
    """Return the metrics that `hilum.training.recipe.METRICS` names.

    Args:
        labels: Class indices, shape (n,).
        found: Probabilities, shape (n, k).
        classes: Labels in the order of the columns.
    """
    confusion = metrics.confusion_matrix(labels, found.argmax(1), len(classes))
    areas = [auroc(labels == index, found[:, index]) for index in range(len(classes))]
    values: dict[str, SupportsFloat] = {
        "val_loss": metrics.negative_log_likelihood(labels, found),
        "val_accuracy": metrics.accuracy(confusion),
        "val_balanced_accuracy": metrics.balanced_accuracy(confusion),
        "val_macro_auroc": np.mean(areas),
        "val_macro_f1": np.mean(metrics.f1(confusion)),
    }
    for name, value in zip(classes, metrics.recall(confusion), strict=True):
        values[f"val_recall_{name}"] = value
    return {name: float(value) for name, value in values.items()}


def _gathered(
    own: list[tuple[torch.Tensor, torch.Tensor]],
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    if not (distributed.is_available() and distributed.is_initialized()):
        return own
    parts: list[list[tuple[torch.Tensor, torch.Tensor]]] = [
        [] for _ in range(distributed.get_world_size())
    ]
    distributed.all_gather_object(parts, own)
    return [piece for part in parts for piece in part]
