"""The score of a model that never looks at the picture.

Public chest X-ray sets are put together from sources that each have mostly one label. Then the
name of the hospital gives the diagnosis away, and a network that has learnt the hospital's grey
scale scores as well as one that has learnt lungs. Knowing what the name alone scores is the first
thing to know about any other score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SourceLabels", "frequencies_by_group", "majority_by_group"]


@dataclass(frozen=True, slots=True)
class SourceLabels:
    """The source and the label of the images a baseline learns from."""

    sources: NDArray[np.str_]
    """Hospital or data set of each image, shape (m,)."""

    labels: NDArray[np.int64]
    """Index of the true class of each image, shape (m,)."""

    origin: str
    """What these images are, for the reader: "the manifest's train split"."""


def frequencies_by_group(
    train_groups: ArrayLike, train_labels: ArrayLike, groups: ArrayLike, n_classes: int
) -> NDArray[np.float64]:
    """Return the class frequencies of each image's group among the training images.

    Args:
        train_groups: Group of each training image, shape (m,): a source, a scanner.
        train_labels: Index of the true class of each training image, shape (m,).
        groups: Group of each image to predict, shape (n,).
        n_classes: Number of classes, `k`.

    Returns:
        Shape (n, k), rows summing to 1. A group that is not in training gets the frequencies of
        all training images.

    Raises:
        ValueError: If there is no training image, the shapes differ, or a label is out of range.
    """
    seen, labels = np.asarray(train_groups), np.asarray(train_labels)
    if seen.shape != labels.shape or labels.ndim != 1 or labels.size == 0:
        raise ValueError(
            "train_groups and train_labels must have one shape (m >= 1,), "
            f"got {seen.shape} and {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(
            f"train_labels must be in [0, {n_classes}), got {labels.min()} to {labels.max()}"
        )
    names, index = np.unique(seen, return_inverse=True)
    counts = np.bincount(index * n_classes + labels, minlength=names.size * n_classes)
    counts = np.vstack([counts.reshape(-1, n_classes), np.bincount(labels, minlength=n_classes)])
    row = {name: number for number, name in enumerate(names.tolist())}
    found = counts[[row.get(name, names.size) for name in np.asarray(groups).tolist()]]
    share: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
    return share


def majority_by_group(
    train_groups: ArrayLike, train_labels: ArrayLike, groups: ArrayLike
) -> NDArray[np.int64]:
    """Return for each image the commonest training label of its group.

    Args:
        train_groups: Group of each training image, shape (m,): a source, a scanner.
        train_labels: Index of the true class of each training image, shape (m,).
        groups: Group of each image to predict, shape (n,).

    Returns:
        Class indices, shape (n,). The lowest index of equally common ones; a group that is not
        in training gets the commonest label of all.

    Raises:
        ValueError: If there is no training image or the shapes differ.

    >>> majority_by_group(["a", "a", "b"], [1, 1, 0], ["b", "a", "new"]).tolist()
    [0, 1, 1]
    """
    labels = np.asarray(train_labels)
    n_classes = int(labels.max()) + 1 if labels.size else 1
    shares = frequencies_by_group(train_groups, labels, groups, n_classes)
    commonest: NDArray[np.int64] = np.argmax(shares, axis=1)
    return commonest
