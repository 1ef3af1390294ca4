"""Bootstrap limits corrected for bias and skewness.

Percentiles are right where a figure's resamples lie around it evenly. Where they lean to a side,
or spread more at one end, the corrected limits read the percentiles at shifted places. The shift
comes from the resamples themselves and from leaving patients out in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["acceleration", "bca_interval", "leave_out_patients"]

Array = NDArray[np.float64]

_CELLS = 1 << 19
_NORMAL = NormalDist()
MOST_GROUPS = 500
"""Patients are left out one by one up to this many; beyond, in this many groups."""


def leave_out_patients(
    n_patients: int, rng: np.random.Generator, *, images: int | None = None
) -> Iterator[Array]:
    """Yield weights that leave out each patient in turn, or each of 500 groups of them.

    Groups estimate the same acceleration: skewness over groups shrinks as the acceleration of
    more patients does.

    Args:
        n_patients: Number of patients, at least 2.
        rng: Where chance comes from; it deals patients into groups.
        images: Number of images the caller spreads the weights over; only sets how many rows come
            at a time.

    Yields:
        Ones and zeros, shape (b, n_patients).

    Raises:
        ValueError: If there are fewer than two patients.
    """
    if n_patients < 2:
        raise ValueError(f"n_patients must be at least 2, got {n_patients}")
    groups = min(n_patients, MOST_GROUPS)
    group = np.arange(n_patients) % groups
    if groups < n_patients:
        group = rng.permutation(group)
    step = max(1, _CELLS // max(n_patients, images or 0))
    for start in range(0, groups, step):
        out = np.arange(start, min(start + step, groups))
        yield (group[None, :] != out[:, None]).astype(np.float64)


def acceleration(left_out: ArrayLike) -> float:
    """Return how fast a figure's spread changes with the figure, from leaving patients out.

    a = sum d_i^3 / (6 (sum d_i^2)^1.5), d_i = mean - value without patient i.

    Args:
        left_out: The figure without each patient, shape (g,); NaN is left out.

    Returns:
        0 where nothing varies.
    """
    values = np.asarray(left_out, dtype=np.float64)
    values = values[~np.isnan(values)]
    if values.size < 2:
        return 0.0
    d = values.mean() - values
    spread = float((d**2).sum()) ** 1.5
    return float((d**3).sum() / (6 * spread)) if spread > 0 else 0.0


def bca_interval(
    samples: ArrayLike, estimate: float, left_out: ArrayLike, level: float = 0.95
) -> tuple[float, float, int]:
    """Return bias-corrected and accelerated bootstrap limits.

    With z0 = the normal quantile of the share of resamples below the estimate (equal ones half)
    and a the acceleration, the limits are the percentiles Phi(z0 + (z0 + z) / (1 - a (z0 + z)))
    for z = -+1.96. Where all resamples lie on one side they are plain percentiles.

    Args:
        samples: The figure under each resample, shape (r,); NaN where undefined, and left out.
        estimate: The figure on the images as they are.
        left_out: The figure without each patient, shape (g,).
        level: Confidence of the interval, in (0, 1).

    Returns:
        Low, high, and the number of NaN; the limits are NaN if every sample is.

    Raises:
        ValueError: If `level` is not between 0 and 1.

    References:
        Efron, "Better bootstrap confidence intervals", J. Am. Stat. Assoc. 82, 1987.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    values = np.asarray(samples, dtype=np.float64)
    defined = values[~np.isnan(values)]
    missing = int(values.size - defined.size)
    if defined.size == 0:
        return float("nan"), float("nan"), missing
    below = float((defined < estimate).mean() + (defined == estimate).mean() / 2)
    places = _places(below, acceleration(left_out), level)
    low, high = np.quantile(defined, places)
    return float(low), float(high), missing


def _places(below: float, a: float, level: float) -> list[float]:
    """Return the two percentiles to read, in [0, 1]."""
    plain = [(1 - level) / 2, (1 + level) / 2]
    if not 0 < below < 1:
        return plain
    z0 = _NORMAL.inv_cdf(below)
    shifted = []
    for place in plain:
        z = z0 + _NORMAL.inv_cdf(place)
        stretch = 1 - a * z
        if stretch <= 0:
            return plain
        shifted.append(_NORMAL.cdf(z0 + z / stretch))
    return shifted
