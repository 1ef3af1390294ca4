"""Bootstrap limits corrected for bias and skewness."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hilum.evaluation import Predictions, evaluate
from hilum.evaluation.bca import acceleration, bca_interval, leave_out_patients


def test_limits_are_those_of_scipy() -> None:
    x, rng = np.random.default_rng(0).exponential(size=40), np.random.default_rng(1)
    expected = stats.bootstrap((x,), np.mean, method="BCa", rng=2, n_resamples=20_000)
    samples = x[rng.integers(0, 40, (20_000, 40))].mean(axis=1)
    left_out = [np.delete(x, i).mean() for i in range(40)]
    low, high, missing = bca_interval(samples, float(x.mean()), left_out)
    assert missing == 0
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval), abs=0.02)


def test_groups_of_patients_give_nearly_the_same_acceleration() -> None:
    x = np.random.default_rng(0).exponential(size=4_000)
    one_by_one = acceleration((x.sum() - x) / (x.size - 1))
    weights = np.vstack(list(leave_out_patients(x.size, np.random.default_rng(1))))
    assert weights.shape == (500, 4_000)
    assert acceleration(weights @ x / weights.sum(axis=1)) == pytest.approx(one_by_one, abs=0.003)


def test_every_patient_is_left_out_once() -> None:
    weights = np.vstack(list(leave_out_patients(7, np.random.default_rng(0))))
    np.testing.assert_array_equal(weights, 1 - np.eye(7))


def test_resamples_all_on_one_side_give_plain_percentiles() -> None:
    samples = np.linspace(1, 2, 1001)
    assert bca_interval(samples, 0.5, [1.0, 2.0, 4.0])[:2] == pytest.approx((1.025, 1.975))


def test_nothing_varies_and_undefined_values_are_counted() -> None:
    assert acceleration([3.0, 3.0, np.nan]) == 0
    low, high, missing = bca_interval([np.nan, np.nan], 1.0, [1.0])
    assert np.isnan([low, high]).all()
    assert missing == 2


def test_an_evaluation_can_have_bca_limits_for_every_figure() -> None:
    rng, n = np.random.default_rng(0), 120
    labels = np.arange(n) % 2
    p = np.clip(0.3 + 0.4 * labels + rng.normal(0, 0.25, n), 0.01, 0.99)
    names = [str(i) for i in range(n)]
    predictions = Predictions(names, names, labels, ["a", "b"], np.column_stack([1 - p, p]))
    found = evaluate(predictions, resamples=400, interval="bca")
    assert found.metrics["accuracy"].method == "BCa limits of resampled patients"
    assert found.metrics["auroc"].method == "BCa limits of resampled patients"
    assert found.method.startswith("95% BCa intervals")
    plain = evaluate(predictions, resamples=400, interval="percentile")
    assert plain.metrics["auroc"].low != found.metrics["auroc"].low


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="n_patients must be at least 2, got 1"):
        next(leave_out_patients(1, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 2"):
        bca_interval([1.0], 1.0, [1.0], 2)
    one = Predictions(["a"], ["1"], [0], ["x", "y"], [[0.5, 0.5]])
    with pytest.raises(ValueError, match="interval must be one of auto, percentile, bca, got 'x'"):
        evaluate(one, interval="x")  # type: ignore[arg-type]
