"""What can be read from numbers by a straight line: multinomial logistic regression, no torch.

A probe is not a good classifier; it is a cautious witness. If even a line finds the hospital in a
film's grey levels, a network can. It is the same fit as scikit-learn's `LogisticRegression` on
standardised columns, here without that dependency, which the core does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["STRENGTHS", "Design", "Probe", "choose_strength", "cross_probe", "deal_patients"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""How far weights may grow: the inverse of the penalty, as scikit-learn's C."""

_MEMORY = 10
_STEPS = 500
_FLAT = 1e-7
"""Largest slope, a film, at which the fit is finished."""

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Probe:
    """A fitted probe: softmax(((x - mean) / scale) @ weights + bias)."""

    mean: Array
    """Shape (c,)."""

    scale: Array
    """Shape (c,), above 0."""

    weights: Array
    """Shape (c, k)."""

    bias: Array
    """Shape (k,); minus infinity for a class that was not seen."""

    def probabilities(self, features: ArrayLike) -> Array:
        """Return P(class), shape (n, k), of features (n, c)."""
        x = (np.asarray(features, dtype=np.float64) - self.mean) / self.scale
        return _softmax(x @ self.weights + self.bias)


class Design:
    """Features that probes are fitted on, prepared once for any number of sets of labels.

    Columns are brought to mean 0 and spread 1; one that never varies says nothing. With more
    columns than films the fit is made in the space the films span, where it is exactly the same.

    Args:
        features: Shape (n, c), finite; n at least 2.

    Raises:
        ValueError: If the shape is another, or a value is not finite.
    """

    def __init__(self, features: ArrayLike) -> None:
        x = np.asarray(features, dtype=np.float64)
        if x.ndim != 2 or x.shape[0] < 2 or not np.all(np.isfinite(x)):
            raise ValueError(f"Expected finite features (n >= 2, c), got shape {x.shape}")
        self.mean = x.mean(axis=0)
        spread = x.std(axis=0)
        self.scale = np.where(spread > _TINY * np.maximum(1, np.abs(self.mean)), spread, np.inf)
        standard = (x - self.mean) / self.scale
        self._back: Array | None = None
        if standard.shape[1] > standard.shape[0]:
            left, sizes, right = np.linalg.svd(standard, full_matrices=False)
            standard, self._back = left * sizes, right.T
        self._z = standard

    def fit(self, labels: ArrayLike, classes: int, *, strength: float = 1e-2) -> Probe:
        """Fit a probe: least sum of log losses + |weights|^2 / (2 strength), bias free.

        Args:
            labels: Index of each film's class, shape (n,).
            classes: How many there are; those without a film are never said.
            strength: Above 0; larger trusts the films more.

        Raises:
            ValueError: If fewer than two classes have films, or `strength` is not above 0.

        References:
            Liu and Nocedal, "On the limited memory BFGS method for large scale optimization",
            Mathematical Programming 45, 1989.
        """
        y = np.asarray(labels, dtype=np.int64)
        seen, place = np.unique(y, return_inverse=True)
        if seen.size < 2 or y.shape != (len(self._z),) or not strength > 0:
            raise ValueError(
                f"Expected labels ({len(self._z)},) of at least two classes and strength > 0, got "
                f"shape {y.shape}, {seen.size} classes and {strength}"
            )
        wanted = np.eye(seen.size)[place]
        start = np.zeros((self._z.shape[1] + 1) * seen.size)
        share = np.log(wanted.mean(axis=0))
        start.reshape(-1, seen.size)[-1] = share - share.mean()
        found = _minimise(lambda flat: _loss(flat, self._z, wanted, strength), start, len(y))
        table = found.reshape(-1, seen.size)
        inner = table[:-1] if self._back is None else self._back @ table[:-1]
        weights, bias = np.zeros((self.mean.size, classes)), np.full(classes, -np.inf)
        weights[:, seen], bias[seen] = inner, table[-1]
        return Probe(self.mean, self.scale, weights, bias)


def _softmax(logits: Array) -> Array:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Array = weights / weights.sum(axis=1, keepdims=True)
    return found


def _loss(flat: Array, z: Array, wanted: Array, strength: float) -> tuple[float, Array]:
    """Return the penalised loss and its slope."""
    table = flat.reshape(-1, wanted.shape[1])
    logits = z @ table[:-1] + table[-1]
    logits -= logits.max(axis=1, keepdims=True)
    weights = np.exp(logits)
    total = weights.sum(axis=1, keepdims=True)
    loss = float((np.log(total) - (logits * wanted).sum(axis=1, keepdims=True)).sum())
    off = weights / total - wanted
    slope = np.vstack([z.T @ off + table[:-1] / strength, off.sum(axis=0)])
    return loss + float(np.square(table[:-1]).sum()) / (2 * strength), slope.ravel()


