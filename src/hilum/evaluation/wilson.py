"""Limits of a share of images that stay honest near 0 and 1, and where patients have several.

Resampled shares understate their spread when few images carry them: of 30 positives a resample
can show only a handful of values. Wilson's limits do not. Where a patient has several images these
are worth less than as many patients; then the limits are those of the number of independent images
that would vary as much as the patients do.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["effective_size", "wilson_interval", "wilson_interval_of_patients"]

Array = NDArray[np.float64]


def normal_quantile(level: float) -> float:
    """Return how many standard deviations either side hold `level` of a normal distribution.

    Raises:
        ValueError: If `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson_interval(share: float, trials: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score limits of a share.

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)

    Args:
        share: Share of successes, in [0, 1].
        trials: Number of independent trials, above 0; need not be whole.
        level: Confidence of the interval, in (0, 1).

    Raises:
        ValueError: If an argument is out of range.

    References:
        Wilson, "Probable inference, the law of succession, and statistical inference", J. Am.
        Stat. Assoc. 22, 1927.

    >>> [round(limit, 3) for limit in wilson_interval(26 / 31, 31)]
    [0.674, 0.929]
    """
    if not 0 <= share <= 1 or not trials > 0:
        raise ValueError(
            f"Expected a share in [0, 1] and more than 0 trials, got {share} of {trials}"
        )
    z = normal_quantile(level)
    middle = share + z * z / (2 * trials)
    half = z * np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    scale = 1 + z * z / trials
    low, high = float((middle - half) / scale), float((middle + half) / scale)
    return 0.0 if share == 0 else max(0.0, low), 1.0 if share == 1 else min(1.0, high)


def student_quantile(level: float, freedom: float) -> float:
    """Return how many standard deviations either side hold `level` of Student's t distribution.

    Exact for 1 and 2 degrees of freedom, else Hill's expansion, right to 0.004 at 3 and to 1e-5
    from 10 on, for a level of 0.95.

    Raises:
        ValueError: If `level` or `freedom` is out of range.

    References:
        Hill, "Algorithm 396: Student's t-quantiles", Commun. ACM 13, 1970.
    """
    if not freedom > 0:
        raise ValueError(f"freedom must be above 0, got {freedom}")
    z = normal_quantile(level)
    if freedom == 1:
        return math.tan(math.pi * level / 2)
    if freedom == 2:
        return level * math.sqrt(2 / (1 - level * level))
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def effective_size(hits: ArrayLike, images: ArrayLike) -> float:
    """Return how many independent images vary as much as these patients' images do.

    The share is sum x_i / sum m_i over patients; with I patients its variance is
    I / (I - 1) sum (x_i - m_i p)^2 / (sum m_i)^2, and the answer is p (1 - p) / variance + 1.
    One image a patient gives their number exactly; copies of an image add nothing.

    Args:
        hits: Successes of each patient, shape (patients,).
        images: Images of each patient, shape (patients,), each above 0.

    Returns:
        At least 1; the number of patients where the share is 0 or 1, as nothing varies then.

    References:
        Korn and Graubard, "Confidence intervals for proportions with small expected number of
        positive counts estimated from survey data", Surv. Methodol. 24, 1998.
        Saha et al., "A comparison of some approximate confidence intervals for a single
        proportion for clustered binary outcome data", Int. J. Biostat. 12, 2016.
    """
    x, m = np.asarray(hits, dtype=np.float64), np.asarray(images, dtype=np.float64)
    total, patients = m.sum(), x.size
    share = x.sum() / total
    spread = float(((x - m * share) ** 2).sum())
    if patients < 2 or spread <= 0 or not 0 < share < 1:
        return float(max(patients, 1))
    variance = patients / (patients - 1) * spread / total**2
    return float(share * (1 - share) / variance + 1)


def wilson_interval_of_patients(
    right: ArrayLike, patients: ArrayLike, level: float = 0.95
) -> tuple[float, float, float]:
    """Return Wilson's limits of a share of images, patients taken into account.

    Where some patient has several images, the variance is estimated from the patients, and the
    effective size is made smaller by (z / t)^2 for it, t with one degree of freedom less than
    there are patients.

    Args:
        right: Whether each image is a success, shape (n,), n >= 1.
        patients: Which patient each image shows, shape (n,), whole numbers from 0.
        level: Confidence of the interval, in (0, 1).

    Returns:
        Low, high, and the effective number of images they rest on.

    Raises:
        ValueError: If the shapes differ or there is no image.
    """
    hit, who = np.asarray(right, dtype=np.float64), np.asarray(patients)
    if hit.ndim != 1 or hit.shape != who.shape or hit.size == 0:
        raise ValueError(
            f"right and patients must have one shape (n >= 1,), got {hit.shape} and {who.shape}"
        )
    images = np.bincount(who)
    seen = images > 0
    size = effective_size(np.bincount(who, weights=hit)[seen], images[seen])
    people = int(seen.sum())
    if 1 < people < hit.size:
        size *= (normal_quantile(level) / student_quantile(level, people - 1)) ** 2
    return (*wilson_interval(float(hit.mean()), size, level), size)
