"""Three ways to make probabilities mean what they say, from one number to a free curve.

Temperature changes no decision and has one number to fit; vector scaling has two a class;
isotonic regression any rising curve a class. The freer, the more films it takes before it helps:
`cross_fitted` shows what each does to films it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.metrics import check_probabilities
from hilum.evaluation.temperature import fit_temperature, scale_by_temperature

__all__ = [
    "METHODS",
    "Calibrator",
    "Isotonic",
    "Method",
    "Temperature",
    "VectorScaling",
    "cross_fitted",
    "fit_calibrator",
]

Array = NDArray[np.float64]
Method = Literal["temperature", "vector", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)

_TINY = 1e-12
_RIDGE = 1.0
_STEPS = 100
_SETTLED = 1e-9


class Calibrator(Protocol):
    """Turns probabilities (n, k) into better ones."""

    def __call__(self, probabilities: ArrayLike) -> Array:
        """Return calibrated probabilities, shape (n, k), rows summing to 1."""

    def to_dict(self) -> dict[str, Any]:
        """Return what was fitted, as plain values."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """Divides every logit by one number."""

    value: float

    def __call__(self, probabilities: ArrayLike) -> Array:
        """Return calibrated probabilities, shape (n, k)."""
        return scale_by_temperature(probabilities, self.value)

    def to_dict(self) -> dict[str, Any]:
        """Return what was fitted, as plain values."""
        return {"method": "temperature", "temperature": self.value}


@dataclass(frozen=True, slots=True)
class VectorScaling:
    """Gives each class's log-probability a scale and an offset of its own.

    References:
        Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
    """

    scale: Array
    """Shape (k,)."""

    offset: Array
    """Shape (k,)."""

    def __call__(self, probabilities: ArrayLike) -> Array:
        """Return calibrated probabilities, shape (n, k)."""
        return _softmax(_logs(np.asarray(probabilities)) * self.scale + self.offset)

    def to_dict(self) -> dict[str, Any]:
        """Return what was fitted, as plain values."""
        return {"method": "vector", "scale": self.scale.tolist(), "offset": self.offset.tolist()}


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising curve a class, one against the rest; rows are made to sum to 1 again.

    References:
        Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
        estimates", KDD 2002.
    """

    curves: tuple[tuple[Array, Array], ...]
    """For each class, probabilities as given (rising) and what they become."""

    def __call__(self, probabilities: ArrayLike) -> Array:
        """Return calibrated probabilities, shape (n, k); evenly spread where all are 0."""
        p = np.asarray(probabilities, dtype=np.float64)
        if p.shape[1] == 2:
            second = np.interp(p[:, 1], *self.curves[1])
            return np.column_stack([1 - second, second])
        raw = np.column_stack([np.interp(p[:, c], *xy) for c, xy in enumerate(self.curves)])
        total = raw.sum(axis=1, keepdims=True)
        even = np.full_like(raw, 1 / raw.shape[1])
        found: Array = np.divide(raw, total, out=even, where=total > 0)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what was fitted, as plain values."""
        curves = [{"from": x.tolist(), "to": y.tolist()} for x, y in self.curves]
        return {"method": "isotonic", "curves": curves}


def fit_calibrator(method: Method, labels: ArrayLike, probabilities: ArrayLike) -> Calibrator:
    """Fit a calibration on films that neither trained the model nor will judge it.

    Args:
        method: "temperature", "vector" or "isotonic".
        labels: Index of the true class, shape (n,).
        probabilities: P(class), shape (n, k).

    Raises:
        ValueError: If there is no such method, the shapes do not fit, or a probability is out of
            range.
    """
    fits: dict[str, Callable[[NDArray[np.int64], Array], Calibrator]] = {
        "temperature": lambda y, p: Temperature(fit_temperature(y, p)),
        "vector": _fit_vector,
        "isotonic": _fit_isotonic,
    }
    if method not in fits:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    return fits[method](*check_probabilities(labels, probabilities))


def cross_fitted(
    method: Method,
    labels: ArrayLike,
    probabilities: ArrayLike,
    patients: ArrayLike,
    *,
    rng: np.random.Generator,
    folds: int = 5,
) -> Array:
    """Return what the method makes of each film when fitted on the films of other patients.

    Args:
        method: "temperature", "vector" or "isotonic".
        labels: Index of the true class, shape (n,).
        probabilities: P(class), shape (n, k).
        patients: Which patient each film shows, shape (n,), whole numbers from 0.
        rng: Where chance comes from; it deals patients into folds.
        folds: Parts, at least 2; as many as there are patients if these are fewer.

    Raises:
        ValueError: If there are fewer than two patients or folds.
    """
    y, p = check_probabilities(labels, probabilities)
    names, who = np.unique(np.asarray(patients), return_inverse=True)
    if names.size < 2 or folds < 2:
        raise ValueError(
            f"Cross-fitting needs two patients and folds, got {names.size} and {folds}"
        )
    fold = rng.permutation(np.arange(names.size) % min(folds, names.size))[who]
    found = np.empty_like(p)
    for part in range(int(fold.max()) + 1):
        out = fold == part
        found[out] = fit_calibrator(method, y[~out], p[~out])(p[out])
    return found


def _logs(probabilities: Array) -> Array:
    logs = np.log(np.maximum(probabilities, _TINY))
    centred: Array = logs - logs.mean(axis=1, keepdims=True)
    return centred


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _fit_vector(labels: NDArray[np.int64], probabilities: Array) -> VectorScaling:
    """Minimise the convex loss by Newton steps, halved until they help.

    A pull toward no change, as strong as one film, keeps separable films from running away.
    """
    z, k = _logs(probabilities), probabilities.shape[1]
    truth, start = np.eye(k)[labels], np.r_[np.ones(k), np.zeros(k)]
    parameters = start.copy()

    def loss(theta: Array) -> float:
        q = _softmax(z * theta[:k] + theta[k:])[np.arange(labels.size), labels]
        pull = _RIDGE / 2 * float(((theta - start) ** 2).sum())
        return float(-np.log(np.maximum(q, _TINY)).sum()) + pull

    now = loss(parameters)
    for _ in range(_STEPS):
        step = _newton_step(z, truth, parameters, start)
        size = 1.0
        while (new := loss(parameters - size * step)) > now and size > _SETTLED:
            size /= 2
        if now - new <= _SETTLED * max(1.0, now):
            break
        parameters, now = parameters - size * step, new
    return VectorScaling(parameters[:k], parameters[k:])


def _newton_step(z: Array, truth: Array, theta: Array, start: Array) -> Array:
    k = z.shape[1]
    q = _softmax(z * theta[:k] + theta[k:])
    features = np.concatenate([z, np.ones_like(z)], axis=1)
    doubled = np.concatenate([q, q], axis=1)
    gradient = ((doubled - np.tile(truth, 2)) * features).sum(axis=0) + _RIDGE * (theta - start)
    weighted = doubled * features
    same_class = np.tile(np.eye(k), (2, 2))
    hessian = (weighted.T @ features) * same_class - weighted.T @ weighted
    step: Array = np.linalg.solve(hessian + _RIDGE * np.eye(2 * k), gradient)
    return step


def _fit_isotonic(labels: NDArray[np.int64], probabilities: Array) -> Isotonic:
    k = probabilities.shape[1]
    return Isotonic(tuple(rising_curve(probabilities[:, c], labels == c) for c in range(k)))


def rising_curve(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Return the rising step curve with the least squared error: pool adjacent violators.

    Args:
        x: Where, shape (n,).
        y: What is to be met on average, shape (n,).

    Returns:
        The ends of the level stretches and their levels, for linear interpolation.

    References:
        Ayer et al., "An empirical distribution function for sampling with incomplete information",
        Ann. Math. Stat. 26, 1955.
    """
    places, index = np.unique(np.asarray(x, dtype=np.float64), return_inverse=True)
    counts = np.bincount(index).astype(np.float64)
    means = np.bincount(index, weights=np.asarray(y, dtype=np.float64)) / counts
    blocks: list[tuple[float, float, int, int]] = []  # mean, weight, first place, last place
    for i, (mean, weight) in enumerate(zip(means.tolist(), counts.tolist(), strict=True)):
        first = i
        while blocks and blocks[-1][0] >= mean:
            before, heavy, first, _ = blocks.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)  # noqa: PLW2901
            weight += heavy  # noqa: PLW2901
        blocks.append((mean, weight, first, i))
    ends = np.array([[places[first], places[last]] for _, _, first, last in blocks]).ravel()
    levels = np.repeat([mean for mean, *_ in blocks], 2)
    keep = np.r_[True, (np.diff(ends) > 0)]
    return ends[keep], levels[keep]
