"""AUROCs with limits by formula, against the definition written out over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from hilum.evaluation.delong import auroc_covariance, auroc_interval

Array = NDArray[np.float64]


def cohort(n: int = 80, seed: int = 0) -> tuple[NDArray[np.bool_], Array]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    return positive, np.round(rng.normal(size=(2, n)) + positive, 1)  # with ties


def pairs(positive: NDArray[np.bool_], scores: Array) -> Array:
    a, b = scores[positive], scores[~positive]
    return np.asarray((a[:, None] > b) + 0.5 * (a[:, None] == b))


def test_areas_are_those_of_scikit_learn() -> None:
    positive, scores = cohort()
    expected = [roc_auc_score(positive, row) for row in scores]
    assert auroc_covariance(positive, scores).values == pytest.approx(expected)


def test_one_film_a_patient_gives_delongs_covariance() -> None:
    positive, scores = cohort()
    kernels = [pairs(positive, row) for row in scores]
    above = np.cov([k.mean(axis=1) for k in kernels]) / positive.sum()
    below = np.cov([k.mean(axis=0) for k in kernels]) / (~positive).sum()
    assert auroc_covariance(positive, scores).covariance == pytest.approx(above + below)


def test_several_films_a_patient_give_obuchowskis_variance() -> None:
    positive, scores = cohort()
    patients = np.arange(80) // 3
    kernel = pairs(positive, scores[0])
    m, n = kernel.shape
    area = kernel.mean()
    v10, v01 = np.zeros(80), np.zeros(80)
    v10[positive], v01[~positive] = kernel.mean(axis=1) - area, kernel.mean(axis=0) - area
    s10 = s01 = s11 = 0.0
    for patient in range(27):
        of = patients == patient
        s10, s01 = s10 + v10[of].sum() ** 2, s01 + v01[of].sum() ** 2
        s11 += v10[of].sum() * v01[of].sum()
    i10, i01 = (np.unique(patients[side]).size for side in (positive, ~positive))
    s10, s01, s11 = s10 * i10 / ((i10 - 1) * m), s01 * i01 / ((i01 - 1) * n), s11 * 27 / 26
    found = auroc_covariance(positive, scores[0], patients)
    assert found.covariance[0, 0] == pytest.approx(s10 / m + s01 / n + 2 * s11 / (m * n))
    assert found.freedom == min(i10, i01) - 1


def test_copies_of_films_do_not_shrink_the_variance() -> None:
    positive, scores = cohort()
    once = auroc_covariance(positive, scores)
    many = auroc_covariance(np.tile(positive, 5), np.tile(scores, 5), np.tile(np.arange(80), 5))
    assert many.covariance[0, 0] == pytest.approx(once.covariance[0, 0], rel=0.03)


def test_limits_stay_inside_and_are_none_for_a_perfect_area() -> None:
    limits = auroc_interval(0.97, 0.02**2, 200)
    assert limits is not None
    assert 0.88 < limits[0] < 0.97 < limits[1] < 1
    assert auroc_interval(1.0, 0.0, 20) is None


def test_one_positive_patient_gives_no_variance() -> None:
    found = auroc_covariance([True, False, False], [0.9, 0.1, 0.95])
    assert np.isnan(found.covariance).all()
    assert auroc_interval(0.5, float(found.covariance[0, 0]), found.freedom) is None


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="images on both sides, got 2 positive, 0 negative"):
        auroc_covariance([True, True], [0.1, 0.2])
    with pytest.raises(ValueError, match="Scores must be finite"):
        auroc_covariance([True, False], [0.1, np.nan])
    with pytest.raises(ValueError, match=r"got \(2,\), \(1, 3\) and \(2,\)"):
        auroc_covariance([True, False], [0.1, 0.2, 0.3])
