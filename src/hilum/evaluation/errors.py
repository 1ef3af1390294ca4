"""Which images a classifier calls wrongly, and how sure it is of it.

The films most confidently wrong are the ones worth a reader's time: a narrow miss may be chance,
but a wrong answer given with 99 % is a belief, and the film often shows where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.predictions import Predictions

__all__ = ["Confusion", "Errors", "confusions", "find_errors"]


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """The images called wrongly, most confidently wrong first.

    Args:
        rows: Their places in the predictions, shape (m,).
        margins: P(class called) - P(true class) of each, shape (m,), falling, in [-1, 1]. Below 0
            only where a threshold called the less probable class.
        called: Index of the class called, of every image, shape (n,).
        wrong: Whether it is not the true one, of every image, shape (n,).
    """

    rows: NDArray[np.int64]
    margins: NDArray[np.float64]
    called: NDArray[np.int64]
    wrong: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.rows.size)


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often one class was called another.

    Args:
        true: The true class.
        called: What it was called.
        images: Called so.
        patients: Whom these images show.
        of: Images of the true class.
    """

    true: str
    called: str
    images: int
    patients: int
    of: int


def find_errors(predictions: Predictions, called: ArrayLike | None = None) -> Errors:
    """Rank the images that were called wrongly by how much more was believed of the wrong class.

    Args:
        predictions: Of n images.
        called: Index of the class called, shape (n,); by default the most probable class.

    Returns:
        Images with the same margin stay in the order they came in.

    Raises:
        ValueError: If `called` has another shape or an index that is no class.
    """
    p, n = predictions.probabilities, len(predictions)
    decided = predictions.decisions if called is None else np.asarray(called)
    if decided.shape != (n,) or decided.dtype.kind not in "iu":
        raise ValueError(
            f"called must be class indices of shape ({n},), got {decided.dtype} {decided.shape}"
        )
    if decided.min() < 0 or decided.max() >= p.shape[1]:
        raise ValueError(
            f"called must be in [0, {p.shape[1]}), got {decided.min()} to {decided.max()}"
        )
    every = np.arange(n)
    margins = p[every, decided] - p[every, predictions.labels]
    wrong: NDArray[np.bool_] = decided != predictions.labels
    rows = np.flatnonzero(wrong)
    rows = rows[np.argsort(-margins[rows], kind="stable")]
    return Errors(rows, margins[rows], decided.astype(np.int64), wrong)


def confusions(predictions: Predictions, errors: Errors) -> tuple[Confusion, ...]:
    """Count the errors by true class and class called, most images first.

    Args:
        predictions: Of n images.
        errors: What `find_errors` made of them.
    """
    patients = predictions.patient_index()
    found = []
    for true, name in enumerate(predictions.classes):
        of = predictions.labels == true
        for called, other in enumerate(predictions.classes):
            here = of & (errors.called == called)
            if called != true and here.any():
                whom = int(np.unique(patients[here]).size)
                found.append(Confusion(name, other, int(here.sum()), whom, int(of.sum())))
    return tuple(sorted(found, key=lambda confusion: -confusion.images))
