"""Are drawn films new, or films of the training set once more?

Each drawn film's distance to its nearest training film is held against the same distance of films
that were held out: those are new for certain. A blurred film is nearer to the average film and so
to everything; therefore films are compared by how they differ from the average, whatever the size
of that difference. And because a film may be near to many, the nearest distance is also divided by
the second nearest, which a copy brings to 0.

Arrays only: it knows neither torch nor files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CopyReport", "Nearest", "directions", "find_copies", "mann_whitney", "nearest"]

Array = NDArray[np.float64]

_SHARES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_RARE = 0.01
_SLICE = 256


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest training film of each film.

    Args:
        distance: Root of the summed squares of the differences to it, shape (n,).
        ratio: That, divided by the distance to the second nearest, shape (n,), in [0, 1].
        index: Which it is, shape (n,).
    """

    distance: Array
    ratio: Array
    index: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """What the distances say."""

    what: str
    """What the films were compared by: pixels, or the autoencoder's latents."""

    n_samples: int
    n_held_out: int
    n_training: int
    distance: dict[str, dict[str, float]]
    """Quantiles of the nearest distance, of `samples` and of `held_out`: sqrt(2 - 2 r), where r is
    the correlation of two films' differences from the average training film; 0 is a copy, 1.41 is
    nothing in common."""

    ratio: dict[str, dict[str, float]]
    """Quantiles of nearest to second nearest."""

    z_distance: float
    """Mann-Whitney z of the distances; below 0 where samples lie nearer than held-out films."""

    z_ratio: float
    """The same of the ratios; below 0 where samples resemble one training film in particular."""

    p_ratio: float
    """Chance of so low a z of the ratios, were samples as new as held-out films."""

    suspects: tuple[int, ...]
    """Samples whose distance and ratio both lie below the lowest hundredth of held-out films."""

    nearest_training: tuple[int, ...]
    """The nearest training film of each suspect."""

    p_suspects: float
    """Chance of so many suspects, or less: exact for low ratios alone, and suspects are fewer."""

    @property
    def copied(self) -> bool:
        """Whether copying is likely: either chance is below 1 in 100, and there is a suspect."""
        return bool(self.suspects) and min(self.p_ratio, self.p_suspects) < _RARE

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "copied": self.copied}


def find_copies(
    samples: ArrayLike, held_out: ArrayLike, training: ArrayLike, *, what: str
) -> CopyReport:
    """Compare drawn films and held-out films with the films that were learned.

    Args:
        samples: Drawn films as vectors or pictures, shape (n, ...), at least 2.
        held_out: Films of other patients, same shape but for n; at least 20, else the lowest
            hundredth says nothing.
        training: Films that were learned from, same shape but for n.
        what: What the numbers are, for the record.

    Raises:
        ValueError: If the shapes differ or there are too few films.

    References:
        Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative
        models", AISTATS 2020.
    """
    drawn, held, known = (_flat(part) for part in (samples, held_out, training))
    if not drawn.shape[1] == held.shape[1] == known.shape[1]:
        raise ValueError(
            "Expected films of one shape, got "
            f"{drawn.shape[1]}, {held.shape[1]} and {known.shape[1]} numbers"
        )
    if len(drawn) < 2 or len(held) < 20 or len(known) < 2:
        raise ValueError(
            "Expected at least 2 samples, 20 held-out films and 2 training films, got "
            f"{len(drawn)}, {len(held)} and {len(known)}"
        )
    average = known.mean(0)
    drawn, held, known = (directions(part - average) for part in (drawn, held, known))
    own, other = nearest(drawn, known), nearest(held, known)
    rank = max(1, int(_RARE * len(held)))
    low = [np.sort(part)[rank - 1] for part in (other.distance, other.ratio)]
    suspects = np.flatnonzero((own.distance < low[0]) & (own.ratio < low[1]))
    z_ratio = mann_whitney(own.ratio, other.ratio)
    return CopyReport(
        what=what,
        n_samples=len(drawn),
        n_held_out=len(held),
        n_training=len(known),
        distance=_both(own.distance, other.distance),
        ratio=_both(own.ratio, other.ratio),
        z_distance=mann_whitney(own.distance, other.distance),
        z_ratio=z_ratio,
        p_ratio=0.5 * math.erfc(-z_ratio / math.sqrt(2)),
        suspects=tuple(suspects.tolist()),
        nearest_training=tuple(own.index[suspects].tolist()),
        p_suspects=_at_least(len(suspects), len(drawn), rank, len(held)),
    )


