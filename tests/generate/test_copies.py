"""Planted copies are found, also blurred or few; fresh films, also blurred, are left in peace."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage, stats

from hilum.generate.copies import CopyReport, find_copies, mann_whitney, nearest

Array = NDArray[np.float64]


def films(count: int, seed: int) -> Array:
    """Smooth random fields of 144 pixels: neither nearly equal nor all equally far."""
    noise = np.random.default_rng(seed).normal(size=(count, 12, 12))
    return np.asarray(ndimage.gaussian_filter(noise, (0, 2, 2)))


TRAINING, HELD = films(400, 1), films(150, 2)


def look(samples: Array) -> CopyReport:
    return find_copies(samples, HELD, TRAINING, what="pixels")


@pytest.mark.parametrize("seed", range(5))
def test_fresh_films_raise_no_alarm(seed: int) -> None:
    report = look(films(200, 100 + seed))
    assert not report.copied
    assert abs(report.z_distance) < 4


@pytest.mark.parametrize("seed", range(5))
def test_fresh_films_drawn_towards_the_average_raise_no_alarm(seed: int) -> None:
    average = TRAINING.mean(0)
    report = look(average + 0.3 * (films(200, 200 + seed) - average))
    assert not report.copied


@pytest.mark.parametrize("seed", range(5))
def test_fresh_films_blurred_as_much_as_those_held_out_raise_no_alarm(seed: int) -> None:
    fresh, held = (ndimage.gaussian_filter(f, (0, 1, 1)) for f in (films(200, 300 + seed), HELD))
    assert not find_copies(fresh, held, TRAINING, what="pixels").copied


def test_copies_drawn_towards_the_average_are_found() -> None:
    average = TRAINING.mean(0)
    report = look(average + 0.3 * (TRAINING[:50] - average))
    assert report.copied
    assert len(report.suspects) == 50


def test_copies_with_a_little_noise_are_found() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (100, 12, 12))
    report = look(TRAINING[:100] + noise)
    assert report.copied
    assert len(report.suspects) > 90
    assert report.nearest_training == report.suspects  # sample i was made of training film i
    assert report.z_ratio < -10


def test_a_few_copies_among_fresh_films_are_found() -> None:
    samples = films(100, 7)
    samples[40:50] = TRAINING[5:15]
    report = look(samples)
    assert report.copied
    assert set(report.suspects) >= set(range(40, 50))
    assert report.p_suspects < 0.01


def test_exact_copies_have_distance_nought() -> None:
    report = look(TRAINING[:30])
    assert report.distance["samples"]["1"] == pytest.approx(0, abs=1e-12)
    assert report.ratio["samples"]["1"] == pytest.approx(0, abs=1e-12)


def test_chance_of_suspects_is_right_for_fresh_films() -> None:
    alarms = [look(films(60, 1000 + seed)).copied for seed in range(60)]
    assert sum(alarms) <= 3


def test_the_nearest_film_is_that_of_a_plain_search() -> None:
    samples = films(20, 8)
    all_pairs = np.sqrt(((samples[:, None] - TRAINING[None]) ** 2).sum((2, 3)))
    found = nearest(samples, TRAINING)
    assert np.array_equal(found.index, all_pairs.argmin(1))
    assert found.distance == pytest.approx(np.sort(all_pairs, 1)[:, 0])
    assert found.ratio == pytest.approx(np.sort(all_pairs, 1)[:, 0] / np.sort(all_pairs, 1)[:, 1])


def test_grey_levels_are_measured_in_shares_of_black_to_white() -> None:
    known = np.stack([np.zeros((3, 3), np.uint8), np.full((3, 3), 200, np.uint8)])
    found = nearest(np.full((1, 3, 3), 51, np.uint8), known)
    assert found.distance == pytest.approx([3 * 0.2])
    assert found.index.tolist() == [0]


def test_the_rank_test_agrees_with_scipys_also_under_ties() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 12, 40).astype(float), rng.integers(1, 14, 70).astype(float)
    reference = stats.mannwhitneyu(one, other, alternative="less", use_continuity=False)
    z = mann_whitney(one, other)
    assert stats.norm.cdf(z) == pytest.approx(reference.pvalue, rel=1e-9)
    assert mann_whitney(np.ones(5), np.ones(6)) == 0


def test_the_chance_of_suspects_agrees_with_scipys_beta_binomial() -> None:
    from hilum.generate.copies import _at_least

    for count in (0, 1, 3, 10):
        expected = stats.betabinom.sf(count - 1, 200, 2, 149)
        assert _at_least(count, 200, 2, 150) == pytest.approx(expected, abs=1e-10)


def test_too_few_held_out_films_are_refused() -> None:
    with pytest.raises(ValueError, match="20 held-out films .*got 30, 19 and 400"):
        find_copies(films(30, 1), films(19, 2), TRAINING, what="pixels")


def test_films_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="films of one shape, got 144, 144 and 100 numbers"):
        find_copies(HELD, HELD, TRAINING[:, :10, :10], what="pixels")


def test_the_record_is_plain() -> None:
    import json

    values = json.loads(json.dumps(look(films(10, 3)).to_dict(), allow_nan=False))
    assert values["n_training"] == 400
    assert values["copied"] is False
