"""Which matrices give a row: against trying them all, and against tables made from matrices."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.evaluation.published import PublishedRow, PublishedTable, check_tables
from hilum.evaluation.published.many_classes import ManyClasses, spread_errors
from hilum.evaluation.published.metric import Counts, parse_metric
from hilum.evaluation.published.number import Printed
from hilum.evaluation.published.table import Item
from hilum.evaluation.published.two_classes import TwoClasses

KINDS = ("recall", "precision", "specificity", "npv", "f1")
WHOLE = ("accuracy", "balanced_accuracy", "kappa", "mcc", "macro_f1", "macro_precision",
         "weighted_f1")  # fmt: skip


def names(classes: Sequence[str]) -> list[str]:
    return [*WHOLE, *(f"{kind}_{label}" for kind in KINDS for label in classes)]


def value(name: str, matrix: np.ndarray, counts: Counts) -> float:
    metric = parse_metric(name, counts)
    assert metric is not None
    found = np.diagonal(matrix).astype(float)
    images = matrix.sum(axis=1).astype(float)
    return float(metric.values(found, matrix.sum(axis=0) - found, images))


def table(matrix: np.ndarray, chosen: Sequence[str], places: int, percent: bool) -> PublishedTable:
    classes = tuple("abcde"[: len(matrix)])
    counts = Counts(classes, tuple(int(n) for n in matrix.sum(axis=1)))
    scale = 100 if percent else 1
    printed = {
        name: Printed.parse(f"{value(name, matrix, counts) * scale:.{places}f}", percent=percent)
        for name in chosen
    }
    return PublishedTable(name="t", counts=counts, rows=(PublishedRow(name="m", printed=printed),))


def demands(matrix: np.ndarray, chosen: Sequence[str], places: int) -> tuple[Counts, list[Item]]:
    made = table(matrix, chosen, places, percent=False)
    return made.counts, list(made.items(made.rows[0]))


@st.composite
def matrices(draw: st.DrawFn, classes: int, most: int) -> np.ndarray:
    cells = draw(
        st.lists(
            st.lists(st.integers(0, most), min_size=classes, max_size=classes),
            min_size=classes,
            max_size=classes,
        )
    )
    matrix = np.array(cells)
    matrix[np.diag_indices(classes)] += 1
    return matrix


@given(
    matrix=st.integers(2, 4).flatmap(lambda k: matrices(k, 60)),
    places=st.integers(1, 4),
    percent=st.booleans(),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_a_table_computed_from_a_matrix_and_rounded_is_never_refused(
    matrix: np.ndarray, places: int, percent: bool, data: st.DataObject
) -> None:
    every = names("abcde"[: len(matrix)])
    chosen = data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=8, unique=True))
    report = check_tables([table(matrix, chosen, places, percent)])
    assert not report.failed
    assert report.rows[0].possible is not False


@given(matrix=matrices(2, 12), places=st.integers(1, 3), data=st.data())
@settings(max_examples=60, deadline=None)
def test_two_classes_are_counted_as_trying_every_matrix_counts_them(
    matrix: np.ndarray, places: int, data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(names("ab")), min_size=1, max_size=4, unique=True))
    counts, items = demands(matrix, chosen, places)
    n, m = counts.images
    every = [np.array([[i, n - i], [m - j, j]]) for i, j in product(range(n + 1), range(m + 1))]
    fitting = [
        one for one in every if all(i.printed.fits(value(i.label, one, counts)) for i in items)
    ]
    space = TwoClasses(counts)
    assert space.solve(items).count == len(fitting)
    assert all(space.holds(items, one) for one in fitting)
    for name in ("f1_b", "mcc"):
        metric = parse_metric(name, counts)
        assert metric is not None
        values = [value(name, one, counts) for one in fitting]
        assert space.span(items, metric) == pytest.approx((min(values), max(values)))


def every_matrix(images: Sequence[int]) -> list[np.ndarray]:
    k = len(images)
    rows = [[r for r in product(range(n + 1), repeat=k) if sum(r) == n] for n in images]
    return [np.array(one) for one in product(*rows)]


@pytest.mark.parametrize("images", [(4, 3, 5), (1, 6, 2)])
@pytest.mark.parametrize(
    "chosen",
    [("accuracy",), ("recall_a", "precision_b"), ("macro_f1",), ("kappa", "precision_a"),
     ("macro_precision", "accuracy", "f1_c")],
)  # fmt: skip
def test_three_classes_are_counted_as_trying_every_matrix_counts_them(
    images: tuple[int, ...], chosen: tuple[str, ...]
) -> None:
    every = every_matrix(images)
    truth = every[len(every) // 3]
    counts, items = demands(truth, chosen, places=2)
    fitting = [
        one for one in every if all(i.printed.fits(value(i.label, one, counts)) for i in items)
    ]
    margins = {(*np.diagonal(one), *one.sum(axis=0)) for one in fitting}
    space = ManyClasses(counts)
    solution = space.solve(items)
    assert solution.complete
    assert solution.count == len(margins)
    assert solution.example is not None
    assert space.holds(items, solution.example)
    assert solution.example.sum(axis=1).tolist() == list(images)


@given(matrix=st.integers(2, 5).flatmap(lambda k: matrices(k, 20)))
@settings(max_examples=80, deadline=None)
def test_errors_are_spread_over_any_margins_a_matrix_has(matrix: np.ndarray) -> None:
    errors = matrix - np.diag(np.diagonal(matrix))
    made = spread_errors(errors.sum(axis=1), errors.sum(axis=0))
    assert (made >= 0).all()
    assert not np.diagonal(made).any()
    assert made.sum(axis=1).tolist() == errors.sum(axis=1).tolist()
    assert made.sum(axis=0).tolist() == errors.sum(axis=0).tolist()


def test_errors_that_only_one_class_could_make_and_take_cannot_be_spread() -> None:
    with pytest.raises(ValueError, match="No errors add up"):
        spread_errors(np.array([22, 10, 5]), np.array([22, 10, 5]))


def test_forty_thousand_images_take_seconds() -> None:
    matrix = np.array([[18_000, 2_000], [1_700, 18_300]])
    counts, items = demands(matrix, ["accuracy", "f1_b", "macro_precision", "mcc"], places=3)
    began = time.perf_counter()
    solution = TwoClasses(counts).solve(items)
    assert time.perf_counter() - began < 5
    assert solution.count == 990
    assert TwoClasses(counts).holds(items, matrix)


def test_what_cannot_all_be_tried_is_not_called_impossible() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.integers(0, 4000, (4, 4))
    counts, items = demands(matrix, ["macro_f1", "kappa"], places=6)
    assert ManyClasses(counts).possible(items) is not False


@given(matrix=matrices(2, 150), places=st.integers(2, 4), data=st.data())
@settings(max_examples=60, deadline=None)
def test_several_tables_of_one_matrix_never_contradict_each_other(
    matrix: np.ndarray, places: int, data: st.DataObject
) -> None:
    few = st.lists(st.sampled_from(names("ab")), min_size=1, max_size=5, unique=True)
    made = [table(matrix, data.draw(few), p, percent=False) for p in (places, places - 1)]
    tables = [replace(one, name=name) for one, name in zip(made, ("I", "II"), strict=True)]
    assert not check_tables(tables).findings
