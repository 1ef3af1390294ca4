"""Groups the model serves worse, and classes that differ in whom they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hilum.audit.checks.class_balance import class_balance
from hilum.audit.checks.subgroups import subgroups

Make = Callable[..., Any]


def people(films: Any) -> dict[str, Any]:
    """Sex, age and view that have nothing to do with the label, the same for all of a patient."""
    rng = np.random.default_rng(7)
    n = int(films.patients.max()) + 1
    return {
        "sex": rng.choice(["F", "M"], n)[films.patients],
        "age": rng.integers(20, 90, n).astype(float)[films.patients],
        "view": rng.choice(["PA", "AP"], n)[films.patients],
    }


def test_a_fair_model_passes_in_nearly_all_cohorts(make: Make) -> None:
    verdicts = [subgroups(make(seed=seed, columns=people)).verdict for seed in range(12)]
    assert verdicts.count("pass") >= 11
    assert "fail" not in verdicts


def test_a_model_that_guesses_for_women_fails(make: Make) -> None:
    def blind_to_women(films: Any, logits: Any) -> Any:
        women = people(films)["sex"] == "F"
        noise = np.random.default_rng(1).normal(0, 2, logits.shape)
        return np.where(women[:, None], noise, logits)

    found = subgroups(make(columns=people, answer=blind_to_women))
    assert found.verdict == "fail"
    assert "By sex" in found.summary
    assert "films of F" in found.summary


def test_a_threshold_that_is_wrong_for_one_view_fails_though_it_ranks_well(make: Make) -> None:
    """AP films get a constant on the logit of disease: the AUROC within AP stays."""

    def shifted(films: Any, logits: Any) -> Any:
        return logits + np.where(people(films)["view"] == "AP", 6.0, 0.0)[:, None] * [0.0, 1.0]

    found = subgroups(make(columns=people, answer=shifted))
    assert found.verdict == "fail"
    assert "By view" in found.summary


def test_every_group_has_sensitivity_and_specificity_with_n(make: Make) -> None:
    table = subgroups(make(columns=people)).tables[0]
    assert table.columns[-2:] == ("specificity", "sensitivity")
    assert {row[0] for row in table.rows} == {"sex", "age", "view", "source"}
    assert all("n = " in str(row[-1]) for row in table.rows)


def test_small_groups_are_left_out(make: Make) -> None:
    def rare(films: Any) -> dict[str, Any]:
        return {"sex": np.where(films.patients % 60 == 0, "F", "M")}

    found = subgroups(make(columns=rare, sources=1))
    assert found.verdict == "not run"


def test_a_group_of_one_class_has_no_score(make: Make) -> None:
    def by_label(films: Any) -> dict[str, Any]:
        return {"view": np.where(films.labels == 1, "AP", "PA")}

    found = subgroups(make(columns=by_label, sources=1))
    assert {row[4] for row in found.tables[0].rows} == {"only one class"}
    assert found.verdict == "pass"


def test_balanced_classes_pass(make: Make) -> None:
    verdicts = [class_balance(make(seed=seed, columns=people)).verdict for seed in range(8)]
    assert verdicts.count("pass") >= 7


@pytest.mark.parametrize("name", ["sex", "view"])
def test_a_class_of_one_kind_of_people_fails(make: Make, name: str) -> None:
    values = {"sex": ("F", "M"), "view": ("PA", "AP")}[name]

    def told(films: Any) -> dict[str, Any]:
        swap = np.random.default_rng(0).random(films.labels.size) < 0.05
        return {**people(films), name: np.where((films.labels == 1) != swap, *values)}

    found = class_balance(make(columns=told))
    assert found.verdict == "fail"
    assert name in found.summary


def test_children_against_adults_are_told_by_age(make: Make) -> None:
    def children(films: Any) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        young, old = rng.integers(1, 12, films.labels.size), rng.integers(30, 90, films.labels.size)
        return {"age": np.where(films.labels == 0, young, old).astype(float)}

    found = class_balance(make(columns=children))
    assert found.verdict == "fail"
    assert "age" in found.summary


def test_what_is_never_known_of_a_class_is_said(make: Make) -> None:
    def partly(films: Any) -> dict[str, Any]:
        age = people(films)["age"]
        return {"age": [None if y == 1 else a for y, a in zip(films.labels, age, strict=True)]}

    found = class_balance(make(classes=3, columns=partly))
    assert "The age of no film of covid is known" in " ".join(found.notes)


def test_without_sex_age_and_view_balance_is_not_judged(make: Make) -> None:
    assert class_balance(make()).verdict == "not run"
