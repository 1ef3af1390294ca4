"""AUROC and average precision against scikit-learn, by pairs, and under many weights at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from hilum.evaluation import auroc, average_precision, precision_recall_points, roc_points
from hilum.evaluation.ranking import Ranking


@pytest.mark.parametrize("levels", [2, 5, 20, 60, 10_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_both_areas_equal_scikit_learn_with_ties(levels: int, weighted: bool) -> None:
    rng = np.random.default_rng(levels)
    y = rng.random(500) < 0.3
    s = rng.integers(0, levels, 500) / levels + y * rng.integers(0, 2, 500) / levels
    w = rng.random(500) * 2 if weighted else None
    expected = reference.roc_auc_score(y, s, sample_weight=w)
    assert auroc(y, s, weights=w) == pytest.approx(expected, abs=1e-12)
    expected = reference.average_precision_score(y, s, sample_weight=w)
    assert average_precision(y, s, weights=w) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=30
    )
)
def test_auroc_is_the_weighted_share_of_ordered_pairs(rows: list[tuple[bool, int, int]]) -> None:
    y, s, w = (np.array(column) for column in zip(*rows, strict=True))
    pairs = w[y][:, None] * w[~y]
    won = np.sign(s[y][:, None] - s[~y]) / 2 + 0.5
    expected = (pairs * won).sum() / pairs.sum() if pairs.sum() else np.nan
    np.testing.assert_allclose(auroc(y, s, weights=w), expected, atol=1e-12)


def test_whole_weights_count_as_repeated_images() -> None:
    rng = np.random.default_rng(3)
    y, s = rng.random(80) < 0.4, rng.integers(0, 50, 80)
    w = rng.integers(0, 4, 80)
    again = np.repeat(np.arange(80), w)
    assert auroc(y, s, weights=w) == pytest.approx(auroc(y[again], s[again]))
    assert average_precision(y, s, weights=w) == pytest.approx(
        average_precision(y[again], s[again])
    )


@pytest.mark.parametrize("levels", [10, 1000])
def test_images_of_one_patient_share_a_column_of_weights(levels: int) -> None:
    rng = np.random.default_rng(4)
    y, s, patient = rng.random(200) < 0.5, rng.integers(0, levels, 200), rng.integers(0, 40, 200)
    weights = rng.integers(0, 3, (6, 40)).astype(float)
    areas, means = Ranking(y, s, patient).areas(weights)
    for row, area, mean in zip(weights, areas, means, strict=True):
        assert area == pytest.approx(reference.roc_auc_score(y, s, sample_weight=row[patient]))
        expected = reference.average_precision_score(y, s, sample_weight=row[patient])
        assert mean == pytest.approx(expected)


@pytest.mark.parametrize("levels", [3, 300])
def test_a_resample_without_a_class_is_undefined_alone(levels: int) -> None:
    y, s = np.arange(300) < 100, np.arange(300) % levels
    weights = np.stack([np.ones(300), ~y * 1.0, y * 1.0])
    areas, means = Ranking(y, s).areas(weights)
    np.testing.assert_array_equal(np.isnan(areas), [False, True, True])
    np.testing.assert_array_equal(np.isnan(means), [False, True, False])
    assert means[2] == 1


def test_constant_scores_are_chance() -> None:
    assert auroc([True, False, False], [0.2, 0.2, 0.2]) == 0.5
    assert average_precision([True, False, False], [0.2, 0.2, 0.2]) == pytest.approx(1 / 3)


def test_curves_equal_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    y, s = rng.random(300) < 0.3, rng.integers(0, 60, 300)
    x, t, _ = reference.roc_curve(y, s, drop_intermediate=False)
    np.testing.assert_allclose(roc_points(y, s), (x, t))
    p, r, _ = reference.precision_recall_curve(y, s)
    np.testing.assert_allclose(precision_recall_points(y, s), (r[-2::-1], p[-2::-1]))


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        auroc([True], [0.1, 0.2])
    with pytest.raises(ValueError, match="Scores must be finite"):
        auroc([True, False], [0.1, np.nan])
    with pytest.raises(ValueError, match="weights must be finite, >= 0"):
        auroc([True, False], [0.1, 0.2], weights=[1, -1])
    with pytest.raises(ValueError, match="weights must be finite, >= 0"):
        average_precision([True, False], [0.1, 0.2], weights=[1])
