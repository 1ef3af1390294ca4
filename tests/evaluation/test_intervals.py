"""Resampling patients, percentiles, and exact limits."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.evaluation import exact_interval, percentile_interval, resample_patients


def test_each_resample_draws_as_many_patients_as_there_are() -> None:
    counts = np.vstack(list(resample_patients(37, 100, np.random.default_rng(0))))
    assert counts.shape == (100, 37)
    assert np.all(counts.sum(axis=1) == 37)


def test_draws_are_uniform_over_patients() -> None:
    counts = np.vstack(list(resample_patients(20, 20_000, np.random.default_rng(0))))
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(counts.var(axis=0), 0.95, atol=0.05)


def test_batches_are_bounded_by_the_number_of_images() -> None:
    sizes = [len(c) for c in resample_patients(10, 20, np.random.default_rng(0), images=100_000)]
    assert sizes == [5, 5, 5, 5]


def test_the_same_seed_gives_the_same_resamples() -> None:
    one, two = (np.vstack(list(resample_patients(9, 50, np.random.default_rng(4)))) for _ in "ab")
    np.testing.assert_array_equal(one, two)


def test_percentiles_leave_out_and_count_undefined_resamples() -> None:
    samples = np.r_[np.arange(101.0), [np.nan] * 3]
    assert percentile_interval(samples, 0.9) == pytest.approx((5, 95, 3))


def test_all_undefined_resamples_give_no_limits() -> None:
    low, high, missing = percentile_interval([np.nan, np.nan])
    assert np.isnan(low)
    assert np.isnan(high)
    assert missing == 2


@pytest.mark.parametrize(("n", "low"), [(19, 0.82353), (200, 0.98172)])
def test_exact_limits_of_all_right_are_clopper_and_pearsons(n: int, low: float) -> None:
    assert exact_interval(1, n) == (pytest.approx(low, abs=1e-5), 1.0)
    assert exact_interval(0, n) == (0.0, pytest.approx(1 - low, abs=1e-5))


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="n_patients must be at least 1, got 0"):
        next(resample_patients(0, 1, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 95"):
        percentile_interval([1.0], 95)
    with pytest.raises(ValueError, match=r"a share of 0 or 1 and at least 1 trial, got 0\.5 of 3"):
        exact_interval(0.5, 3)
