"""An evaluation as a whole: values, limits, baselines, and what is said where there are none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from hilum.evaluation import Evaluation, Predictions, SourceLabels, evaluate
from hilum.evaluation.catalogue import METRICS
from hilum.evaluation.intervals import resample_patients
from hilum.evaluation.scores import Scores, WeightedScores

Maker = Callable[..., Predictions]


def expected(predictions: Predictions, weights: np.ndarray) -> dict[str, float]:
    """What scikit-learn says of every metric, one weight an image."""
    y, p, w = predictions.labels, predictions.probabilities, {"sample_weight": weights}
    d, k = p.argmax(axis=1), p.shape[1]
    found = {
        "accuracy": reference.accuracy_score(y, d, **w),
        "balanced_accuracy": reference.balanced_accuracy_score(y, d, **w),
        "cohen_kappa": reference.cohen_kappa_score(y, d, **w),
        "mcc": reference.matthews_corrcoef(y, d, **w),
        "brier": reference.brier_score_loss(y, p if k > 2 else p[:, 1], **w),
        "nll": reference.log_loss(y, p, **w),
        "macro_f1": reference.f1_score(y, d, average="macro", **w),
        "macro_precision": reference.precision_score(y, d, average="macro", **w),
    }
    areas = [reference.roc_auc_score(y == c, p[:, c], **w) for c in range(k)]
    means = [reference.average_precision_score(y == c, p[:, c], **w) for c in range(k)]
    found |= {"macro_auroc": np.mean(areas), "macro_average_precision": np.mean(means)}
    return found | ({"auroc": areas[1], "average_precision": means[1]} if k == 2 else {})


@pytest.mark.parametrize(("k", "decimals"), [(2, None), (2, 1), (3, None), (3, 1), (5, 2)])
def test_values_equal_scikit_learn(make_predictions: Maker, k: int, decimals: int | None) -> None:
    predictions = make_predictions(k=k, decimals=decimals)
    found = evaluate(predictions, resamples=0).metrics
    for name, value in expected(predictions, np.ones(len(predictions))).items():
        assert found[name].estimate == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize(("k", "decimals"), [(2, 1), (3, None)])
def test_every_resample_equals_scikit_learn_with_its_weights(
    make_predictions: Maker, k: int, decimals: int | None
) -> None:
    predictions = make_predictions(k=k, decimals=decimals, patients=120)
    scored = WeightedScores(predictions)
    counts = next(resample_patients(scored.n_patients, 8, np.random.default_rng(0)))
    found = scored(counts).overall
    for row, weights in enumerate(counts):
        for name, value in expected(predictions, weights[scored.patients]).items():
            assert found[name][row] == pytest.approx(value, abs=1e-9), name


def test_limits_are_percentiles_of_the_resamples(make_predictions: Maker) -> None:
    predictions = make_predictions(patients=100)
    scored = WeightedScores(predictions)
    rng = np.random.default_rng(5)
    parts = [scored(c) for c in resample_patients(scored.n_patients, 300, rng, images=300)]
    low, high = np.quantile(Scores.joined(parts).overall["mcc"], [0.05, 0.95])
    found = evaluate(predictions, resamples=300, seed=5, level=0.9).metrics["mcc"]
    assert (found.low, found.high) == (low, high)


def test_the_same_seed_gives_the_same_evaluation(make_predictions: Maker) -> None:
    one, two = (evaluate(make_predictions(), resamples=50, seed=3).to_dict() for _ in "ab")
    assert one == two
    assert one != evaluate(make_predictions(), resamples=50, seed=4).to_dict()


def test_copies_of_a_film_do_not_make_the_interval_narrower(make_predictions: Maker) -> None:
    once = make_predictions(n=200)
    copies = Predictions(
        [f"{image}-{copy}" for copy in range(9) for image in once.images],
        np.tile(once.patient_ids, 9),
        np.tile(once.labels, 9),
        once.classes,
        np.tile(once.probabilities, (9, 1)),
        sources=np.tile(once.sources, 9),  # type: ignore[arg-type]
    )
    for name in ("accuracy", "macro_auroc"):
        one, many = (evaluate(p, resamples=200).metrics[name] for p in (once, copies))
        assert many.estimate == pytest.approx(one.estimate)
        assert many.low == pytest.approx(one.low)


def test_width_agrees_with_the_binomial_for_one_image_a_patient() -> None:
    n, rng = 400, np.random.default_rng(0)
    y = np.arange(n) % 2
    right = rng.random(n) < 0.8
    p = np.where(right == (y == 1), 0.7, 0.3)
    names = [str(i) for i in range(n)]
    predictions = Predictions(names, names, y, ["a", "b"], np.column_stack([1 - p, p]))
    found = evaluate(predictions).metrics["accuracy"]
    assert found.estimate is not None
    assert found.low is not None
    assert found.high is not None
    half = 1.96 * math.sqrt(found.estimate * (1 - found.estimate) / n)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.06)


def test_every_number_says_how_many_images_and_patients_it_rests_on() -> None:
    predictions = Predictions(
        ["a", "b", "c", "d", "e"],
        ["1", "1", "2", "3", "4"],
        [0, 0, 0, 1, 1],
        ["x", "y"],
        [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7], [0.6, 0.4]],
    )
    row = evaluate(predictions, resamples=20).per_class["x"]
    assert (row["recall"].n, row["recall"].patients) == (3, 2)
    assert (row["precision"].n, row["precision"].patients) == (3, 3)
    assert (row["specificity"].n, row["npv"].n, row["auroc"].n) == (2, 2, 5)


def perfect(n: int = 40) -> Predictions:
    names = [str(i) for i in range(n)]
    return Predictions(names, names, np.arange(n) % 2, ["a", "b"], np.eye(2)[np.arange(n) % 2])


def test_a_share_of_one_has_exact_limits_over_patients() -> None:
    found = evaluate(perfect(), resamples=50)
    assert found.metrics["accuracy"].low == pytest.approx(0.025 ** (1 / 40))
    assert found.metrics["accuracy"].high == 1
    assert found.per_class["b"]["recall"].low == pytest.approx(0.025 ** (1 / 20))
    assert found.per_class["b"]["recall"].method.startswith("exact binomial")


def test_a_perfect_auroc_has_no_limits_and_says_why() -> None:
    found = evaluate(perfect(), resamples=50).metrics["macro_auroc"]
    assert (found.estimate, found.low, found.high) == (1.0, None, None)
    assert found.reason == "no limits: every resample gives the same value"


def test_a_class_that_is_missing_makes_its_figures_undefined_and_not_zero() -> None:
    predictions = Predictions(
        list("abcd"), list("1234"), [0, 0, 1, 1], ["x", "y", "z"], np.eye(3)[[0, 1, 1, 0]]
    )
    found = evaluate(predictions, resamples=50)
    assert found.metrics["accuracy"].estimate == 0.5
    for name in ("balanced_accuracy", "macro_auroc", "macro_precision"):
        assert found.metrics[name].estimate is None
    assert found.metrics["macro_auroc"].reason == (
        "undefined: needs images of z and of other classes"
    )
    assert found.per_class["z"]["recall"].reason == "undefined: no image of z"
    assert found.per_class["z"]["precision"].reason == "undefined: no image was called z"
    assert found.per_class["z"]["specificity"].estimate == 1
    assert "No image is truly z" in found.notes[0]


def test_resamples_that_lose_a_class_are_counted() -> None:
    n = 60
    labels = (np.arange(n) < 2).astype(int)
    p = np.linspace(0.6, 0.1, n)
    predictions = Predictions(
        [str(i) for i in range(n)],
        [str(i) for i in range(n)],
        labels,
        ["no", "yes"],
        np.column_stack([1 - p, p]),
    )
    found = evaluate(predictions, resamples=500).per_class["yes"]["auroc"]
    assert 30 < found.undefined_resamples < 120  # (58/60)^60 = 13 %
    assert found.reason is not None
    assert "every resample gives the same value" in found.reason


def test_one_patient_has_values_and_no_limits() -> None:
    predictions = Predictions(
        list("abc"), ["1"] * 3, [0, 1, 1], ["x", "y"], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
    )
    found = evaluate(predictions)
    assert found.metrics["accuracy"].estimate == pytest.approx(2 / 3)
    assert found.metrics["accuracy"].low is None
    assert found.metrics["accuracy"].reason == (
        "no limits: an interval over patients needs at least two"
    )
    assert "All images show one patient: there is no interval over patients." in found.notes


def test_one_class_has_an_accuracy_and_says_what_it_lacks() -> None:
    predictions = Predictions(
        list("abc"), list("123"), [1, 1, 1], ["x", "y"], [[0.1, 0.9], [0.2, 0.8], [0.6, 0.4]]
    )
    found = evaluate(predictions, resamples=50)
    assert found.metrics["accuracy"].estimate == pytest.approx(2 / 3)
    assert found.metrics["auroc"].estimate is None
    assert found.metrics["mcc"].estimate is None
    assert "No image is truly x" in found.notes[0]
    assert "Only 3 patients" in found.notes[1]


def test_a_threshold_moves_the_decisions_of_two_classes(make_predictions: Maker) -> None:
    predictions = make_predictions(k=2)
    found = evaluate(predictions, resamples=0, threshold=0.2)
    called = predictions.probabilities[:, 1] >= 0.2
    np.testing.assert_array_equal(
        found.confusion, reference.confusion_matrix(predictions.labels, called)
    )
    assert found.decision == "class1 where its probability is at least 0.2"
    assert found.metrics["auroc"] == evaluate(predictions, resamples=0).metrics["auroc"]


def source_given_away() -> Predictions:
    """Sixty images whose source is their label, and a model that is right in half of them."""
    labels = np.repeat([0, 1], 30)
    p = np.tile([0.9, 0.1], (60, 1))
    p[15:45] = [0.3, 0.7]
    names = [str(i) for i in range(60)]
    sources = ["rsna"] * 30 + ["ricord"] * 30
    return Predictions(names, names, labels, ["negative", "positive"], p, sources=sources)


def test_the_source_alone_scores_full_marks_where_it_gives_the_label_away() -> None:
    found = evaluate(source_given_away(), resamples=100).baselines["source_majority"]
    assert found.metrics["accuracy"].estimate == 1
    assert found.metrics["macro_auroc"].estimate == 1
    assert found.gain["accuracy"].estimate == -0.5
    assert found.gain["accuracy"].high is not None
    assert found.gain["accuracy"].high < 0
    assert "the evaluated images themselves" in found.fitted_on


def test_the_baseline_learns_from_the_train_split_where_it_is_given() -> None:
    learnt = SourceLabels(
        np.array(["rsna", "ricord", "ricord", "other"]), np.array([0, 0, 1, 0]), "the train split"
    )
    found = evaluate(source_given_away(), resamples=50, baseline=learnt).baselines
    assert found["source_majority"].metrics["accuracy"].estimate == 0.5
    assert found["source_majority"].metrics["macro_auroc"].estimate == 1
    assert found["source_majority"].fitted_on == "the train split"
    assert found["overall_majority"].metrics["macro_auroc"].estimate == 0.5


def test_baselines_come_first_and_in_order(make_predictions: Maker) -> None:
    values = evaluate(make_predictions(), resamples=10).to_dict()
    assert list(values["baselines"]) == ["source_majority", "overall_majority"]
    assert list(values).index("baselines") < list(values).index("metrics")


def test_without_sources_the_baseline_is_said_to_be_unavailable(make_predictions: Maker) -> None:
    found = evaluate(make_predictions(sources=None), resamples=10)
    assert found.baselines["source_majority"].unavailable == "not available: no source column"
    assert found.baselines["overall_majority"].metrics["accuracy"].estimate == pytest.approx(1 / 3)
    assert any("Sources are unknown" in note for note in found.notes)


def test_the_difference_is_paired_over_the_same_resamples(make_predictions: Maker) -> None:
    found = evaluate(make_predictions(n=600), resamples=400)
    gain = found.baselines["overall_majority"].gain["balanced_accuracy"]
    model = found.metrics["balanced_accuracy"]
    assert model.low is not None
    assert gain.low == pytest.approx(model.low - 1 / 3)


def walk(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in walk(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in walk(item)]
    return [value]


def test_json_holds_no_nan_and_every_metric_is_defined_in_words(make_predictions: Maker) -> None:
    one = Predictions(["a"], ["1"], [0], ["x", "y"], [[0.5, 0.5]])
    for predictions in (one, make_predictions(n=30)):
        values = evaluate(predictions, resamples=20).to_dict()
        json.dumps(values, allow_nan=False)
        assert set(values["definitions"]) >= {*values["metrics"], "recall"}
        assert set(values["definitions"]) <= set(METRICS)
        assert not any(isinstance(leaf, np.generic) for leaf in walk(values))
        assert "Research use only" in values["use"]


def test_impossible_requests_are_refused(make_predictions: Maker) -> None:
    predictions = make_predictions()
    with pytest.raises(ValueError, match="resamples >= 0 and 0 < level < 1, got -1"):
        evaluate(predictions, resamples=-1)
    with pytest.raises(ValueError, match="0 < level < 1, got 2000 and 95"):
        evaluate(predictions, level=95)
    with pytest.raises(ValueError, match="needs two classes and a value in"):
        evaluate(predictions, threshold=0.5)
    with pytest.raises(ValueError, match=r"got 2 classes and 1\.5"):
        evaluate(make_predictions(k=2), threshold=1.5)


def test_no_resamples_gives_values_alone(make_predictions: Maker) -> None:
    found = evaluate(make_predictions(), resamples=0)
    assert isinstance(found, Evaluation)
    assert found.metrics["accuracy"].low is None
    assert found.metrics["accuracy"].reason == "no limits: no resamples were asked for"
    assert found.metrics["accuracy"].text(percent=True).endswith(" %")


def test_many_classes_and_many_images_stay_within_memory(make_predictions: Maker) -> None:
    found = evaluate(make_predictions(n=4000, k=14), resamples=30)
    assert found.confusion.shape == (14, 14)
    assert found.confusion.sum() == 4000


def test_of_two_classes_the_gain_is_that_of_the_area_shown() -> None:
    # Probabilities of 1 hide an order that those of the other class still show.
    sure = np.array([1e-20, 2e-20, 3e-20, 0.4, 0.5, 0.6])
    found = evaluate(
        Predictions(
            [f"{n}.png" for n in range(6)],
            [f"p{n}" for n in range(6)],
            [0, 1, 0, 1, 0, 1],
            ("no", "yes"),
            np.column_stack([1 - sure, sure]),
            sources=["a"] * 6,
        ),
        resamples=50,
    )
    rule = found.baselines["source_majority"]
    shown, gain = found.metrics["macro_auroc"].estimate, rule.gain["macro_auroc"].estimate
    assert shown is not None
    assert gain == pytest.approx(shown - 0.5)
