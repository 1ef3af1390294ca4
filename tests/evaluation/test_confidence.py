"""Calibration: three ways to mend it, and whether it needs mending."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from hilum.evaluation import Predictions, expected_calibration_error
from hilum.evaluation.calibrators import (
    METHODS,
    VectorScaling,
    cross_fitted,
    fit_calibrator,
    rising_curve,
)
from hilum.evaluation.confidence import (
    class_reliability,
    confidence_by_source,
    ece_if_perfect,
    measure_confidence,
)
from hilum.evaluation.metrics import brier_score, negative_log_likelihood

Array = NDArray[np.float64]


def softmax(z: Array) -> Array:
    raised = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def drawn(n: int = 3_000, factor: float = 2.0, seed: int = 0) -> Predictions:
    """Labels drawn from probabilities, which are then told with logits times `factor`."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, (n, 3))
    labels = (softmax(z).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    names = [str(i) for i in range(n)]
    sources = [f"s{i % 2}" for i in range(n)]
    return Predictions(names, names, labels, "abc", softmax(z * factor), sources=sources)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_helps_films_it_was_not_fitted_on(method: str) -> None:
    fitted = fit_calibrator(method, drawn().labels, drawn().probabilities)  # type: ignore[arg-type]
    new = drawn(seed=1)
    after = fitted(new.probabilities)
    assert np.allclose(after.sum(axis=1), 1)
    before = negative_log_likelihood(new.labels, new.probabilities)
    assert negative_log_likelihood(new.labels, after) < before - 0.05
    assert fitted.to_dict()["method"] == method
    json.dumps(fitted.to_dict(), allow_nan=False)


def test_vector_scaling_finds_what_a_general_minimiser_finds() -> None:
    made = drawn(400)
    found = fit_calibrator("vector", made.labels, made.probabilities)
    logs = np.log(made.probabilities)
    z = logs - logs.mean(axis=1, keepdims=True)
    start = np.r_[np.ones(3), np.zeros(3)]

    def loss(theta: Array) -> float:
        q = softmax(z * theta[:3] + theta[3:])[np.arange(400), made.labels]
        return float(-np.log(q).sum() + ((theta - start) ** 2).sum() / 2)

    assert isinstance(found, VectorScaling)
    expected = minimize(loss, start).x
    assert np.r_[found.scale, found.offset] == pytest.approx(expected, abs=2e-3)


def test_separable_films_do_not_run_away() -> None:
    labels = np.arange(30) % 2
    found = fit_calibrator("vector", labels, np.array([[0.9, 0.1], [0.2, 0.8]])[labels])
    assert isinstance(found, VectorScaling)
    assert np.abs(found.scale).max() < 20


def test_rising_curves_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    x = np.round(rng.random(200), 2)
    y = (rng.random(200) < x).astype(float)
    grid = np.linspace(0, 1, 301)
    expected = IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(grid)
    assert np.interp(grid, *rising_curve(x, y)) == pytest.approx(expected)


def test_isotonic_looks_better_on_its_own_films_than_on_others() -> None:
    made = drawn(200)
    own = fit_calibrator("isotonic", made.labels, made.probabilities)(made.probabilities)
    rng = np.random.default_rng(0)
    who = made.patient_index()
    others = cross_fitted("isotonic", made.labels, made.probabilities, who, rng=rng)
    y = made.labels
    assert negative_log_likelihood(y, own) < negative_log_likelihood(y, others) - 0.05


def test_cross_fitting_keeps_a_patients_films_together() -> None:
    made, copies = drawn(100), 5
    y, p = np.tile(made.labels, copies), np.tile(made.probabilities, (copies, 1))
    who = np.tile(np.arange(100), copies)
    once = cross_fitted("temperature", made.labels, made.probabilities, np.arange(100),
                        rng=np.random.default_rng(1))  # fmt: skip
    many = cross_fitted("temperature", y, p, who, rng=np.random.default_rng(1))
    assert many[:100] == pytest.approx(once)


@pytest.mark.parametrize(("factor", "word"), [(2.5, "overconfident"), (0.4, "underconfident")])
def test_the_direction_is_named_rightly(factor: float, word: str) -> None:
    found = measure_confidence(drawn(800, factor), resamples=200)
    assert found.verdict.startswith(word)
    assert found.gap.estimate is not None
    assert (found.gap.estimate > 0) == (word == "overconfident")


def test_a_perfect_model_on_few_films_has_an_error_that_is_chance() -> None:
    found = measure_confidence(drawn(120, 1.0), resamples=200)
    assert found.ece.estimate is not None
    assert found.ece.estimate > 0.04
    assert found.perfect_ece > 0.04
    assert found.verdict.startswith("no miscalibration can be shown at this size")


def test_the_chance_error_is_what_perfect_models_show() -> None:
    shown = [
        expected_calibration_error(m.labels, m.probabilities)
        for m in (drawn(150, 1.0, seed) for seed in range(40))
    ]
    one = drawn(150, 1.0, 99)
    mean, high = ece_if_perfect(
        one.probabilities.max(axis=1), np.arange(150), rng=np.random.default_rng(0)
    )
    assert mean == pytest.approx(np.mean(shown), abs=0.012)
    assert np.mean(np.array(shown) > high) < 0.2


def test_figures_are_those_of_the_metrics() -> None:
    made = drawn(300)
    found = measure_confidence(made, resamples=0)
    y, p = made.labels, made.probabilities
    assert found.ece.estimate == pytest.approx(expected_calibration_error(y, p))
    assert found.nll.estimate == pytest.approx(negative_log_likelihood(y, p))
    assert found.brier.estimate == pytest.approx(brier_score(y, p))
    assert found.ece.low is None


def test_each_source_is_measured_by_itself() -> None:
    found = confidence_by_source(drawn(301), resamples=50)
    assert [(g.group, g.n) for g in found] == [("s0", 151), ("s1", 150)]
    unknown = drawn(10)
    bare = Predictions(unknown.images, unknown.patient_ids, unknown.labels, unknown.classes,
                       unknown.probabilities)  # fmt: skip
    assert confidence_by_source(bare) == ()


def test_all_right_is_no_proof_of_underconfidence() -> None:
    names = [str(i) for i in range(18)]
    p = np.tile([0.001, 0.999], (18, 1))
    found = measure_confidence(Predictions(names, names, np.ones(18, int), "ab", p), resamples=100)
    assert found.verdict.startswith("no miscalibration can be shown")
    assert found.gap.high is not None
    assert found.gap.high > 0.1


def test_a_classs_bins_add_up_and_hold_their_share() -> None:
    made = drawn(500)
    found = class_reliability(made, 1)
    assert sum(found.count) == 500
    inside = (made.probabilities[:, 1] >= 0.2) & (made.probabilities[:, 1] < 0.3)
    assert found.count[2] == inside.sum()
    assert found.true[2] == pytest.approx((made.labels[inside] == 1).mean())
    assert found.said[2] == pytest.approx(made.probabilities[inside, 1].mean())
    json.dumps(found.to_dict(), allow_nan=False)


def test_impossible_requests_are_refused() -> None:
    made = drawn(20)
    with pytest.raises(ValueError, match="one of temperature, vector, isotonic, got 'platt'"):
        fit_calibrator("platt", made.labels, made.probabilities)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="two patients and folds, got 1 and 5"):
        cross_fitted("vector", made.labels, made.probabilities, np.zeros(20, int),
                     rng=np.random.default_rng(0))  # fmt: skip
    with pytest.raises(ValueError, match="bins must be at least 1, got 0"):
        class_reliability(made, 0, bins=0)
    with pytest.raises(ValueError, match="pass them through softmax"):
        fit_calibrator("vector", [0, 1], [[3.0, -2.0], [1.0, 0.0]])
