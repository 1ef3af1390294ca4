"""Two models on the same films."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from hilum.errors import PredictionsError
from hilum.evaluation import Predictions, evaluate
from hilum.evaluation.compare import compare, paired
from hilum.evaluation.mcnemar import mcnemar
from hilum.evaluation.paired import paired_difference

Maker = Callable[..., Predictions]


def remade(p: Predictions, rows: np.ndarray | None = None, **changed: object) -> Predictions:
    parts = {
        "images": p.images, "patient_ids": p.patient_ids, "labels": p.labels,
        "classes": p.classes, "probabilities": p.probabilities, "sources": p.sources,
    } | changed  # fmt: skip
    made = Predictions(**parts)  # type: ignore[arg-type]
    return made if rows is None else made.take(rows)


def worse(p: Predictions, share: float, seed: int = 0) -> Predictions:
    """Answer some films at random."""
    rng = np.random.default_rng(seed)
    q = p.probabilities.copy()
    spoilt = rng.random(len(p)) < share
    q[spoilt] = rng.dirichlet(np.ones(q.shape[1]), int(spoilt.sum()))
    return remade(p, probabilities=q)


@pytest.mark.parametrize(("only_a", "only_b"), [(3, 0), (9, 2), (5, 5), (1, 30)])
def test_one_film_a_patient_is_the_exact_binomial(only_a: int, only_b: int) -> None:
    a = np.r_[np.ones(only_a), np.zeros(only_b), np.ones(20)]
    b = np.r_[np.zeros(only_a), np.ones(only_b), np.ones(20)]
    found = mcnemar(a, b, np.arange(a.size))
    expected = stats.binomtest(only_a, only_a + only_b).pvalue
    assert found.p_value == pytest.approx(expected)
    assert (found.only_a, found.only_b, found.both_right, found.both_wrong) == (
        only_a, only_b, 20, 0,
    )  # fmt: skip


def test_films_of_one_patient_are_one_witness() -> None:
    a, b = np.ones(12), np.zeros(12)
    assert mcnemar(a, b, np.arange(12)).p_value == pytest.approx(2 / 2**12)
    whole = mcnemar(a, b, np.arange(12) // 4)
    assert whole.p_value == pytest.approx(2 / 2**3)
    assert "whole patients" in whole.method


def test_models_that_never_differ_have_no_p_value() -> None:
    assert mcnemar([1, 0], [1, 0], [0, 1]).p_value is None
    assert paired_difference([1, 0], [1, 0], [0, 1]) is None


def test_one_film_a_patient_is_the_paired_t_interval() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(90) < 0.8, rng.random(90) < 0.6
    expected = stats.ttest_rel(a.astype(float), b.astype(float)).confidence_interval()
    found = paired_difference(a, b, np.arange(90))
    assert found == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_a_clear_difference_is_named(make_predictions: Maker) -> None:
    good = make_predictions(n=600, skill=3.0)
    found = compare(good, worse(good, 0.7), names=("one", "two"), resamples=200)
    assert found.verdict.startswith("one is right more often than two on these films")
    assert "600 films of" in found.verdict
    other_way = compare(worse(good, 0.7), good, names=("two", "one"), resamples=200)
    assert other_way.verdict.startswith("one is right more often than two")


def test_a_small_difference_cannot_be_shown_and_the_reader_is_told_how_small(
    make_predictions: Maker,
) -> None:
    good = make_predictions(n=90, skill=2.0)
    verdict = compare(worse(good, 0.3, 1), worse(good, 0.3, 2), resamples=200).verdict
    assert verdict.startswith("No difference can be shown at this size")
    assert "cannot be seen with these films" in verdict


def test_limits_alone_show_no_difference_where_the_exact_test_does_not() -> None:
    names = [str(i) for i in range(60)]
    p = np.tile([0.9, 0.1], (60, 1))
    a = Predictions(names, names, np.zeros(60, int), ["x", "y"], p)
    q = p.copy()
    q[:5] = [0.1, 0.9]
    found = compare(a, remade(a, probabilities=q), resamples=50)
    gap = found.metrics["accuracy"].difference
    assert gap.low is not None
    assert gap.low > 0
    assert found.discordance.p_value == pytest.approx(0.0625)
    assert found.verdict.startswith("No difference can be shown at this size")
    assert "Only 5 films tell the models apart" in found.verdict


def test_the_same_model_twice_is_no_difference(make_predictions: Maker) -> None:
    same = make_predictions()
    found = compare(same, same, resamples=50)
    assert found.verdict.startswith("No difference: ")
    assert found.metrics["accuracy"].difference.estimate == 0
    assert found.metrics["accuracy"].difference.low is None


def test_figures_are_those_of_an_evaluation(make_predictions: Maker) -> None:
    good = make_predictions(n=200)
    found = compare(good, worse(good, 0.5), resamples=100, seed=3)
    alone = evaluate(good, resamples=100, seed=3)
    assert found.metrics["macro_auroc"].a == alone.metrics["macro_auroc"]
    assert found.per_class["class1"]["auroc"].a == alone.per_class["class1"]["auroc"]
    assert "DeLong, paired" in found.per_class["class1"]["auroc"].difference.method
    assert "Student" in found.per_class["class1"]["recall"].difference.method
    json.dumps(found.to_dict(), allow_nan=False)


def test_films_are_matched_by_name_and_classes_by_name(make_predictions: Maker) -> None:
    good = make_predictions(n=50)
    turned = remade(
        good,
        np.arange(50)[::-1],
        labels=2 - good.labels,
        classes=good.classes[::-1],
        probabilities=good.probabilities[:, ::-1],
    )
    a, b, notes = paired(good, turned)
    np.testing.assert_array_equal(a.images, b.images)
    np.testing.assert_array_equal(a.labels, b.labels)
    np.testing.assert_array_equal(a.probabilities, b.probabilities)
    assert notes == ()


def test_films_in_one_table_alone_are_left_out_and_counted(make_predictions: Maker) -> None:
    good = make_predictions(n=50)
    found = compare(good, good.take(np.arange(40)), resamples=0)
    assert found.n_images == 40
    assert found.notes[0] == "10 of 50 images of A are not in the other and are left out."


def test_tables_that_cannot_be_compared_are_refused(make_predictions: Maker) -> None:
    good = make_predictions(n=30)
    with pytest.raises(PredictionsError, match="No image is in both"):
        compare(good, remade(good, images=[f"x{i}" for i in range(30)]))
    with pytest.raises(PredictionsError, match="label differs for 30 of 30 images"):
        compare(good, remade(good, labels=(good.labels + 1) % 3))
    with pytest.raises(PredictionsError, match="cannot be compared film by film"):
        compare(good, remade(good, classes=["class0", "class1", "other"]))
    with pytest.raises(ValueError, match="Expected resamples >= 0"):
        compare(good, good, resamples=-1)


def test_one_patient_has_a_difference_and_no_limits() -> None:
    one = Predictions(
        list("abc"), ["1"] * 3, [0, 1, 1], ["x", "y"], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
    )
    found = compare(one, remade(one, probabilities=[[0.1, 0.9], [0.2, 0.8], [0.6, 0.4]]))
    assert found.metrics["accuracy"].difference.low is None
    assert "no limits" in found.verdict
    assert any("one patient" in note for note in found.notes)
