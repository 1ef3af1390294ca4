"""Error rates of groups: their limits, their test, and what must not fool it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.evaluation.error_groups import compare_groups, error_rates, holm, share_limits

Drawn = tuple[NDArray[np.bool_], NDArray[np.int64]]


def clustered(rng: np.random.Generator, patients: int, films: int, rate: float) -> Drawn:
    """Draw errors of patients whose films are alike: beta-binomial, intraclass correlation 1/3."""
    p = rng.beta(2 * rate, 2 * (1 - rate), patients)
    whom = np.repeat(np.arange(patients), films)
    return rng.random(whom.size) < p[whom], whom


def test_independent_images_have_wilsons_limits() -> None:
    low, high = share_limits(np.arange(100) < 10, np.arange(100)) or (0, 0)
    z2 = 1.959964**2
    root = np.sqrt(0.1 * 0.9 / 100 + z2 / 40000) * 1.959964
    assert low == pytest.approx((0.1 + z2 / 200 - root) / (1 + z2 / 100), abs=1e-6)
    assert high == pytest.approx((0.1 + z2 / 200 + root) / (1 + z2 / 100), abs=1e-6)


def test_films_that_only_repeat_their_patient_add_nothing() -> None:
    once = share_limits(np.arange(40) < 10, np.arange(40))
    thrice = share_limits(np.repeat(np.arange(40) < 10, 3), np.repeat(np.arange(40), 3))
    assert once is not None
    assert thrice == pytest.approx(once, abs=0.006)


def test_none_wrong_is_not_certainty_and_counts_patients_not_films() -> None:
    low, high = share_limits(np.zeros(40), np.repeat(np.arange(10), 4)) or (1, 1)
    _, of_ten = share_limits(np.zeros(10), np.arange(10)) or (1, 1)
    assert of_ten == pytest.approx(1.959964**2 / (10 + 1.959964**2), abs=1e-6)
    assert (low, high >= of_ten) == (0, True)


def test_one_patient_has_no_limits() -> None:
    assert share_limits([True, False], [3, 3]) is None


@pytest.mark.parametrize(("patients", "films", "rate"), [(60, 1, 0.1), (60, 3, 0.2), (200, 2, 0.1)])
def test_limits_hold_the_truth_about_95_times_in_100(
    patients: int, films: int, rate: float
) -> None:
    rng = np.random.default_rng(5)
    drawn = [share_limits(*clustered(rng, patients, films, rate)) or (1, 0) for _ in range(1000)]
    covered = np.mean([low <= rate <= high for low, high in drawn])
    assert 0.92 <= covered <= 0.98


def test_rates_stand_beside_what_their_classes_would_give() -> None:
    labels = np.repeat([0, 1], 10)
    wrong = np.r_[np.zeros(10, bool), np.arange(10) < 6]
    groups = np.array(["a"] * 15 + ["b"] * 5)
    a, b = error_rates(wrong, groups, patients=np.arange(20), labels=labels)
    assert (a.value, a.images, a.wrong, a.rate) == ("a", 15, 5, pytest.approx(1 / 3))
    assert a.expected == pytest.approx((10 * 0 + 5 * 0.6) / 15)
    assert (b.value, b.wrong, b.expected) == ("b", 1, pytest.approx(0.6))


def test_a_group_that_is_worse_within_its_class_is_found() -> None:
    wrong = np.r_[np.arange(40) < 4, np.arange(40) < 24]
    groups = np.repeat(["good", "bad"], 40)
    found = compare_groups(
        wrong,
        groups,
        patients=np.arange(80),
        labels=np.zeros(80, int),
        rng=np.random.default_rng(0),
        shuffles=500,
    )
    assert found.p_value == pytest.approx(1 / 501)


def test_a_group_is_not_blamed_for_holding_the_hard_class() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 200)
    groups = np.where(rng.random(400) < np.where(labels == 0, 0.1, 0.9), "hard", "easy")
    wrong = rng.random(400) < np.where(labels == 0, 0.05, 0.5)
    found = compare_groups(
        wrong, groups, patients=np.arange(400), labels=labels, rng=rng, shuffles=500
    )
    assert found.p_value is not None
    assert found.p_value > 0.05


def test_where_nothing_differs_p_is_below_5_percent_about_5_times_in_100() -> None:
    rng = np.random.default_rng(2)
    low = []
    for _ in range(300):
        wrong, whom = clustered(rng, 80, 3, 0.2)
        groups = rng.choice(["a", "b", "c"], 80)[whom]
        labels = rng.integers(0, 2, 80)[whom]
        p = compare_groups(
            wrong, groups, patients=whom, labels=labels, rng=rng, shuffles=199
        ).p_value
        low.append(p is not None and p <= 0.05)
    assert 0.02 <= np.mean(low) <= 0.08


@pytest.mark.parametrize(
    ("wrong", "groups", "reason"),
    [
        ([0, 0, 0, 0], "aabb", "no image is wrong"),
        ([1, 1, 1, 1], "aabb", "every image is wrong"),
        ([1, 0, 1, 0], "aabb", "all are of one group"),
    ],
)
def test_what_cannot_be_tested_says_why(wrong: list[int], groups: str, reason: str) -> None:
    found = compare_groups(
        np.array(wrong, bool),
        list(groups),
        patients=np.arange(4),
        labels=np.array([0, 0, 1, 1]),
        rng=np.random.default_rng(0),
    )
    assert found.p_value is None
    assert reason in (found.reason or "")


def test_holm_adjusts_by_hand_counted_factors() -> None:
    assert holm([0.01, 0.04, None, 0.03]) == [pytest.approx(0.03), 0.06, None, 0.06]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_shapes_that_differ_are_refused() -> None:
    wrong, four = np.zeros(4, bool), np.arange(4)
    with pytest.raises(ValueError, match="must have one shape"):
        error_rates(wrong, ["a"] * 3, patients=four, labels=four)
    with pytest.raises(ValueError, match=r"must have one shape \(n >= 1,\)"):
        share_limits([], [])
    with pytest.raises(ValueError, match="shuffles must be at least 1, got 0"):
        compare_groups(
            wrong, list("aabb"), patients=four, labels=four, rng=np.random.default_rng(), shuffles=0
        )
