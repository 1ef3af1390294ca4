"""Printed numbers, the names of figures, and figures from counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from hilum.evaluation.published.metric import Counts, Metric, parse_metric
from hilum.evaluation.published.number import Printed, looks_like_percent

COUNTS = Counts(("negative", "positive"), (200, 100), 1)


@given(value=st.floats(0, 1), places=st.integers(0, 6), percent=st.booleans())
def test_a_value_fits_the_number_it_was_rounded_to(
    value: float, places: int, percent: bool
) -> None:
    text = f"{value * (100 if percent else 1):.{places}f}"
    assert Printed.parse(text, percent=percent).fits(value)


@pytest.mark.parametrize(
    ("text", "value", "step", "percent"),
    [
        ("0.953", 0.953, 0.001, False),
        ("95.3 %", 0.953, 0.001, True),
        ("95%", 0.95, 0.01, True),
        (".5", 0.5, 0.1, False),
        ("-0.12", -0.12, 0.01, False),
    ],
)
def test_digits_say_how_a_number_was_rounded(
    text: str, value: float, step: float, percent: bool
) -> None:
    printed = Printed.parse(text)
    assert (printed.value, printed.step, printed.percent) == (value, step, percent)


def test_a_spread_stands_behind_the_plus_minus_sign() -> None:
    printed = Printed.parse("95.3 ± 0.02", percent=True)
    assert printed.text == "95.3"
    assert printed.spread is not None
    assert printed.spread.value == pytest.approx(0.0002)


@pytest.mark.parametrize("bad", ["high", "0.9.1", "**0.91**", "< 0.1", "1e-3"])
def test_what_is_no_number_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="expected a number such as 0.953 or 95.3 %, got"):
        Printed.parse(bad)


def test_a_decimal_comma_is_refused_with_a_hint() -> None:
    with pytest.raises(ValueError, match="Write decimals with a point"):
        Printed.parse("0,953")


def test_only_numbers_above_one_or_signed_are_taken_for_percent() -> None:
    assert looks_like_percent("95.3")
    assert looks_like_percent("0.5 %")
    assert not looks_like_percent("1.000")
    assert not looks_like_percent("-")


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("PPV", Metric("precision", of=1)),
        ("sensitivity_negative", Metric("recall", of=0)),
        ("macro-f1", Metric("f1", average="macro")),
        ("cohen_kappa", Metric("kappa")),
        ("auroc", None),
    ],
)
def test_figures_are_known_by_the_names_tables_give_them(name: str, metric: Metric | None) -> None:
    assert parse_metric(name, COUNTS) == metric


def test_an_unknown_metric_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="Did you mean 'macro_precision'"):
        parse_metric("macro_precison", COUNTS)


def test_a_class_with_an_underscore_is_found() -> None:
    counts = Counts(("normal", "other_disease", "covid"), (1, 2, 3))
    assert parse_metric("recall_other_disease", counts) == Metric("recall", of=1)


def test_a_bare_recall_of_three_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="say which class it is of, such as recall_a"):
        parse_metric("recall", Counts(("a", "b", "c"), (1, 2, 3)))


@pytest.mark.parametrize("classes", [2, 4])
def test_figures_agree_with_scikit_learn(classes: int) -> None:
    rng = np.random.default_rng(3)
    truth, said = rng.integers(0, classes, 300), rng.integers(0, classes, 300)
    matrix = sk.confusion_matrix(truth, said)
    found, images = np.diagonal(matrix).astype(float), matrix.sum(axis=1).astype(float)
    wrong = matrix.sum(axis=0) - found

    def of(metric: Metric) -> float:
        return float(metric.values(found, wrong, images))

    assert of(Metric("accuracy")) == pytest.approx(sk.accuracy_score(truth, said))
    assert of(Metric("balanced_accuracy")) == pytest.approx(sk.balanced_accuracy_score(truth, said))
    assert of(Metric("kappa")) == pytest.approx(sk.cohen_kappa_score(truth, said))
    assert of(Metric("mcc")) == pytest.approx(sk.matthews_corrcoef(truth, said))
    for average in ("macro", "weighted"):
        three = sk.precision_recall_fscore_support(truth, said, average=average)[:3]
        kinds = ("precision", "recall", "f1")
        assert [of(Metric(k, average=average)) for k in kinds] == pytest.approx(list(three))
    specificity = sk.recall_score(truth == 1, said == 1, pos_label=False)
    assert of(Metric("specificity", of=1)) == pytest.approx(specificity)
    npv = sk.precision_score(truth == 1, said == 1, pos_label=False)
    assert of(Metric("npv", of=1)) == pytest.approx(npv)
