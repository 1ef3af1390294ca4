"""Which images are called wrongly, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.evaluation import Predictions
from hilum.evaluation.errors import Confusion, confusions, find_errors


@pytest.fixture
def five() -> Predictions:
    """Right; wrong by 0.2, 0.8 and 0.2; right."""
    p = [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.05, 0.9, 0.05], [0.3, 0.1, 0.6], [0.0, 0.1, 0.9]]
    p[2] = [0.1, 0.9, 0.0]
    p[3] = [0.4, 0.0, 0.6]
    return Predictions(list("abcde"), list("11223"), [0, 1, 0, 0, 2], ["x", "y", "z"], p)


def test_the_most_confident_error_comes_first_and_equals_keep_their_order(
    five: Predictions,
) -> None:
    errors = find_errors(five)
    assert errors.rows.tolist() == [2, 1, 3]
    np.testing.assert_allclose(errors.margins, [0.8, 0.2, 0.2])
    assert errors.wrong.tolist() == [False, True, True, True, False]
    assert len(errors) == 3


def test_errors_are_counted_by_true_class_and_class_called(five: Predictions) -> None:
    found = confusions(five, find_errors(five))
    assert {*found} == {
        Confusion("x", "y", 1, 1, 3),
        Confusion("x", "z", 1, 1, 3),
        Confusion("y", "x", 1, 1, 1),
    }


def test_a_threshold_may_call_the_less_probable_class() -> None:
    two = Predictions(list("ab"), list("12"), [0, 1], ["no", "yes"], [[0.7, 0.3], [0.9, 0.1]])
    errors = find_errors(two, (two.probabilities[:, 1] >= 0.2).astype(int))
    assert errors.called.tolist() == [1, 0]
    np.testing.assert_allclose(errors.margins, [0.8, -0.4])


def test_no_error_at_all_is_an_empty_list() -> None:
    right = Predictions(list("ab"), list("12"), [0, 1], ["no", "yes"], np.eye(2))
    assert len(find_errors(right)) == 0
    assert confusions(right, find_errors(right)) == ()


@pytest.mark.parametrize(
    ("called", "message"),
    [
        ([0, 1], r"must be class indices of shape \(5,\)"),
        ([0.0] * 5, "got float64"),
        ([0, 1, 2, 3, 0], r"must be in \[0, 3\), got 0 to 3"),
        ([-1, 0, 0, 0, 0], "got -1 to 0"),
    ],
)
def test_calls_that_are_no_classes_are_refused(
    five: Predictions, called: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        find_errors(five, called)
