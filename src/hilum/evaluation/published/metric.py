"""The figures that follow from counts, and the names tables give them.

All of them are functions of how many images of each class were found and how many others were
called it. With two classes each rises, or stays, when one more image is decided rightly; the
search rests on that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hilum.registry import suggestion

__all__ = ["UNCOUNTED", "Counts", "Metric", "parse_metric"]

Array = NDArray[np.float64]
Kind = Literal[
    "accuracy", "balanced_accuracy", "kappa", "mcc", "recall", "specificity", "precision", "npv",
    "f1",
]  # fmt: skip

_WORDS: dict[str, Kind] = {
    "recall": "recall",
    "sensitivity": "recall",
    "tpr": "recall",
    "specificity": "specificity",
    "tnr": "specificity",
    "precision": "precision",
    "ppv": "precision",
    "npv": "npv",
    "f1": "f1",
}
_WHOLE: dict[str, Kind] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "kappa": "kappa",
    "cohen_kappa": "kappa",
    "mcc": "mcc",
}

UNCOUNTED = (
    "auroc", "auc", "average_precision", "brier", "nll", "ece", "loss", "parameters_millions",
    "parameters", "cpu_ms", "gpu_ms", "inference_ms", "training_accuracy", "training_f1",
)  # fmt: skip
"""Columns that counts say nothing about; only compared between tables."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many images each class has."""

    classes: tuple[str, ...]
    images: tuple[int, ...]
    positive: int | None = None
    """Which class a bare `recall` or `precision` is of, with two classes."""

    @property
    def total(self) -> int:
        """Return all images."""
        return sum(self.images)

    def words(self) -> str:
        """Return it for a reader.

        >>> Counts(("no", "yes"), (200, 100)).words()
        'no 200, yes 100'
        """
        pairs = zip(self.classes, self.images, strict=True)
        return ", ".join(f"{name} {count:,}" for name, count in pairs)


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: of all images, of one class against the rest, or averaged over classes."""

    kind: Kind
    of: int | None = None
    """The class; None for a figure over all."""

    average: Literal["", "macro", "weighted"] = ""

    def name(self, classes: Sequence[str]) -> str:
        """Return its name in tables."""
        if self.of is not None:
            return f"{self.kind}_{classes[self.of]}"
        return f"{self.average}_{self.kind}" if self.average else self.kind

    def values(self, found: Array, wrong: Array, images: Array) -> Array:
        """Return the figure; 0 where there is nothing to divide by, as most software prints.

        Args:
            found: Images of each class that were called it, shape (..., k).
            wrong: Other images that were called it, shape (..., k).
            images: Images of each class, shape (k,).

        Returns:
            Shape (...).
        """
        if self.kind == "accuracy":
            return np.asarray(found.sum(axis=-1) / images.sum(), dtype=np.float64)
        if self.kind in _AGREEMENT:
            return _AGREEMENT[self.kind](found, wrong, images)
        if self.of is not None:
            at = self.of
            return _of_class(self.kind, found[..., at], wrong[..., at], images[at], images.sum())
        kind: Kind = "recall" if self.kind == "balanced_accuracy" else self.kind
        each = _of_class(kind, found, wrong, images, images.sum())
        weights = images / images.sum() if self.average == "weighted" else 1 / images.size
        return np.asarray((each * weights).sum(axis=-1), dtype=np.float64)

    def fraction(
        self, found: Sequence[int], wrong: Sequence[int], images: Sequence[int]
    ) -> str | None:
        """Return the counts it divides, such as 197/200; None where it is no single division."""
        if self.kind == "accuracy":
            return f"{sum(found)}/{sum(images)}"
        if self.of is None or self.kind == "f1":
            return None
        hits, false, size, total = found[self.of], wrong[self.of], images[self.of], sum(images)
        others = total - size - false
        divided = {
            "recall": (hits, size),
            "specificity": (others, total - size),
            "precision": (hits, hits + false),
            "npv": (others, others + size - hits),
        }
        top, bottom = divided[self.kind]
        return f"{top}/{bottom}"


def _ratio(top: Array, bottom: Array) -> Array:
    result = np.zeros(np.broadcast(top, bottom).shape)
    np.divide(top, bottom, out=result, where=np.asarray(bottom) > 0)
    return result


def _of_class(kind: Kind, hits: Array, false: Array, size: Array, total: Array) -> Array:
    missed, others = size - hits, total - size - false
    if kind == "recall":
        return _ratio(hits, hits + missed)
    if kind == "specificity":
        return _ratio(others, others + false)
    if kind == "precision":
        return _ratio(hits, hits + false)
    if kind == "npv":
        return _ratio(others, others + missed)
    return _ratio(2 * hits, 2 * hits + missed + false)


def _kappa(found: Array, wrong: Array, images: Array) -> Array:
    total = images.sum()
    chance = ((found + wrong) * images).sum(axis=-1) / total**2
    return _ratio(found.sum(axis=-1) / total - chance, 1 - chance)


def _mcc(found: Array, wrong: Array, images: Array) -> Array:
    total, called = images.sum(), found + wrong
    top = found.sum(axis=-1) * total - (called * images).sum(axis=-1)
    bottom = (total**2 - (called**2).sum(axis=-1)) * (total**2 - (images**2).sum())
    return _ratio(top, np.sqrt(bottom))


_AGREEMENT = {"kappa": _kappa, "mcc": _mcc}


def parse_metric(name: str, counts: Counts) -> Metric | None:
    """Return what a column is called; None for one that counts say nothing about.

    Args:
        name: recall_covid, sensitivity, macro_f1, accuracy ...
        counts: The classes of its table.

    Raises:
        ValueError: If there is no such figure, or its class is not said.
    """
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    if plain in UNCOUNTED:
        return None
    if plain in _WHOLE:
        return Metric(_WHOLE[plain])
    average, _, word = plain.partition("_")
    if average in {"macro", "weighted"} and word in _WORDS:
        return Metric(_WORDS[word], average="macro" if average == "macro" else "weighted")
    if plain in _WORDS:
        if counts.positive is None:
            first = f"{plain}_{counts.classes[0]}"
            raise ValueError(f"say which class it is of, such as {first}")
        return Metric(_WORDS[plain], of=counts.positive)
    kind, _, _ = plain.partition("_")
    for number, label in enumerate(counts.classes):
        if kind in _WORDS and plain == f"{kind}_{_plain(label)}":
            return Metric(_WORDS[kind], of=number)
    raise ValueError(f"there is no metric of this name. {suggestion(plain, _known(counts))}")


def _plain(label: str) -> str:
    return re.sub(r"[- ]", "_", label.lower())


def _known(counts: Counts) -> list[str]:
    each = [f"{word}_{_plain(label)}" for word in _WORDS for label in counts.classes]
    means = [f"{average}_{word}" for average in ("macro", "weighted") for word in _WORDS]
    bare = list(_WORDS) if counts.positive is not None else []
    return [*_WHOLE, *bare, *each, *means, *UNCOUNTED]
