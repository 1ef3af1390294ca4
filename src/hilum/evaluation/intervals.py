"""Intervals that resample patients, not images.

Films of one patient resemble each other, so drawing images as if each were another patient makes
intervals too narrow. Here a resample draws as many patients as there are, with replacement, and
takes all images of each. It is kept as a count for each patient, which is all the metrics need.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["exact_interval", "percentile_interval", "resample_patients"]

Array = NDArray[np.float64]

_CELLS = 1 << 19
"""Numbers worked on at a time: 4 MB an array, which stays in the processor's cache."""


def resample_patients(
    n_patients: int, resamples: int, rng: np.random.Generator, *, images: int | None = None
) -> Iterator[Array]:
    """Draw patients with replacement; yield how often each was drawn, some resamples at a time.

    Args:
        n_patients: Number of patients, at least 1; each resample draws as many.
        resamples: Number of resamples in all.
        rng: Where chance comes from.
        images: Number of images the caller spreads the counts over; only sets how many resamples
            come at a time.

    Yields:
        Counts of shape (b, n_patients), each row summing to `n_patients`.

    Raises:
        ValueError: If there is no patient.

    References:
        Field and Welsh, "Bootstrapping clustered data", J. R. Stat. Soc. B 69, 2007.
    """
    if n_patients < 1:
        raise ValueError(f"n_patients must be at least 1, got {n_patients}")
    step = max(1, _CELLS // max(n_patients, images or 0))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, n_patients, size=(rows, n_patients))
        drawn += n_patients * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * n_patients)
        yield counts.reshape(rows, n_patients).astype(np.float64)


def percentile_interval(samples: ArrayLike, level: float = 0.95) -> tuple[float, float, int]:
    """Return the middle `level` of the samples, and how many samples are undefined.

    Args:
        samples: A metric under each resample, shape (r,); NaN where undefined, and left out.
        level: Share of resamples between the limits, in (0, 1).

    Returns:
        Low, high, and the number of NaN; the limits are NaN if every sample is.

    Raises:
        ValueError: If `level` is not between 0 and 1.

    References:
        Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    values = np.asarray(samples, dtype=np.float64)
    defined = values[~np.isnan(values)]
    missing = int(values.size - defined.size)
    if defined.size == 0:
        return float("nan"), float("nan"), missing
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high), missing


def exact_interval(share: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact binomial limits of a share that is 0 or 1.

    Resamples of all successes are all successes, so their percentiles claim certainty. The
    binomial limits do not: 19 of 19 is 82.4 % to 100 %.

    Args:
        share: 0 or 1.
        trials: Number of independent trials, at least 1; patients, not images.
        level: Confidence of the interval, in (0, 1).

    Raises:
        ValueError: If `share` is neither 0 nor 1, or there is no trial.

    References:
        Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of
        the binomial", Biometrika 26, 1934.

    >>> [round(limit, 3) for limit in exact_interval(1, 19)]
    [0.824, 1.0]
    """
    if share not in (0, 1) or trials < 1:
        raise ValueError(
            f"Expected a share of 0 or 1 and at least 1 trial, got {share} of {trials}"
        )
    limit = ((1 - level) / 2) ** (1 / trials)
    return (limit, 1.0) if share == 1 else (0.0, 1 - limit)
