"""Confidence, what was chosen on the audited films, and labels that may be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hilum.audit.checks.calibration import (
    calibration,
    confident_mistakes,
    label_noise,
    selected_on_test,
)
from hilum.evaluation.temperature import fit_temperature, scale_by_temperature
from hilum.screening.threshold import Threshold

Make = Callable[..., Any]

_FITTED = {"temperature": 1.7, "calibrated": True}


def test_a_model_that_says_the_posterior_passes(make: Make) -> None:
    """The formula's logits are those of the posterior of two normals."""
    verdicts = [calibration(make(seed=seed, n=150)).verdict for seed in range(8)]
    assert verdicts.count("pass") >= 7


def test_a_model_that_is_far_too_sure_fails(make: Make) -> None:
    found = calibration(make(sees=0.5, answer=lambda _, logits: 30 * logits, n=200))
    assert found.verdict == "fail"
    assert "verconfident" in found.summary


def test_a_temperature_that_the_record_says_is_of_the_audited_split_fails(make: Make) -> None:
    about = {"split": "test", "manifest_sha256": "0" * 64, "method": "temperature"}
    found = calibration(make(record={**_FITTED, "measured": {"calibration": about}}))
    assert found.verdict == "fail"
    assert "chosen on the split audited" in found.summary


def test_a_temperature_of_the_validation_split_passes(make: Make) -> None:
    about = {"split": "val", "manifest_sha256": "0" * 64, "method": "temperature"}
    found = calibration(make(record={**_FITTED, "measured": {"calibration": about}}))
    assert found.verdict == "pass"


def test_a_threshold_of_the_audited_split_fails(make: Make) -> None:
    rule = Threshold(
        kind="at_least",
        label="covid",
        value=0.4,
        source="chosen on split test of manifest 0123456789ab, 100 films of 90 patients",
    )
    found = calibration(make(record={"thresholds": {"sensitive": rule}}))
    assert found.verdict == "fail"
    assert "threshold sensitive" in found.summary


def test_a_temperature_of_unknown_origin_warns(make: Make) -> None:
    found = calibration(make(record=_FITTED))
    assert found.verdict == "warn"
    assert "Nothing says" in found.summary


def test_a_temperature_fitted_on_the_audited_films_is_found_without_a_record(make: Make) -> None:
    subject = make(record=_FITTED, answer=lambda _, logits: 3 * logits)
    said = subject.predictions()
    best = fit_temperature(said.labels, said.probabilities)
    for path, (p, features) in subject.table.items():
        subject.table[path] = (scale_by_temperature(p[None], best)[0], features)
    found = calibration(subject)
    assert found.verdict == "fail"
    assert "fits these films as exactly" in found.summary


def test_a_temperature_fitted_elsewhere_is_not_taken_for_one_fitted_here(make: Make) -> None:
    """Fitted on the train split of the same formula, as good as on any other films."""
    failed = 0
    for seed in range(30):
        subject = make(record=_FITTED, answer=lambda _, logits: 3 * logits, seed=seed, resamples=50)
        said = subject.predictions(part="taught")
        best = fit_temperature(said.labels, said.probabilities)
        for path, (p, features) in subject.table.items():
            subject.table[path] = (scale_by_temperature(p[None], best)[0], features)
        failed += "fits these films as exactly" in calibration(subject).summary
    assert failed <= 1


@pytest.mark.parametrize(
    ("fitting", "verdict"),
    [
        ({"monitor": "val_loss"}, "pass"),
        ({"monitor": "test_loss"}, "fail"),
        ({"selection_split": "test", "monitor": "val_loss"}, "fail"),
        ({}, "warn"),
    ],
)
def test_weights_chosen_on_the_audited_split_fail(
    make: Make, fitting: dict[str, str], verdict: str
) -> None:
    training = {"manifest_sha256": "x", "recipe": {"training": fitting}}
    found = selected_on_test(make(record={"training": training}))
    assert found.verdict == verdict
    assert "not the one of the training" in " ".join(found.notes)


def test_a_bundle_that_says_nothing_of_its_training_is_not_judged(make: Make) -> None:
    assert selected_on_test(make()).verdict == "not run"


def test_confident_mistakes_by_hand() -> None:
    """Limits: mean of p_0 over class 0 = 0.6, of p_1 over class 1 = 0.55."""
    labels = np.array([0, 0, 0, 1, 1])
    p1 = np.array([0.1, 0.2, 0.9, 0.8, 0.3])
    said = np.stack([1 - p1, p1], axis=1)
    np.testing.assert_array_equal(confident_mistakes(labels, said), [0, 0, 1, 1, 0])


def test_clean_labels_pass_and_wrong_ones_warn(make: Make) -> None:
    clean = [label_noise(make(sees=3.0, seed=seed, n=150)) for seed in range(2)]
    assert [one.verdict for one in clean] == ["pass"] * 2
    for seed in range(2):
        found = label_noise(noisy(make, 0.2, seed))
        assert found.verdict == "warn"
        share = next(iter(found.numbers.values())).estimate
        assert share == pytest.approx(0.2, abs=0.07)


def noisy(make: Make, share: float, seed: int) -> Any:
    """Return a subject of which a share of labels is wrong."""
    subject = make(sees=3.0, seed=seed, n=150)
    frame, rng = subject.manifest.frame, np.random.default_rng(seed)
    wrong = rng.random(frame.height) < share
    labels = frame["label"].to_numpy()
    turned = np.where(labels == "covid", "normal", "covid")
    subject.manifest = replace(
        subject.manifest,
        frame=frame.with_columns(label=np.where(wrong, turned, labels).astype(str)),
    )
    return subject


def test_the_films_that_were_turned_are_the_films_listed(make: Make) -> None:
    subject = noisy(make, 0.15, 0)
    truth = make(sees=3.0, seed=0, n=150).manifest.frame
    true = dict(zip(truth["path"], truth["label"], strict=True))
    listed = label_noise(subject).tables[1].rows
    right = [true[row[0]] != row[1] for row in listed]
    assert np.mean(right) > 0.85


def test_without_features_the_models_own_answers_are_taken(make: Make) -> None:
    found = label_noise(make(sees=3.0, features=False))
    assert "the model itself" in found.summary
