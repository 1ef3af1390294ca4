"""Distance in a network's own features, and what the screener does with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.errors import BundleError
from hilum.screening.bundle import Bundle
from hilum.screening.gate.distance import FeatureStatistics, fit_statistics
from hilum.screening.screener import Screener

Array = NDArray[np.float64]


def cloud(count: int, seed: int, c: int = 24) -> Array:
    """Return features that vary along few directions, as those of a network do; never negative."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(0).random((4, c))
    return np.asarray(rng.random((count, 4)) @ directions + 0.2 * rng.random((count, c)))


def by_hand(features: Array, train: Array, k: int) -> Array:
    """Return the distances by the whole covariance, as the module's docstring defines them."""

    def roots(values: Array) -> Array:
        found = np.sqrt(values)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))

    x = roots(train)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    values, vectors = values[::-1], vectors[:, ::-1]
    rest = values[k:].mean()
    z = (roots(features) - x.mean(0)) @ vectors
    along, beyond = (z[:, :k] ** 2 / values[:k]).sum(1), (z[:, k:] ** 2).sum(1) / rest
    return np.asarray(np.sqrt(along + beyond))


def test_distances_are_those_of_the_formula() -> None:
    train, held_out = cloud(400, 1), cloud(60, 2)
    found = fit_statistics(train, held_out)
    wanted = by_hand(held_out, train, len(found.components))
    assert np.allclose(found.distances(held_out), wanted, rtol=0.02)


def test_the_limit_is_the_distance_that_the_next_film_stays_below_as_often_as_asked() -> None:
    train, held_out = cloud(400, 1), cloud(199, 2)
    found = fit_statistics(train, held_out, accepted=0.9)
    distances = np.sort(found.distances(held_out))
    assert found.limit == distances[180 - 1]  # ceil(200 * 0.9) = 180
    fresh = [float((found.distances(cloud(100, seed)) <= found.limit).mean()) for seed in range(9)]
    assert 0.84 < np.mean(fresh) < 0.96


def test_strangers_are_far() -> None:
    found = fit_statistics(cloud(400, 1), cloud(99, 2))
    strangers = np.random.default_rng(5).random((50, 24))
    assert (found.distances(strangers) > found.limit).all()


def test_how_loud_the_features_are_makes_no_difference() -> None:
    found = fit_statistics(cloud(400, 1), cloud(99, 2))
    some = cloud(5, 3)
    assert np.allclose(found.distances(some), found.distances(7 * some), rtol=1e-3)


def test_what_is_not_a_number_is_infinitely_far() -> None:
    found = fit_statistics(cloud(400, 1), cloud(99, 2))
    broken = cloud(3, 3)
    broken[1, 4] = np.nan
    with np.errstate(invalid="ignore"):
        distances = found.distances(broken)
    assert np.isinf(distances).tolist() == [False, True, False]


def test_statistics_survive_the_record_to_the_last_digit() -> None:
    found = fit_statistics(cloud(400, 1), cloud(99, 2), about={"from": "a manifest"})
    back = FeatureStatistics.from_gate({"features": found.to_dict()})
    assert back is not None
    assert np.array_equal(back.distances(cloud(9, 3)), found.distances(cloud(9, 3)))
    assert (back.limit, dict(back.about)) == (found.limit, dict(found.about))
    assert back.about["from"] == "a manifest"


@pytest.mark.parametrize("c", [512, 1024, 2048])
def test_the_record_stays_small(c: int) -> None:
    rng = np.random.default_rng(0)
    found = fit_statistics(rng.random((300, c)), rng.random((40, c)))
    size = sum(len(value) for value in found.to_dict().values() if isinstance(value, str))
    assert size < 310_000


def test_a_bundle_without_statistics_has_none() -> None:
    assert FeatureStatistics.from_gate({}) is None


SOUND = fit_statistics(cloud(400, 1), cloud(99, 2)).to_dict()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "magic"}, "must be statistics of kind"),
        ({"directions": "not base64!"}, "gate.features cannot be used"),
        ({"features": 25}, "cannot reshape"),
        ({"limit": None}, "gate.features cannot be used"),
        ({"limit": -1}, "must have a limit and variances above 0"),
    ],
)
def test_statistics_that_cannot_be_used_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        FeatureStatistics.from_gate({"features": {**SOUND, **changes}})


@pytest.mark.parametrize(
    ("train", "held_out", "accepted"), [(5, 99, 0.99), (99, 5, 0.99), (99, 99, 1.0)]
)
def test_too_few_films_or_an_impossible_share_are_refused(
    train: int, held_out: int, accepted: float
) -> None:
    with pytest.raises(ValueError, match="at least 20 films on either side"):
        fit_statistics(cloud(train, 1), cloud(held_out, 2), accepted=accepted)


def test_features_that_are_no_numbers_are_not_fitted() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        fit_statistics(np.full((30, 4), np.nan), cloud(30, 1, 4))


class _Told:
    """An engine whose features are given."""

    def __init__(self, screener: Screener, features: Array) -> None:
        self._real, self._features = screener._engine, features

    def run_with_features(self, images: NDArray[np.float32]) -> tuple[Any, Any, Array]:
        return *self._real.run(images), self._features


def screener_of(
    bundle: Bundle, features: Array, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> Screener:
    record = replace(bundle.record, gate={"layout": False, "features": SOUND})
    screener = Screener(replace(bundle, record=record), **options)
    monkeypatch.setattr(Screener, "_engine", _Told(screener, features))
    return screener


def test_a_film_like_those_trained_on_is_answered_with_its_distance(
    bundle: Bundle, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = screener_of(bundle, cloud(1, 7), monkeypatch).screen(film)
    assert answer.probabilities is not None
    assert answer.accepted
    assert 0 < answer.gate["distance"] <= answer.gate["limit"] == round(SOUND["limit"], 3)


def test_a_film_unlike_those_trained_on_gets_no_probabilities(
    bundle: Bundle, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = np.random.default_rng(5).random((1, 24))
    answer = screener_of(bundle, stranger, monkeypatch).screen(film)
    assert not answer.accepted
    assert (answer.probabilities, answer.decision, answer.cams) == (None, None, None)
    assert "unlike those that this model was trained on: distance" in answer.reasons[0]
    assert answer.to_dict()["gate"]["distance"] > answer.gate["limit"]


def test_a_refusal_for_distance_can_be_forced(
    bundle: Bundle, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = np.random.default_rng(5).random((1, 24))
    answer = screener_of(bundle, stranger, monkeypatch, force=True).screen(film)
    assert not answer.accepted
    assert answer.reasons
    assert answer.probabilities is not None


def test_a_network_without_features_is_not_judged_by_distance(
    make_bundle: Callable[..., Bundle], film: bytes
) -> None:
    bundle = make_bundle(gate={"layout": False, "features": SOUND})
    answer = Screener(bundle).screen(film)
    assert answer.accepted
    assert "distance" not in answer.gate


def test_statistics_of_a_real_bundle_are_part_of_its_id(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    plain, judged = make_bundle(), make_bundle(gate={"layout": False, "features": SOUND})
    assert plain.id != judged.id
