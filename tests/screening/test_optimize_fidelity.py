from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.errors import BundleError
from hilum.screening.bundle import Bundle
from hilum.screening.optimize_fidelity import Answers, measure_fidelity
from hilum.screening.optimize_films import Films
from hilum.screening.threshold import Threshold

CLASSES = ("normal", "pneumonia", "covid")
N = 300


@pytest.fixture
def films() -> Films:
    return Films(
        pictures=np.zeros((N, 2, 2), np.uint8),
        images=tuple(f"{i}.png" for i in range(N)),
        patient_ids=tuple(str(i) for i in range(N)),
        sources=("here",) * N,
        labels=np.arange(N) % 3,
        classes=CLASSES,
    )


def answers(films: Films, seed: int = 0) -> Answers:
    """Answers that are right on most films, and never near a border."""
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(N) < 0.8, films.labels, (films.labels + 1) % 3)
    p = np.full((N, 3), 0.1)
    p[np.arange(N), said] = 0.8
    p += rng.uniform(0, 0.02, p.shape)
    cams = rng.uniform(0.1, 1, (N, 3, 4, 4)).astype(np.float32)
    return Answers(p / p.sum(axis=1, keepdims=True), cams)


def mended(found: Answers, films: Films, rows: int) -> Answers:
    """The same, with so many of the films called wrongly called rightly: no area is lost."""
    p = found.probabilities.copy()
    called = p.argmax(axis=1)
    for row in np.flatnonzero(called != films.labels)[:rows]:
        p[row, [called[row], films.labels[row]]] = p[row, [films.labels[row], called[row]]]
    return Answers(p, found.cams)


def test_the_same_answers_pass_with_nothing_changed(films: Films, bundle: Bundle) -> None:
    one = answers(films)
    found = measure_fidelity(films, one, one, bundle.record)
    assert found.passed
    assert found.agreement.estimate == 1
    assert (found.flips, found.largest_change, found.maps_lost) == (0, 0, 0)
    assert found.auroc_difference.estimate == 0
    assert found.map_correlation == pytest.approx(1)
    assert found.maps == 3 * N


def test_one_flip_in_three_hundred_passes_and_two_do_not(films: Films, bundle: Bundle) -> None:
    one = answers(films)
    assert measure_fidelity(films, one, mended(one, films, 1), bundle.record).passed
    found = measure_fidelity(films, one, mended(one, films, 2), bundle.record)
    assert found.flips == 2
    assert found.agreement.estimate == pytest.approx(298 / 300)
    assert "the most probable class is the same on 99.3 %" in found.problems[0]


def test_few_films_are_said_to_be_few(films: Films, bundle: Bundle) -> None:
    one = answers(films)
    (doubt,) = measure_fidelity(films, one, one, bundle.record).doubts
    assert doubt.startswith("300 films cannot show that the engines agree on 99.5% of all")
    assert "About 736 that all agree would." in doubt  # 0.025 ** (1 / 736) is 0.995


def test_lost_area_refuses_though_no_class_changes(films: Films, bundle: Bundle) -> None:
    one = answers(films)
    p = one.probabilities.copy()
    wrong = (films.labels == 0) & (p.argmax(axis=1) == 0)
    p[wrong, 0] = 0.36  # still the most probable, but below every other film called normal
    p[wrong, 1:] = 0.32
    found = measure_fidelity(films, one, Answers(p, one.cams), bundle.record)
    assert found.agreement.estimate == 1
    (problem,) = found.problems
    assert "of the AUROC is lost; at most 0.002 may be" in problem


def test_flips_at_the_bundles_threshold_count_though_classes_agree(
    films: Films, make_bundle: Callable[..., Bundle]
) -> None:
    rule = Threshold(kind="at_least", label="covid", value=0.3)
    bundle = make_bundle(thresholds={"low": rule}, default_threshold="low")
    one = answers(films)
    p = one.probabilities.copy()
    rows = np.flatnonzero(p.argmax(axis=1) == 0)[:5]
    p[rows] = [0.6, 0.05, 0.35]
    found = measure_fidelity(films, one, Answers(p, one.cams), bundle.record)
    assert found.agreement.estimate == 1
    assert found.flips == 5
    assert any("the decision is the same on 98.3 %" in problem for problem in found.problems)


def test_map_correlations_are_pearsons(films: Films, bundle: Bundle) -> None:
    one = answers(films)
    other = answers(films, seed=1).cams
    found = measure_fidelity(films, one, Answers(one.probabilities, other), bundle.record)
    pairs = zip(one.cams.reshape(-1, 16), other.reshape(-1, 16), strict=True)
    expected = [np.corrcoef(a, b)[0, 1] for a, b in pairs]
    assert found.map_correlation == pytest.approx(np.median(expected), abs=1e-6)
    assert found.map_correlation_low == pytest.approx(np.percentile(expected, 5), abs=1e-6)


def test_maps_empty_in_one_engine_alone_are_counted(films: Films, bundle: Bundle) -> None:
    one = answers(films)
    cams = one.cams.copy()
    cams[:7, 1] = 0
    found = measure_fidelity(films, one, Answers(one.probabilities, cams), bundle.record)
    assert found.maps_lost == 7
    assert found.maps == 3 * N - 7


@pytest.mark.parametrize("broken", ["own", "fast"])
def test_answers_that_are_no_numbers_are_refused(films: Films, bundle: Bundle, broken: str) -> None:
    one = answers(films)
    p: NDArray[Any] = one.probabilities.copy()
    p[4] = np.nan
    pair = (Answers(p, one.cams), one) if broken == "own" else (one, Answers(p, one.cams))
    with pytest.raises(BundleError, match=f"{broken} engine gave NaN or infinity"):
        measure_fidelity(films, *pair, bundle.record)
