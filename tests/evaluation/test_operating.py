"""Thresholds, what they reach, and what an answer is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from hilum.evaluation import Predictions, evaluate
from hilum.evaluation.decisions import abstain_band, decision_curve
from hilum.evaluation.evidence import gather_evidence
from hilum.evaluation.intervals import resample_patients
from hilum.evaluation.operating import Target, choose_threshold, operating_point, worth_at
from hilum.evaluation.prevalence import negative_value, positive_value, predictive_values
from hilum.evaluation.record import Estimate


def cohort(n: int = 300, films: int = 1, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(np.int64)
    p = 1 / (1 + np.exp(-(rng.normal(0, 1, n) + 2 * labels - 1)))
    people = [str(i // films) for i in range(n)]
    names = [f"{i}.png" for i in range(n)]
    return Predictions(names, people, labels, ["well", "ill"], np.column_stack([1 - p, p]))


def reached(predictions: Predictions, threshold: float) -> tuple[float, float]:
    called, ill = predictions.probabilities[:, 1] >= threshold, predictions.labels == 1
    return float(called[ill].mean()), float((~called[~ill]).mean())


@pytest.mark.parametrize("wanted", [0.5, 0.9, 0.95, 0.999])
def test_a_wanted_sensitivity_is_reached_by_the_highest_threshold(wanted: float) -> None:
    made = cohort()
    y, s = made.labels == 1, made.probabilities[:, 1]
    threshold = choose_threshold(y, s, Target("sensitivity", wanted))
    assert reached(made, threshold)[0] >= wanted
    next_score = s[s >= threshold].min()
    assert reached(made, float(np.nextafter(next_score, 2)))[0] < wanted or not y[s == next_score]


def test_a_wanted_specificity_is_reached_by_the_lowest_threshold() -> None:
    made = cohort()
    y, s = made.labels == 1, made.probabilities[:, 1]
    threshold = choose_threshold(y, s, Target("specificity", 0.9))
    assert reached(made, threshold)[1] >= 0.9
    assert reached(made, float(s[s < threshold].max()))[1] < 0.9


def test_youden_is_the_best_of_scikit_learns_curve() -> None:
    made = cohort()
    false, true, _ = roc_curve(made.labels, made.probabilities[:, 1], drop_intermediate=False)
    point = operating_point(made, 1, Target("youden"), resamples=0)
    assert point.sensitivity.estimate is not None
    assert point.specificity.estimate is not None
    best = float((true - false).max())
    assert point.sensitivity.estimate + point.specificity.estimate - 1 == pytest.approx(best)


def test_the_dearer_a_miss_and_the_commoner_the_disease_the_lower_the_threshold() -> None:
    made = cohort()
    y, s = made.labels == 1, made.probabilities[:, 1]
    texts = ("cost=50", "cost=5", "cost=1", "cost=1@0.02")
    values = [choose_threshold(y, s, Target.parse(text)) for text in texts]
    assert values == sorted(values)
    assert values[0] < values[-1]


def test_a_threshold_lies_between_scores_so_that_rounding_moves_no_film() -> None:
    y, s = [False, False, True, True], [0.1, 0.4, 0.6, 0.9]
    assert choose_threshold(y, s, Target("sensitivity", 0.9)) == pytest.approx(0.5)
    assert choose_threshold(y, s, Target("specificity", 0.9)) == pytest.approx(0.5)


def test_patients_left_out_show_less_than_the_films_chosen_on() -> None:
    rows = [operating_point(cohort(80, seed=i), 1, Target("youden")) for i in range(12)]
    shown = [(r.sensitivity.estimate or 0) + (r.specificity.estimate or 0) for r in rows]
    left = [(r.left_out_sensitivity or 0) + (r.left_out_specificity or 0) for r in rows]
    assert np.mean(left) < np.mean(shown) - 0.02
    assert all(r.threshold_low is not None and r.threshold_high is not None for r in rows)


def test_a_given_threshold_is_measured_and_not_chosen() -> None:
    made = cohort()
    point = operating_point(made, 1, 0.3, name="screening", chosen_on="split val")
    assert (point.sensitivity.estimate, point.specificity.estimate) == reached(made, 0.3)
    assert point.left_out_sensitivity is None
    assert (point.name, point.chosen_on) == ("screening", "split val")
    assert point.sensitivity.n == int((made.labels == 1).sum())


def test_films_of_one_patient_widen_the_limits() -> None:
    once, copies = operating_point(cohort(), 1, 0.4), operating_point(cohort(films=10), 1, 0.4)
    assert copies.sensitivity.patients < once.sensitivity.patients
    assert copies.sensitivity.estimate == once.sensitivity.estimate


def test_bayes_by_hand() -> None:
    assert positive_value(0.9, 0.8, 0.05) == pytest.approx(0.045 / (0.045 + 0.19))
    assert negative_value(0.9, 0.8, 0.05) == pytest.approx(0.76 / (0.76 + 0.005))
    assert math.isnan(positive_value(0.0, 1.0, 0.1))


def test_predictive_values_have_limits_around_them() -> None:
    ppv, npv = predictive_values((0.9, 0.8, 0.95), (0.85, 0.8, 0.9), 0.05)
    assert 0 < ppv[1] < ppv[0] < ppv[2] < 1
    assert 0 < npv[1] < npv[0] < npv[2] < 1
    corner = positive_value(0.8, 0.8, 0.05)
    assert corner < ppv[1]  # both at their worst at once is less likely than either


def test_no_false_alarm_at_all_is_no_certainty() -> None:
    ppv, _ = predictive_values((0.9, 0.8, 0.95), (1.0, 0.9, 1.0), 0.01)
    assert ppv == (1.0, pytest.approx(positive_value(0.8, 0.9, 0.01)), 1.0)


def test_net_benefit_by_hand() -> None:
    made = cohort()
    curve = decision_curve(made, 1, thresholds=[0.25])
    called, ill = made.probabilities[:, 1] >= 0.25, made.labels == 1
    expected = (called & ill).mean() - (called & ~ill).mean() / 3
    assert curve.model[0] == pytest.approx(expected)
    assert curve.treat_all[0] == pytest.approx(ill.mean() - (1 - ill.mean()) / 3)
    rare = decision_curve(made, 1, thresholds=[0.25], prevalence=0.01)
    se, sp = reached(made, 0.25)
    assert rare.model[0] == pytest.approx(0.01 * se - 0.99 * (1 - sp) / 3)
    assert (rare.prevalence, rare.from_data) == (0.01, False)


@pytest.mark.parametrize("prevalence", [None, 0.1])
def test_limits_of_net_benefit_are_those_of_resampled_patients(prevalence: float | None) -> None:
    made = cohort(films=3)
    curve = decision_curve(made, 1, thresholds=[0.2, 0.6], prevalence=prevalence)
    who, drawn = made.patient_index(), []
    for counts in resample_patients(100, 3000, np.random.default_rng(0)):
        for w in counts[:, who]:
            y, row = made.labels == 1, []
            for t in (0.2, 0.6):
                called = made.probabilities[:, 1] >= t
                q = w[y].sum() / w.sum() if prevalence is None else prevalence
                hit, false = (np.average(called[side], weights=w[side]) for side in (y, ~y))
                row.append(q * hit - (1 - q) * false * t / (1 - t))
            drawn.append(row)
    half = 1.96 * np.std(drawn, axis=0)
    assert (np.array(curve.high) - np.array(curve.low)) / 2 == pytest.approx(half, rel=0.08)


def test_an_abstain_band_leaves_fewer_errors_and_counts_the_silence() -> None:
    made = cohort()
    band = abstain_band(made, 1, sensitivity=0.95, specificity=0.95)
    s, ill = made.probabilities[:, 1], made.labels == 1
    silent = (s >= band.low) & (s < band.high)
    assert band.abstained.estimate == pytest.approx(silent.mean())
    assert band.missed.estimate is not None
    assert band.missed.estimate <= 0.05
    assert band.false_alarms.estimate is not None
    assert band.false_alarms.estimate <= 0.05
    assert band.error.estimate is not None
    assert band.error_without.estimate is not None
    assert band.error.estimate < band.error_without.estimate
    wrong = ((s < band.low) & ill) | ((s >= band.high) & ~ill)
    assert band.error.estimate == pytest.approx(wrong.sum() / (~silent).sum())


def test_a_perfect_model_needs_no_silence() -> None:
    names = [str(i) for i in range(20)]
    perfect = Predictions(names, names, np.arange(20) % 2, ["a", "b"],
                          np.array([[0.9, 0.1], [0.2, 0.8]])[np.arange(20) % 2])  # fmt: skip
    band = abstain_band(perfect, 1)
    assert band.low == band.high
    assert band.abstained.estimate == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recall=0.9", "Expected sensitivity=0.95"),
        ("sensitivity=95", "must be between 0 and 1, got 95"),
        ("sensitivity", "could not convert"),
        ("cost=-1", "above 0, got -1"),
        ("sensitivity=0.9@0.1", "Only a cost ratio takes a prevalence"),
    ],
)
def test_targets_that_mean_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Target.parse(text)


@pytest.mark.parametrize("text", ["sensitivity=0.95", "youden", "cost=10", "cost=10@0.02"])
def test_targets_are_read_as_they_are_named(text: str) -> None:
    assert Target.parse(text).name == text


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="got 2 of the class and 0 others"):
        choose_threshold([True, True], [0.1, 0.2], Target("youden"))
    with pytest.raises(ValueError, match="pass them through softmax or sigmoid"):
        choose_threshold([True, False], [4.2, 0.2], Target("youden"))
    with pytest.raises(ValueError, match=r"No threshold in \[0, 1\] gives specificity=0.9"):
        choose_threshold([True, False], [0.1, 1.0], Target("specificity", 0.9))
    with pytest.raises(ValueError, match="prevalence must be between 0 and 1, got 5"):
        predictive_values((0.9, 0.8, 1), (0.9, 0.8, 1), 5)


def test_evidence_says_what_the_decisions_made_are_worth() -> None:
    made = cohort()
    evaluation = evaluate(made, resamples=50)
    found = gather_evidence(made, evaluation, prevalences=(0.1,), resamples=50)
    recall, specificity = (evaluation.per_class["ill"][n] for n in ("recall", "specificity"))
    assert recall.estimate is not None
    assert specificity.estimate is not None
    expected = positive_value(recall.estimate, specificity.estimate, 0.1)
    assert found.worth["ill"][0].ppv.estimate == pytest.approx(expected)
    assert list(found.worth) == ["ill"]
    assert [p.name for p in found.points] == ["sensitivity=0.95", "specificity=0.95"]
    assert len(found.curves) == 1


def test_one_class_has_no_threshold_and_one_patient_no_limits() -> None:
    one = Predictions(["a", "b"], ["1", "1"], [1, 1], ["x", "y"], [[0.4, 0.6], [0.2, 0.8]])
    found = gather_evidence(one, evaluate(one, resamples=20), resamples=20)
    assert found.points == ()
    assert found.curves == ()
    ppv = found.worth["y"][0].ppv
    assert (ppv.estimate, ppv.low) == (None, None)
    assert ppv.reason is not None
    assert "every image is of y" in ppv.reason
    assert found.confidence[0].verdict.endswith("no limits, so nothing is shown")


def test_a_patient_on_both_sides_is_counted_once() -> None:
    one = Estimate(estimate=0.8, low=0.7, high=0.9, n=10, patients=8, method="")
    apart = worth_at(one, one, [0.1])[0].ppv
    together = worth_at(one, one, [0.1], patients=9)[0].ppv
    assert (apart.patients, together.patients) == (16, 9)
    same = ("estimate", "low", "high")
    assert [getattr(apart, name) for name in same] == [getattr(together, name) for name in same]
