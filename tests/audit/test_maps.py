from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hilum.audit.maps import cover, grown, mean_over_patients, rank_correlation, share_inside


def test_a_mask_covers_cells_by_area() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:4, :2] = True
    assert cover(mask, (2, 2)).tolist() == [[0.5, 0.0], [0.0, 0.0]]


def test_a_mask_covers_cells_by_area_where_sides_do_not_divide() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:5] = True
    cells = cover(mask, (3, 3))
    assert cells[:, 0] == pytest.approx([1.0, 0.5, 0.0], abs=1e-6)


def test_the_share_inside_weighs_cells_by_their_cover() -> None:
    evidence = np.array([[3.0, 1.0], [0.0, 0.0]], np.float32)
    assert share_inside(evidence, np.array([[0.5, 1.0], [1.0, 1.0]])) == pytest.approx(2.5 / 4)


def test_a_region_grows_by_one_cell_to_all_sides_and_not_round_the_edge() -> None:
    cells = np.zeros((4, 4))
    cells[0, 0] = 0.1
    assert np.argwhere(grown(cells)).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_rank_correlation_agrees_with_scipy_on_tied_maps() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (2, 7, 7))
    expected = stats.spearmanr(first.ravel(), second.ravel()).statistic
    assert rank_correlation(first, second) == pytest.approx(expected)


def test_the_rank_correlation_of_an_even_map_is_undefined() -> None:
    assert np.isnan(rank_correlation(np.ones((3, 3)), np.arange(9)))


def test_films_of_one_patient_count_as_one_where_limits_are_concerned() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(size=40)
    values, people = np.repeat(own, 5), np.repeat(np.arange(40), 5).astype(str)
    alone = mean_over_patients(own, people[::5], resamples=2000, seed=0)
    several = mean_over_patients(values, people, resamples=2000, seed=0)
    assert (several.n, several.patients) == (200, 40)
    assert (several.low, several.high) == (
        pytest.approx(alone.low, abs=1e-9),
        pytest.approx(alone.high, abs=1e-9),
    )


def test_the_limits_of_a_mean_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for turn in range(200):
        values = rng.exponential(1.0, 60)
        found = mean_over_patients(values, np.arange(60).astype(str), resamples=400, seed=turn)
        held += found.low is not None and found.low <= 1.0 <= (found.high or 0.0)
    assert 0.87 <= held / 200 <= 0.99


def test_a_few_patients_have_no_limits_and_none_no_mean() -> None:
    one = mean_over_patients(np.array([0.2, 0.4]), ["a", "a"], resamples=50, seed=0)
    assert one.estimate == pytest.approx(0.3)
    assert (one.low, one.high) == (None, None)
    assert "fewer than 5 patients" in (one.reason or "")
    nobody = mean_over_patients(np.array([]), [], resamples=50, seed=0)
    assert (nobody.estimate, nobody.n, nobody.reason) == (None, 0, "there is no such film")


def test_a_mean_over_another_is_the_ratio_of_both() -> None:
    values, base = np.array([0.2, 0.4, 0.9, 0.3, 0.2]), np.array([0.1, 0.3, 0.2, 0.15, 0.25])
    found = mean_over_patients(values, list("abcde"), over=base, resamples=500, seed=0)
    assert found.estimate == pytest.approx(2.0 / 1.0)
    assert found.low is not None
    assert found.high is not None
    assert 0.8 < found.low < 2.0 < found.high < 4.5