def nearest(films: ArrayLike, training: ArrayLike) -> Nearest:
    """Find each film's nearest training film, exactly.

    Args:
        films: Shape (n, ...).
        training: Shape (m, ...), m at least 2.
    """
    queries, known = _flat(films), _flat(training)
    found = [_nearest(queries[i : i + _SLICE], known) for i in range(0, len(queries), _SLICE)]
    return Nearest(
        np.concatenate([part.distance for part in found]),
        np.concatenate([part.ratio for part in found]),
        np.concatenate([part.index for part in found]),
    )


def _nearest(queries: Array, known: Array) -> Nearest:
    parts = [known[start : start + _SLICE] for start in range(0, len(known), _SLICE)]
    own = np.square(queries).sum(1)[:, None]
    squares = np.concatenate(
        [own - 2 * queries @ part.T + np.square(part).sum(1) for part in parts], axis=1
    )
    order = np.argpartition(squares, 1, axis=1)[:, :2]
    # Once more without the cancellation of the fast form, which matters for a copy.
    exact = np.stack([np.square(queries - known[order[:, k]]).sum(1) for k in (0, 1)], axis=1)
    swap = np.argsort(exact, axis=1, kind="stable")
    exact, order = np.take_along_axis(exact, swap, 1), np.take_along_axis(order, swap, 1)
    first, second = np.sqrt(exact[:, 0]), np.sqrt(exact[:, 1])
    ratio = np.divide(first, second, out=np.ones_like(first), where=second > 0)
    return Nearest(first, ratio, order[:, 0].astype(np.int64))


def mann_whitney(values: Array, others: Array) -> float:
    """Return the Mann-Whitney z of two samples: below 0 where `values` are the lower ones.

    With the normal approximation and its correction for ties; 0 if all are equal.

    Args:
        values: Shape (n,).
        others: Shape (m,).

    References:
        Mann and Whitney, "On a test of whether one of two random variables is stochastically
        larger than the other", Ann. Math. Stat. 18, 1947.
    """
    n, m = values.size, others.size
    _, place, counts = np.unique(
        np.concatenate([values, others]), return_inverse=True, return_counts=True
    )
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    total = n + m
    ties = float((counts.astype(np.float64) ** 3 - counts).sum()) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - ties)
    return 0.0 if variance <= 0 else (u - n * m / 2) / math.sqrt(variance)


def _flat(films: ArrayLike) -> Array:
    values = np.asarray(films)
    unit = 255.0 if values.dtype == np.uint8 else 1.0
    return values.reshape(len(values), -1).astype(np.float64) / unit


def directions(differences: ArrayLike) -> Array:
    """Return films (n, ...) as vectors (n, d) scaled to length 1; one of length 0 stays."""
    differences = _flat(differences)
    length = np.sqrt(np.square(differences).sum(1, keepdims=True))
    scaled: Array = np.divide(differences, length, out=np.zeros_like(differences), where=length > 0)
    return scaled


def _both(own: Array, other: Array) -> dict[str, dict[str, float]]:
    return {"samples": _quantiles(own), "held_out": _quantiles(other)}


def _quantiles(values: Array) -> dict[str, float]:
    found: Sequence[float] = np.quantile(values, _SHARES).tolist()
    return {f"{share:g}": value for share, value in zip(_SHARES, found, strict=True)}


def _at_least(count: int, trials: int, rank: int, held: int) -> float:
    """Return the chance that `count` of `trials` new values or more lie below the rank-th held.

    Whatever the distribution, that number is beta-binomial with a = rank, b = held + 1 - rank.
    """
    a, b = rank, held + 1 - rank
    below = [
        math.exp(
            _log_beta(k + a, trials - k + b)
            - _log_beta(a, b)
            - _log_beta(k + 1, trials - k + 1)
            - math.log(trials + 1)
        )
        for k in range(count)
    ]
    return max(0.0, 1.0 - math.fsum(below))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
