"""What a classifier said about a set of radiographs, beside what is true of them.

A `Predictions` is the only thing `evaluate` needs, whoever's model made it: from arrays, from a
CSV file, from a run or from a bundle. It is separate from the metrics so that a table is checked
once, at the door, and every figure after it may trust its numbers.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.metrics import RANGE_TOLERANCE

__all__ = ["IGNORED_COLUMNS", "KNOWN_COLUMNS", "SUM_TOLERANCE", "Predictions"]

KNOWN_COLUMNS = ("image", "patient_id", "label", "source")
"""Columns of a table of predictions that are not probabilities and are read."""

IGNORED_COLUMNS = ("split", "study_id", "view", "sex", "age", "lung_mask", "prediction")
"""Columns that may be there and are not read. Every other column is a class's probability."""

SUM_TOLERANCE = 1e-3
"""How far the probabilities of one image may be from summing to 1."""

T = TypeVar("T", bound=np.generic)


class Predictions:
    """Hold the true class and the predicted probabilities of `n` images.

    Args:
        images: A name of each image, usually its path in the manifest; unique.
        patient_ids: Whom each image shows; unique within a source only.
        labels: Index of the true class, shape (n,), in [0, k).
        classes: Names of the `k` >= 2 classes. Of two, the second is the positive one.
        probabilities: P(class), shape (n, k), in [0, 1], each row summing to 1.
        sources: The hospital or data set of each image, if known.

    Raises:
        ValueError: If shapes differ, there is no image, names repeat, or a value is out of range.
    """

    images: NDArray[np.str_]
    patient_ids: NDArray[np.str_]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    sources: NDArray[np.str_] | None

    def __init__(
        self,
        images: Sequence[str] | NDArray[np.str_],
        patient_ids: Sequence[str] | NDArray[np.str_],
        labels: ArrayLike,
        classes: Sequence[str],
        probabilities: ArrayLike,
        *,
        sources: Sequence[str] | NDArray[np.str_] | None = None,
    ) -> None:
        self.images = _names(images)
        self.patient_ids = _names(patient_ids)
        self.labels = _frozen(_indices(labels))
        self.classes = tuple(str(name) for name in classes)
        self.probabilities = _frozen(np.array(probabilities, dtype=np.float64))
        self.sources = None if sources is None else _names(sources)
        self._check_classes()
        self._check_shapes()
        self._check_values()

    def __len__(self) -> int:
        return int(self.labels.size)

    def __repr__(self) -> str:
        return f"Predictions({len(self)} images, classes={list(self.classes)})"

    @property
    def decisions(self) -> NDArray[np.int64]:
        """Index of the most probable class of each image, (n,); the first of equals."""
        best: NDArray[np.int64] = np.argmax(self.probabilities, axis=1)
        return best

    def patient_index(self) -> NDArray[np.int64]:
        """Return which patient each image shows, (n,), counted from 0.

        A patient is (source, patient_id) where sources are known, patient_id otherwise.
        """
        sources = self.sources if self.sources is not None else [""] * len(self)
        keys = zip(sources, self.patient_ids, strict=True)
        number: dict[tuple[str, str], int] = {}
        return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)

    def take(self, rows: ArrayLike) -> Predictions:
        """Return the predictions of some images, by row number or by a mask."""
        rows = np.asarray(rows)
        return Predictions(
            self.images[rows],
            self.patient_ids[rows],
            self.labels[rows],
            self.classes,
            self.probabilities[rows],
            sources=None if self.sources is None else self.sources[rows],
        )

    def with_sources(self, sources: Sequence[str] | NDArray[np.str_]) -> Predictions:
        """Return the same predictions with the source of each image."""
        return Predictions(
            self.images,
            self.patient_ids,
            self.labels,
            self.classes,
            self.probabilities,
            sources=sources,
        )

    def with_positive(self, positive: str) -> Predictions:
        """Return the same predictions with `positive` as the second of two classes.

        Raises:
            ValueError: If there are not two classes, or none is called `positive`.
        """
        if len(self.classes) != 2 or positive not in self.classes:
            raise ValueError(
                f"A positive class needs two classes, one of them {positive!r}, "
                f"got {', '.join(self.classes)}"
            )
        if self.classes[1] == positive:
            return self
        return Predictions(
            self.images,
            self.patient_ids,
            1 - self.labels,
            self.classes[::-1],
            self.probabilities[:, ::-1],
            sources=self.sources,
        )

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        positive: str | None = None,
        ignore: Sequence[str] = (),
    ) -> Predictions:
        """Read a CSV file of predictions, whoever's model wrote it.

        Columns: image, patient_id, label, optionally source, then one probability column a class,
        named like the labels. Two classes may have a single probability column, that of the
        positive class: then labels are 0 and 1, or the column is named like one of them, or
        `positive` says which is meant.

        Args:
            path: UTF-8 text, separated by commas, with a header.
            positive: Of two classes, the one to call positive.
            ignore: Further columns that are not probabilities.

        Raises:
            PredictionsError: Every fault with its row; the header is row 1.
        """
        from hilum.evaluation.predictions_csv import read_predictions

        return read_predictions(Path(path), positive=positive, ignore=ignore)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file that `read` gives back exactly."""
        Path(path).write_text(self.to_csv(), encoding="utf-8", newline="")

    def to_csv(self) -> str:
        """Return the text of the CSV file that `write` writes."""
        header = ["image", "patient_id", "label"]
        header += [] if self.sources is None else ["source"]
        texts = [self.images, self.patient_ids, np.array(self.classes)[self.labels]]
        texts += [] if self.sources is None else [self.sources]
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, *self.classes])
        for *row, probabilities in zip(*texts, self.probabilities.tolist(), strict=True):
            writer.writerow([*row, *map(repr, probabilities)])
        return file.getvalue()

    def _check_classes(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must be at least two different names, got {self.classes}")
        taken = sorted({*KNOWN_COLUMNS, *IGNORED_COLUMNS} & set(self.classes))
        if taken:
            raise ValueError(f"A class cannot be called like a column: {', '.join(taken)}")

    def _check_shapes(self) -> None:
        n, k = len(self), len(self.classes)
        if n == 0:
            raise ValueError("There must be at least one image, got none")
        shapes = {"images": self.images.shape, "patient_ids": self.patient_ids.shape}
        if self.sources is not None:
            shapes["sources"] = self.sources.shape
        for name, shape in shapes.items():
            if shape != (n,):
                raise ValueError(f"{name} must have shape ({n},) like labels, got {shape}")
        if self.probabilities.shape != (n, k):
            raise ValueError(
                f"probabilities must have shape ({n}, {k}), got {self.probabilities.shape}"
            )
        if np.unique(self.images).size < n:
            raise ValueError("Every image may stand once, got an image twice or more")

    def _check_values(self) -> None:
        p, k = self.probabilities, len(self.classes)
        if self.labels.min() < 0 or self.labels.max() >= k:
            raise ValueError(
                f"labels must be in [0, {k}), got {self.labels.min()} to {self.labels.max()}"
            )
        if not np.all((p >= -RANGE_TOLERANCE) & (p <= 1 + RANGE_TOLERANCE)):
            raise ValueError(
                f"Probabilities must be in [0, 1], got {p.min():.3g} to {p.max():.3g}. "
                "If these are logits, pass them through softmax or sigmoid first."
            )
        sums = p.sum(axis=1)
        if np.abs(sums - 1).max() > SUM_TOLERANCE:
            raise ValueError(
                f"Each row of probabilities must sum to 1, got {sums.min():.4g} to {sums.max():.4g}"
            )
        self.probabilities = _frozen(np.clip(p, 0.0, 1.0))


def _names(values: Sequence[str] | NDArray[np.str_]) -> NDArray[np.str_]:
    return _frozen(np.array(values, dtype=np.str_))


def _indices(labels: ArrayLike) -> NDArray[np.int64]:
    values = np.asarray(labels)
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        raise ValueError(
            f"labels must be class indices of shape (n,), got {values.dtype} {values.shape}"
        )
    return values.astype(np.int64)


def _frozen(values: NDArray[T]) -> NDArray[T]:
    values.flags.writeable = False
    return values
