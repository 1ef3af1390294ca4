"""Top-label calibration, by hand, by a loop, and on an honest forecaster."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.evaluation import expected_calibration_error, reliability_bins


def test_an_honest_forecaster_scores_near_zero() -> None:
    rng = np.random.default_rng(7)
    p = rng.random(200_000)
    y = (rng.random(p.size) < p).astype(int)
    assert expected_calibration_error(y, np.column_stack([1 - p, p])) < 0.01


def test_a_boaster_is_off_by_what_he_claims_too_much() -> None:
    p = np.tile([0.9, 0.1], (100, 1))
    y = np.r_[np.zeros(60, int), np.ones(40, int)]
    assert expected_calibration_error(y, p) == pytest.approx(0.3)


@pytest.mark.parametrize("weighted", [False, True])
def test_it_equals_a_loop_over_bins(weighted: bool) -> None:
    rng = np.random.default_rng(1)
    p, y = rng.dirichlet(np.ones(3), 500), rng.integers(0, 3, 500)
    w = rng.random(500) if weighted else np.ones(500)
    top, right = p.max(axis=1), p.argmax(axis=1) == y
    total = 0.0
    for b in range(15):
        inside = (top >= b / 15) & ((top < (b + 1) / 15) | (b == 14))
        if inside.any():
            gap = np.average(right[inside], weights=w[inside]) - np.average(
                top[inside], weights=w[inside]
            )
            total += w[inside].sum() / w.sum() * abs(gap)
    found = expected_calibration_error(y, p, weights=w if weighted else None)
    assert found == pytest.approx(total, abs=1e-12)


def test_bins_hold_every_image_and_empty_ones_have_no_mean() -> None:
    bins = reliability_bins([0, 1, 0], [[1.0, 0.0], [0.45, 0.55], [0.4, 0.6]], bins=10)
    assert bins.count.tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 1]
    assert bins.accuracy[[5, 6, 9]].tolist() == [1, 0, 1]
    assert np.isnan(bins.confidence[0])


def test_fewer_than_one_bin_is_refused() -> None:
    with pytest.raises(ValueError, match="bins must be at least 1, got 0"):
        expected_calibration_error([0], [[0.5, 0.5]], bins=0)