def _minimise(loss: Callable[[Array], tuple[float, Array]], at: Array, films: int) -> Array:
    """Find the minimum of a smooth convex loss by limited-memory BFGS."""
    value, slope = loss(at)
    steps: list[tuple[Array, Array]] = []
    for _ in range(_STEPS):
        if np.abs(slope).max() <= _FLAT * films:
            break
        towards = _direction(slope, steps)
        downhill = float(slope @ towards)
        if downhill >= 0:
            steps, towards = [], -slope
            downhill = float(slope @ towards)
        length = 1.0 if steps else 1 / max(1.0, float(np.linalg.norm(slope)))
        new, further = loss(at + length * towards)
        while new > value + 1e-4 * length * downhill and length > _TINY:
            length /= 2
            new, further = loss(at + length * towards)
        if length <= _TINY:
            break
        step, change = length * towards, further - slope
        if step @ change > _TINY:
            steps = [*steps[1 - _MEMORY :], (step, change)]
        at, value, slope = at + step, new, further
    return at


def _direction(slope: Array, steps: list[tuple[Array, Array]]) -> Array:
    """Return where to go: the two loops of limited-memory BFGS."""
    towards, shares = -slope, []
    for step, change in reversed(steps):
        share = float(step @ towards) / float(step @ change)
        shares.append(share)
        towards = towards - share * change
    if steps:
        step, change = steps[-1]
        towards = towards * (float(step @ change) / float(change @ change))
    for (step, change), share in zip(steps, reversed(shares), strict=True):
        towards = towards + (share - float(change @ towards) / float(step @ change)) * step
    return towards


def deal_patients(
    labels: Index, patients: Index, folds: int, rng: np.random.Generator
) -> Iterator[tuple[Index, Index]]:
    """Deal patients into folds, the classes evenly; yield (others, fold) as rows.

    Args:
        labels: Index of each film's class, shape (n,); a patient is dealt by the first one.
        patients: Whom each film shows, shape (n,), whole numbers from 0.
        folds: How many, at least 2; empty ones are not yielded.
        rng: Where chance comes from.
    """
    who, first = np.unique(patients, return_index=True)
    order = rng.permutation(who.size)
    order = order[np.argsort(labels[first][order], kind="stable")]
    fold = np.empty(who.size, dtype=np.int64)
    fold[order] = np.arange(who.size) % folds
    of_film = fold[np.searchsorted(who, patients)]
    for number in range(folds):
        if (of_film == number).any() and (of_film != number).any():
            yield np.flatnonzero(of_film != number), np.flatnonzero(of_film == number)


def choose_strength(
    features: ArrayLike,
    labels: Index,
    patients: Index,
    rng: np.random.Generator,
    *,
    folds: int = 3,
) -> float:
    """Return the strength of least log loss on patients left out; the weaker of equals.

    Args:
        features: Shape (n, c).
        labels: Index of each film's class, shape (n,).
        patients: Whom each film shows, shape (n,), whole numbers from 0.
        rng: Deals the patients.
        folds: Inner folds.
    """
    x, classes = np.asarray(features, dtype=np.float64), int(labels.max()) + 1
    losses = np.zeros(len(STRENGTHS))
    for others, fold in deal_patients(labels, patients, folds, rng):
        if np.unique(labels[others]).size < 2:
            continue
        design = Design(x[others])
        for number, strength in enumerate(STRENGTHS):
            said = design.fit(labels[others], classes, strength=strength).probabilities(x[fold])
            true = said[np.arange(fold.size), labels[fold]]
            losses[number] -= np.log(np.maximum(true, _TINY)).sum()
    return STRENGTHS[int(np.argmin(losses))]


def cross_probe(
    features: ArrayLike,
    labels: Index,
    patients: Index,
    classes: int,
    rng: np.random.Generator,
    *,
    folds: int = 5,
) -> Array:
    """Return P(class), shape (n, classes), each film's by a probe that saw other patients only.

    Args:
        features: Shape (n, c).
        labels: Index of each film's class, shape (n,).
        patients: Whom each film shows, shape (n,), whole numbers from 0.
        classes: How many there are.
        rng: Deals the patients.
        folds: Outer folds; the strength is chosen within each.

    Raises:
        ValueError: If fewer than two classes have films outside a fold.
    """
    x = np.asarray(features, dtype=np.float64)
    found = np.full((len(x), classes), 1 / classes)
    for others, fold in deal_patients(labels, patients, folds, rng):
        strength = choose_strength(x[others], labels[others], patients[others], rng)
        probe = Design(x[others]).fit(labels[others], classes, strength=strength)
        found[fold] = probe.probabilities(x[fold])
    return found
