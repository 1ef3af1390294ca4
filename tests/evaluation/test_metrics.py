"""Confusion metrics and proper scores against scikit-learn and by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from hilum.evaluation import (
    accuracy,
    balanced_accuracy,
    brier_score,
    cohen_kappa,
    confusion_matrix,
    f1,
    matthews_correlation,
    negative_log_likelihood,
    negative_predictive_value,
    precision,
    recall,
    specificity,
)

Sample = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int]


@pytest.fixture(params=[(2, False), (2, True), (3, False), (3, True), (7, True)])
def sample(request: pytest.FixtureRequest) -> Sample:
    k, weighted = request.param
    rng = np.random.default_rng(k)
    true = np.r_[np.arange(k), rng.integers(0, k, 400)]
    called = np.where(rng.random(true.size) < 0.5, true, rng.integers(0, k, true.size))
    weights = rng.random(true.size) * 3 if weighted else np.ones(true.size)
    return true, called, weights, k


def test_confusion_matrix_equals_scikit_learn(sample: Sample) -> None:
    true, called, w, k = sample
    expected = reference.confusion_matrix(true, called, sample_weight=w)
    np.testing.assert_allclose(confusion_matrix(true, called, k, weights=w), expected)


def test_single_figures_equal_scikit_learn(sample: Sample) -> None:
    true, called, w, k = sample
    c = confusion_matrix(true, called, k, weights=w)
    pairs = [
        (accuracy, reference.accuracy_score),
        (balanced_accuracy, reference.balanced_accuracy_score),
        (cohen_kappa, reference.cohen_kappa_score),
        (matthews_correlation, reference.matthews_corrcoef),
    ]
    for ours, theirs in pairs:
        assert ours(c) == pytest.approx(theirs(true, called, sample_weight=w), abs=1e-12)


def test_figures_of_each_class_equal_scikit_learn(sample: Sample) -> None:
    true, called, w, k = sample
    c = confusion_matrix(true, called, k, weights=w)
    expected = reference.precision_recall_fscore_support(true, called, sample_weight=w)
    np.testing.assert_allclose(precision(c), expected[0])
    np.testing.assert_allclose(recall(c), expected[1])
    np.testing.assert_allclose(f1(c), expected[2])


def test_specificity_and_npv_are_recall_and_precision_of_the_rest(sample: Sample) -> None:
    true, called, w, k = sample
    c = confusion_matrix(true, called, k, weights=w)
    for one in range(k):
        rest, called_rest = true != one, called != one
        s = reference.recall_score(rest, called_rest, sample_weight=w)
        n = reference.precision_score(rest, called_rest, sample_weight=w)
        assert specificity(c)[one] == pytest.approx(s)
        assert negative_predictive_value(c)[one] == pytest.approx(n)


def test_a_stack_of_matrices_gives_a_stack_of_figures(sample: Sample) -> None:
    true, called, w, k = sample
    one = confusion_matrix(true, called, k, weights=w)
    stack = np.stack([one, one.T])
    for metric in (accuracy, cohen_kappa, matthews_correlation, recall, precision, f1):
        expected = np.stack([metric(one), metric(one.T)])
        np.testing.assert_allclose(metric(stack), expected)


def test_covid_net_cxr2_figures_follow_from_its_confusion_matrix() -> None:
    published = np.array([[194, 6], [9, 191]])
    assert accuracy(published) == pytest.approx(0.9625)
    assert recall(published)[1] == pytest.approx(0.955)
    assert precision(published)[1] == pytest.approx(191 / 197)


def test_what_has_nothing_to_divide_by_is_nan_and_never_zero() -> None:
    always_first = confusion_matrix([0, 0, 1], [0, 0, 0], 3)
    np.testing.assert_equal(precision(always_first), [2 / 3, np.nan, np.nan])
    np.testing.assert_equal(recall(always_first), [1, 0, np.nan])
    np.testing.assert_equal(f1(always_first), [0.8, 0, np.nan])
    np.testing.assert_equal(negative_predictive_value(always_first)[0], np.nan)
    assert np.isnan(balanced_accuracy(always_first))
    assert np.isnan(matthews_correlation(always_first))


def test_one_class_called_rightly_has_no_kappa_and_no_specificity() -> None:
    all_first = confusion_matrix([0, 0], [0, 0], 2)
    assert np.isnan(cohen_kappa(all_first))
    assert np.isnan(specificity(all_first)[0])
    assert np.isnan(accuracy(np.zeros((2, 2))))


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_brier_and_log_likelihood_equal_scikit_learn(k: int, weighted: bool) -> None:
    rng = np.random.default_rng(k)
    p = rng.dirichlet(np.ones(k), 200)
    y = np.r_[np.arange(k), rng.integers(0, k, 200 - k)]
    w = rng.random(200) if weighted else None
    values = p if k > 2 else p[:, 1]
    expected = reference.brier_score_loss(y, values, sample_weight=w)
    assert brier_score(y, p, weights=w) == pytest.approx(expected)
    expected = reference.log_loss(y, np.clip(p, 1e-7, 1), sample_weight=w)
    assert negative_log_likelihood(y, p, weights=w) == pytest.approx(expected, rel=1e-6)


def test_a_certain_mistake_costs_the_clip_and_not_infinity() -> None:
    assert negative_log_likelihood([0], [[0.0, 1.0]]) == pytest.approx(-np.log(1e-7))
    assert brier_score([0], [[0.0, 1.0]]) == 1
    assert brier_score([0], [[0.0, 1.0, 0.0]]) == 2


@pytest.mark.parametrize("bad", [[[-2.0, 3.0]], [[0.5, np.nan]]])
def test_logits_and_nan_are_refused_with_a_hint(bad: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="pass them through softmax or sigmoid"):
        brier_score([0], bad)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        confusion_matrix([0, 1], [0], 2)
    with pytest.raises(ValueError, match=r"labels must be in \[0, 2\), got 0 to 2"):
        confusion_matrix([0, 2], [0, 1], 2)
    with pytest.raises(ValueError, match=r"must have shape \(\.\.\., k, k\), got \(2, 3\)"):
        accuracy(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"labels \(n,\) and probabilities \(n, k >= 2\)"):
        negative_log_likelihood([0, 1], [[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"labels must be in \[0, 2\), got 2 to 2"):
        negative_log_likelihood([2], [[0.5, 0.5]])


def test_no_metric_warns_about_empty_classes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metric in (accuracy, recall, precision, f1, cohen_kappa, matthews_correlation):
            metric(np.zeros((5, 3, 3)))
