"""Labels shuffled: chance, and what the source alone can earn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hilum.audit.checks.shuffled import Dealer, beyond_the_source, shuffled_labels

Make = Callable[..., Any]


def test_films_of_a_patient_keep_one_label_when_labels_are_dealt() -> None:
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(30), rng.integers(1, 4, 30))
    labels = (patients % 2).astype(np.int64)
    dealt = Dealer(labels, patients).deal(rng)
    for patient in range(30):
        assert np.unique(dealt[patients == patient]).size == 1
    assert (dealt != labels).any()


def test_labels_dealt_within_strata_stay_there() -> None:
    rng = np.random.default_rng(0)
    strata = np.repeat(["a", "b"], 20)
    labels = np.r_[np.ones(20), np.zeros(20)].astype(np.int64)
    dealt = Dealer(labels, np.arange(40), strata).deal(rng)
    np.testing.assert_array_equal(dealt, labels)


@pytest.mark.parametrize("seed", range(3))
def test_heads_of_shuffled_labels_are_at_chance(make: Make, seed: int) -> None:
    found = shuffled_labels(make(seed=seed))
    assert found.verdict == "pass"
    null = found.numbers["AUROC with shuffled labels"]
    assert null.low is not None
    assert null.high is not None
    assert null.low <= 0.5 <= null.high
    assert len(found.tables[0].rows) == 50


@pytest.mark.parametrize("seed", range(4))
def test_a_rare_class_alone_fails_nothing(make: Make, seed: int) -> None:
    """Labels dealt anew are then no longer as often opposites of the true ones as copies."""

    def rare(films: Any) -> dict[str, Any]:
        ill = films.labels == 1
        gone = ill & (np.random.default_rng(3).random(ill.size) < 0.7)
        return {"split": np.where(gone, "left out", films.splits)}

    subject = make(seed=seed, n=200, sees=4.0, columns=rare)
    assert 0.1 < np.mean(subject.tested.frame["label"].to_numpy() == "covid") < 0.35
    assert shuffled_labels(subject).verdict == "pass"


def test_a_model_that_knows_more_than_its_features_is_not_vouched_for(make: Make) -> None:
    """The answers know the label, the features do not: refitting cannot say anything of it."""
    subject = make(sees=0.0, answer=lambda films, _: 5.0 * np.eye(2)[films.labels])
    found = shuffled_labels(subject)
    assert found.verdict == "warn"


def test_shuffled_heads_need_features_and_films_that_taught(make: Make) -> None:
    assert shuffled_labels(make(features=False)).verdict == "not run"
    subject = make()
    subject.manifest = subject.manifest.select(split="test")
    assert shuffled_labels(subject).verdict == "not run"


@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_sees_the_disease_knows_more_than_the_source(make: Make, seed: int) -> None:
    found = beyond_the_source(make(confounded=0.5, sees=2.0, seed=seed))
    assert found.verdict == "pass"


@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_only_reads_the_source_is_found(make: Make, seed: int) -> None:
    subject = make(confounded=0.7, sees=0.0, knows=2.0, seed=seed)
    found = beyond_the_source(subject)
    assert found.verdict == "fail"
    score, earned = (
        found.numbers[name]
        for name in ("AUROC of the model", "AUROC with labels dealt within each source")
    )
    assert score.estimate == pytest.approx(earned.estimate, abs=0.08)
    assert score.estimate is not None
    assert score.estimate > 0.75


def test_where_source_is_label_nothing_can_be_shown(make: Make) -> None:
    found = beyond_the_source(make(confounded=1.0, sees=2.0))
    assert found.verdict == "fail"
    assert found.tables[0].rows[0][-1] == 1.0


def test_a_model_at_chance_warns(make: Make) -> None:
    found = beyond_the_source(
        make(sees=0.0, answer=lambda films, logits: logits * 0 + _noise(logits))
    )
    assert found.verdict == "warn"
    assert "not shown to be above chance" in found.summary


def _noise(like: Any) -> Any:
    return np.random.default_rng(5).normal(size=like.shape)


def test_p_values_of_a_model_of_source_alone_are_even(make: Make) -> None:
    """Under its null hypothesis the test calls about one model in twenty wrongly."""
    called = sum(
        beyond_the_source(make(n=40, confounded=0.6, sees=0.0, knows=2.0, seed=seed)).verdict
        == "pass"
        for seed in range(30)
    )
    assert called <= 5
