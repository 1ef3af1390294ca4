"""The linear probe against scikit-learn, and what its folds promise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from hilum.audit.probe import STRENGTHS, Design, choose_strength, cross_probe, deal_patients
from hilum.audit.strata import StratifiedAreas, estimated
from hilum.evaluation.ranking import auroc


def blobs(
    n: int, columns: int, classes: int, *, apart: float, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Films whose first columns say the class, `apart` standard deviations apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    x = rng.normal(0, 1, (n, columns))
    x[:, :classes] += apart * np.eye(classes)[y]
    return 5 + 3 * x, y


@pytest.mark.parametrize("strength", [1e-3, 1e-1, 10.0])
@pytest.mark.parametrize(("n", "columns", "classes"), [(120, 8, 3), (90, 30, 2), (60, 200, 3)])
def test_the_probe_is_scikit_learns_logistic_regression(
    n: int, columns: int, classes: int, strength: float
) -> None:
    x, y = blobs(n, columns, classes, apart=1.0)
    ours = Design(x).fit(y, classes, strength=strength).probabilities(x)
    scaled = StandardScaler().fit_transform(x)
    theirs = LogisticRegression(C=strength, tol=1e-8, max_iter=5000).fit(scaled, y)
    if classes == 2:
        # Two classes: scikit-learn penalises one column of weights, the softmax here two halves.
        theirs = LogisticRegression(C=2 * strength, tol=1e-8, max_iter=5000).fit(scaled, y)
    np.testing.assert_allclose(ours, theirs.predict_proba(scaled), atol=2e-5)


def test_a_column_that_never_varies_says_nothing() -> None:
    x, y = blobs(80, 4, 2, apart=2.0)
    constant = np.hstack([x, np.full((80, 1), 7.0)])
    with_it = Design(constant).fit(y, 2, strength=0.1)
    without = Design(x).fit(y, 2, strength=0.1)
    moved = np.hstack([x, np.full((80, 1), 9.0)])
    np.testing.assert_allclose(with_it.probabilities(moved), without.probabilities(x), atol=1e-6)


def test_a_class_without_films_is_never_said() -> None:
    x, y = blobs(60, 5, 2, apart=2.0)
    said = Design(x).fit(y, 4, strength=0.1).probabilities(x)
    assert said.shape == (60, 4)
    assert (said[:, 2:] == 0).all()
    np.testing.assert_allclose(said.sum(axis=1), 1)


def test_one_class_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="at least two classes"):
        Design(np.ones((5, 2))).fit(np.zeros(5, dtype=int), 2)


def test_features_must_be_finite() -> None:
    with pytest.raises(ValueError, match="finite features"):
        Design([[1.0, np.nan], [2.0, 3.0]])


def test_no_patient_is_on_both_sides_of_a_fold() -> None:
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 40, 200)
    labels = patients % 3
    tested = []
    for others, fold in deal_patients(labels, patients, 5, rng):
        assert not set(patients[others]) & set(patients[fold])
        assert set(labels[others]) == {0, 1, 2}
        tested.append(fold)
    assert sorted(np.concatenate(tested)) == list(range(200))


def test_noise_is_told_from_nothing_by_the_weakest_strength() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(150, 60)), rng.integers(0, 2, 150)
    assert choose_strength(x, y, np.arange(150), rng) == STRENGTHS[0]


def test_strong_signals_earn_a_strong_fit() -> None:
    x, y = blobs(150, 10, 2, apart=4.0)
    chosen = choose_strength(x, y, np.arange(150), np.random.default_rng(0))
    assert chosen >= 1e-2


def test_cross_validated_answers_to_noise_are_at_chance() -> None:
    """Each patient has a mark of their own: in-sample it tells every label, left out none."""
    rng = np.random.default_rng(2)
    marks = np.repeat(rng.normal(size=(60, 80)), 4, axis=0)
    y, who = np.repeat(rng.integers(0, 2, 60), 4), np.repeat(np.arange(60), 4)
    own = Design(marks).fit(y, 2, strength=1.0).probabilities(marks)
    left_out = cross_probe(marks, y, who, 2, rng)
    assert auroc(y, own[:, 1]) > 0.95
    assert abs(auroc(y, left_out[:, 1]) - 0.5) < 0.2


def test_cross_validated_answers_find_what_is_there() -> None:
    x, y = blobs(200, 12, 3, apart=3.0)
    said = cross_probe(x, y, np.arange(200), 3, np.random.default_rng(0))
    assert (said.argmax(axis=1) == y).mean() > 0.85


def test_areas_within_one_stratum_are_plain_areas() -> None:
    x, y = blobs(100, 3, 2, apart=1.0)
    scores = np.stack([-x[:, 1], x[:, 1]], axis=1)
    areas = StratifiedAreas(y, scores, None, np.arange(100))
    assert areas(np.ones((1, 100)))[0, 1] == pytest.approx(auroc(y, x[:, 1]))


def test_pairs_of_two_strata_do_not_count() -> None:
    """By hand: stratum a has 2 x 1 pairs, 1 right; stratum b has 1 x 2 pairs, 2 right."""
    y = np.array([1, 1, 0, 1, 0, 0])
    s = np.array([0.9, 0.1, 0.5, 0.8, 0.2, 0.3])
    strata = np.array(["a", "a", "a", "b", "b", "b"])
    areas = StratifiedAreas(y, np.stack([1 - s, s], axis=1), strata, np.arange(6))
    assert areas(np.ones((1, 6)))[0, 1] == pytest.approx(3 / 4)


def test_a_score_that_knows_the_stratum_only_is_at_chance_within_it() -> None:
    rng = np.random.default_rng(3)
    strata = rng.integers(0, 2, 400)
    y = (rng.random(400) < np.where(strata == 1, 0.9, 0.1)).astype(np.int64)
    s = strata + rng.normal(0, 0.1, 400)
    scores = np.stack([-s, s], axis=1)
    every = np.ones((1, 400))
    assert StratifiedAreas(y, scores, None, np.arange(400)).mean(every)[0] > 0.85
    assert abs(StratifiedAreas(y, scores, strata, np.arange(400)).mean(every)[0] - 0.5) < 0.1


def test_limits_hold_the_value_and_need_resamples() -> None:
    x, y = blobs(100, 3, 2, apart=1.0)
    scores = np.stack([-x[:, 1], x[:, 1]], axis=1)
    areas = StratifiedAreas(y, scores, None, np.arange(100))
    found = estimated(areas.mean, np.arange(100), resamples=300, seed=0)
    assert found.estimate is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.estimate < found.high
    bare = estimated(areas.mean, np.arange(100), resamples=0, seed=0)
    assert bare.low is None
    assert bare.reason is not None
    assert "no resamples" in bare.reason
