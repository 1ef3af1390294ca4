"""Shares with Wilson's limits, patients taken into account."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hilum.evaluation.wilson import (
    effective_size,
    student_quantile,
    wilson_interval,
    wilson_interval_of_patients,
)


@pytest.mark.parametrize(("hits", "n", "level"), [(26, 31, 0.95), (1, 9, 0.9), (0, 5, 0.95)])
def test_limits_are_those_of_scipy(hits: int, n: int, level: float) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    assert wilson_interval(hits / n, n, level) == pytest.approx((expected.low, expected.high))


def test_one_image_a_patient_is_plain_wilson() -> None:
    right = np.arange(60) % 4 > 0
    low, high, size = wilson_interval_of_patients(right, np.arange(60))
    assert size == pytest.approx(60)
    assert (low, high) == pytest.approx(wilson_interval(0.75, 60))


def test_copies_of_films_count_as_one() -> None:
    right = np.arange(60) % 4 > 0
    assert effective_size(right * 7, np.full(60, 7)) == pytest.approx(60)


def test_films_that_agree_within_patients_are_worth_less() -> None:
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(50), 4)
    alike = np.repeat(rng.random(50) < 0.8, 4)
    free = rng.random(200) < 0.8
    sizes = [wilson_interval_of_patients(right, patients)[2] for right in (alike, free)]
    assert sizes[0] < 51
    assert sizes[1] > 130


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 12, 80])
def test_student_quantiles_are_those_of_scipy(freedom: int) -> None:
    expected = stats.t.ppf(0.975, freedom)
    assert student_quantile(0.95, freedom) == pytest.approx(expected, abs=0.004)


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a share in \[0, 1\] and more than 0 trials, got 1.2"):
        wilson_interval(1.2, 5)
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 95"):
        wilson_interval(0.5, 5, 95)
    with pytest.raises(ValueError, match=r"one shape \(n >= 1,\), got \(2,\) and \(3,\)"):
        wilson_interval_of_patients([True, False], [0, 1, 2])
    with pytest.raises(ValueError, match="freedom must be above 0, got 0"):
        student_quantile(0.95, 0)
