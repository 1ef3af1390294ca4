"""Planted flaws: there when asked for, not there when not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hilum.data.phantom import Film, Plan, flaws
from hilum.data.phantom.cohort import draw_film
from hilum.data.phantom.flaws import plant
from hilum.data.phantom.plan import plan_cohort
from hilum.errors import ConfigError

CLASSES = ("normal", "consolidation", "ground_glass")
HOMES = ("hospital-a", "hospital-b", "hospital-c")


@pytest.fixture
def plan() -> Plan:
    return plan_cohort(
        patients=90, seed=2, classes=CLASSES, hospitals=HOMES, images_per_patient=(1, 2)
    )


def split_subjects(plan: Plan) -> dict[str, set[tuple[int, ...]]]:
    found: dict[str, set[tuple[int, ...]]] = {}
    for film in plan.films:
        found.setdefault(film.split, set()).add(film.subject)
    return found


def test_a_plan_without_flaws_stays_as_it_is(plan: Plan) -> None:
    assert plant(plan, (), 0) == plan
    assert not any(film.token or film.frame or film.regrade for film in plan.films)


@pytest.mark.parametrize("name", list(flaws))
def test_every_flaw_changes_the_plan_the_same_way_each_time(plan: Plan, name: str) -> None:
    flawed = plant(plan, [name], 0)
    assert flawed != plan
    assert flawed == plant(plan, [name], 0)


@pytest.mark.parametrize("name", list(flaws))
def test_no_flaw_puts_a_patient_id_into_two_splits(plan: Plan, name: str) -> None:
    films = plant(plan, [name], 0).films
    pairs = {(film.patient_id, film.split) for film in films}
    assert len(pairs) == len({film.patient_id for film in films})
    assert len({film.name for film in films}) == len(films)


def test_the_marker_is_on_every_film_of_one_class_and_on_no_other(plan: Plan) -> None:
    marked = Counter(film.label for film in plant(plan, ["marker"], 0).films if film.token)
    assert marked == {"consolidation": sum(film.label == "consolidation" for film in plan.films)}


def test_a_weaker_marker_is_on_fewer_films(plan: Plan) -> None:
    films = plant(plan, {"marker": 0.5}, 0).films
    share = np.mean([film.token is not None for film in films if film.label == "consolidation"])
    assert 0.3 < share < 0.7


def test_the_border_is_on_one_class_only(plan: Plan) -> None:
    framed = {film.label for film in plant(plan, ["border"], 0).films if film.frame}
    assert framed == {"consolidation"}


def test_confounding_lets_the_label_decide_the_hospital(plan: Plan) -> None:
    films = plant(plan, {"confounded": 1.0}, 0).films
    assert {(film.label, film.hospital) for film in films} == set(zip(CLASSES, HOMES, strict=True))


def test_weaker_confounding_leaves_some_hospitals_as_they_were(plan: Plan) -> None:
    films = plant(plan, {"confounded": 0.5}, 0).films
    own = dict(zip(CLASSES, HOMES, strict=True))
    share = np.mean([film.hospital == own[film.label] for film in films])
    assert 0.5 < share < 0.85


def test_confounding_needs_two_hospitals(plan: Plan) -> None:
    one = replace(plan, hospitals=("hospital-a",))
    with pytest.raises(ConfigError, match="'confounded' needs at least 2 hospitals, got 1"):
        plant(one, ["confounded"], 0)


def test_subjects_never_cross_splits_unless_leaked(plan: Plan) -> None:
    clean, leaked = split_subjects(plan), split_subjects(plant(plan, {"leak": 0.5}, 0))
    assert not clean["train"] & clean["test"]
    assert len(leaked["train"] & leaked["test"]) == round(0.5 * len(clean["test"]))


def test_a_leak_holds_exact_copies_near_copies_and_other_films(plan: Plan) -> None:
    films = plant(plan, ["leak"], 0).films
    copies = films[len(plan.films) :]
    seeds = {film.exposure for film in plan.films}
    kinds = Counter((film.exposure in seeds, film.regrade > 0) for film in copies)
    assert set(kinds) == {(True, False), (True, True), (False, False)}
    assert max(kinds.values()) - min(kinds.values()) <= 1


def test_a_leaked_copy_of_a_marked_film_is_marked_too(plan: Plan) -> None:
    films = plant(plan, ["leak", "marker"], 0).films
    assert all(film.token for film in films if film.label == "consolidation")


def test_an_exact_copy_has_the_same_pixels_and_a_near_one_almost(plan: Plan) -> None:
    film = plan.films[0]
    first = draw_film(film, 64).pixels.astype(int)
    copy = draw_film(replace(film, patient_id="phantom-0999"), 64).pixels
    near = draw_film(replace(film, regrade=0.03), 64).pixels
    assert np.array_equal(first, copy)
    assert 0 < np.abs(near - first).mean() < 10


def changed(plan: Plan, **options: object) -> np.ndarray:
    film: Film = plan.films[0]
    return draw_film(replace(film, **options), 96).pixels != draw_film(film, 96).pixels  # type: ignore[arg-type]


def test_the_token_is_small_and_in_a_corner(plan: Plan) -> None:
    rows, columns = np.nonzero(changed(plan, token="ER"))
    assert 0 < rows.size < 0.02 * 96 * 96
    assert rows.min() > 0.8 * 96
    assert columns.min() > 0.8 * 96


def test_the_frame_lies_on_the_edges_only(plan: Plan) -> None:
    framed = changed(plan, frame="white")
    assert framed[0].mean() > 0.9
    assert not framed[10:-10, 10:-10].any()


def test_several_unknown_flaws_are_all_named(plan: Plan) -> None:
    with pytest.raises(ConfigError, match=r"(?s)'leek'.*Did you mean 'leak'.*'bordr'"):
        plant(plan, ["leek", "bordr"], 0)
