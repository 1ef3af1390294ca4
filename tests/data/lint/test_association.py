from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from hilum.data.lint.association import (
    Association,
    auroc_of_groups,
    beyond_chance,
    cramers_v,
    majority_accuracy,
)

COUNTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=6)


@given(COUNTS)
def test_the_area_is_that_of_ranking_images_by_their_groups_share(
    counts: list[tuple[int, int]],
) -> None:
    table = np.array(counts)
    if not table.sum(axis=0).all():
        return
    share = table[:, 1] / np.maximum(table.sum(axis=1), 1)
    y = np.concatenate([np.repeat([0, 1], row) for row in table])
    scores = np.repeat(share, table.sum(axis=1))
    assert auroc_of_groups(table, 1) == pytest.approx(roc_auc_score(y, scores))


def test_a_class_without_images_has_no_area() -> None:
    assert math.isnan(auroc_of_groups([[3, 0], [4, 0]], 1))


def test_cramers_v_is_corrected_for_chance() -> None:
    # phi2 = 0.36, (g-1)(k-1)/(n-1) = 1/99, g~ = k~ = 2 - 1/99: V = sqrt(0.3499 / 0.98990)
    assert cramers_v([[40, 10], [10, 40]]) == pytest.approx(math.sqrt((0.36 - 1 / 99) / (98 / 99)))
    assert cramers_v([[5, 5], [5, 5]]) == 0
    assert cramers_v([[5, 5]]) == 0


def test_majority_accuracy_counts_the_commonest_class_of_each_group() -> None:
    assert majority_accuracy([[9, 1], [2, 8]]) == 0.85


@pytest.mark.parametrize(
    ("counts", "proven"),
    [([[12, 8], [8, 12]], False), ([[40, 5], [5, 40]], True), ([[7, 3]], False)],
)
def test_chance_is_told_from_what_is_not(counts: list[list[int]], proven: bool) -> None:
    assert beyond_chance(counts) is proven


def test_independent_groups_are_rarely_beyond_chance() -> None:
    rng = np.random.default_rng(5)
    tables = [rng.multinomial(120, [1 / 6] * 6).reshape(3, 2) for _ in range(2000)]
    assert sum(map(beyond_chance, tables)) <= 8


def test_few_patients_with_many_images_prove_nothing() -> None:
    rows = [("east", "covid", 300, 4), ("west", "normal", 300, 4)]
    assert Association.of(rows).telling() == []


def test_of_two_classes_the_rarer_is_named() -> None:
    rows = [("east", "covid", 30, 30), ("west", "normal", 90, 90)]
    assert Association.of(rows).telling() == [("covid", 1.0)]


def test_groups_of_one_class_are_pure() -> None:
    rows = [("a", "x", 3, 3), ("b", "x", 3, 3), ("b", "y", 3, 3)]
    assert Association.of(rows).pure() == ["a"]
    assert not Association.of(rows).apart("y")


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(ValueError, match="must have shape"):
        cramers_v(np.zeros((2, 2)))
