"""Limits of the difference of two shares of the same images."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from hilum.evaluation.wilson import student_quantile

__all__ = ["paired_difference"]


def paired_difference(
    first: ArrayLike, second: ArrayLike, patients: ArrayLike, level: float = 0.95
) -> tuple[float, float] | None:
    """Return limits of the share of images one is right on minus the share the other is.

    d_i = first - second is -1, 0 or 1. Its mean varies as the sums over patients do, and Student's
    t with one degree of freedom less than there are patients says how far.

    Args:
        first: Whether the first is right on each image, shape (n,).
        second: Whether the second is.
        patients: Which patient each image shows, shape (n,), whole numbers from 0.
        level: Confidence of the interval, in (0, 1).

    Returns:
        Low and high, in [-1, 1]; None with fewer than two patients, or where the two never differ.
    """
    d = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    who = np.unique(np.asarray(patients), return_inverse=True)[1]
    people = int(who.max()) + 1 if who.size else 0
    if people < 2 or not d.any():
        return None
    sums = np.bincount(who, weights=d - d.mean())
    spread = math.sqrt(people / (people - 1) * float((sums**2).sum())) / d.size
    half = student_quantile(level, people - 1) * spread
    gap = float(d.mean())
    return max(-1.0, gap - half), min(1.0, gap + half)
