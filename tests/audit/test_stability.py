"""Small changes and films' quality, before networks that mind and networks that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from tests.audit.conftest import READS_DETAIL, READS_EVERYTHING, READS_LUNGS

from hilum.audit.changes.measures import MEASURES
from hilum.audit.checks import regions, stability
from hilum.audit.checks.quality import quality_statistics
from hilum.audit.film_quality import film_quality, holm, tellings
from hilum.audit.record import Lines, Outcome
from hilum.audit.subject import Subject

Audited = Callable[..., Subject]
Pixels = NDArray[np.uint8]


def blurred(pixels: Pixels, ill: bool, rng: np.random.Generator) -> Pixels:
    """Blur the films of most of those who are ill."""
    if not ill or rng.random() < 0.1:
        return pixels
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(1)))


def darker(pixels: Pixels, ill: bool, rng: np.random.Generator) -> Pixels:
    """Darken all of the films of most of those who are ill, but their lungs' difference."""
    if not ill or rng.random() < 0.1:
        return pixels
    return np.asarray(np.clip(pixels.astype(int) - 45, 0, 255).astype(np.uint8))


def framed(pixels: Pixels, ill: bool, rng: np.random.Generator) -> Pixels:
    """Lay a white frame round the films of all who are ill."""
    del rng
    spoilt = pixels.copy()
    if ill:
        spoilt[:4] = spoilt[-4:] = spoilt[:, :4] = spoilt[:, -4:] = 255
    return spoilt


ALL = (
    stability.shift,
    stability.jpeg,
    stability.grey_scale,
    stability.resolution,
    stability.blur,
)


def test_a_network_that_reads_large_parts_of_films_bears_small_changes(audited: Audited) -> None:
    subject = audited(READS_LUNGS)
    for check in (stability.shift, stability.jpeg, stability.resolution, stability.blur):
        assert check(subject).verdict == "pass"


def test_a_network_that_reads_brightness_does_not_bear_other_greys(audited: Audited) -> None:
    found = stability.grey_scale(audited(READS_EVERYTHING))
    assert found.verdict == "fail"
    calls = next(iter(found.numbers.values()))
    assert calls.low is not None
    assert calls.low > 0.25


def test_blur_is_found_out_where_one_class_was_blurred_to_begin_with(audited: Audited) -> None:
    found = stability.blur(audited(READS_DETAIL, blurred, lesion=0))
    assert found.verdict == "fail"
    assert any("move to ill" in note and "less sharpness" in note for note in found.notes)


@pytest.mark.parametrize("check", ALL)
def test_every_check_tells_numbers_with_limits_and_shows_films(
    check: Callable[[Subject], Outcome], audited: Audited
) -> None:
    found = check(audited(READS_LUNGS))
    assert found.numbers
    assert all(value.n == 80 for value in found.numbers.values())
    assert all(value.low is not None for name, value in found.numbers.items() if "calls" in name)
    assert found.pictures
    assert found.tables[0].rows


def test_curves_run_over_the_strength_of_a_change(audited: Audited) -> None:
    charts = stability.jpeg(audited(READS_LUNGS)).charts
    assert all(isinstance(chart, Lines) for chart in charts)
    first = charts[0].to_dict()["curves"][0]["points"]
    assert [point["x"] for point in first] == [90, 50, 20]


def test_quality_tells_nothing_of_films_that_differ_in_their_lungs_alone(audited: Audited) -> None:
    found = quality_statistics(audited(READS_LUNGS))
    assert found.verdict == "pass"
    assert any("outside the lungs" in note for note in found.notes)


@pytest.mark.parametrize(
    ("spoil", "measure", "verdict"),
    [
        (blurred, "sharpness", "fail"),
        (darker, "mean grey", "warn"),
        (framed, "grey of the edge", "fail"),
    ],
)
def test_quality_that_goes_with_a_class_is_found(
    spoil: Callable[..., Pixels], measure: str, verdict: str, audited: Audited
) -> None:
    found = quality_statistics(audited(READS_LUNGS, spoil))
    assert found.verdict == verdict
    rows = {row[0]: row for row in found.tables[0].rows}
    assert float(str(rows[measure][5])) < 0.05
    assert rows[measure][-1] == 120


def test_without_masks_grey_is_measured_on_whole_films(audited: Audited) -> None:
    found = quality_statistics(audited(READS_LUNGS, masks=0.0))
    assert any("whole films" in note for note in found.notes)
    rows = {row[0]: row for row in found.tables[0].rows}
    assert rows["mean grey"][2] == "more"
    assert found.verdict == "fail"  # brighter lungs make whole films brighter: said in the note


def test_films_are_measured_once(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = audited(READS_LUNGS)
    first = film_quality(subject)

    def refuse(*_: object) -> None:
        raise RuntimeError("measured again")

    monkeypatch.setattr("hilum.audit.film_quality.measured", refuse)
    np.testing.assert_array_equal(film_quality(subject).values, first.values)
    assert first.values.shape == (120, len(MEASURES))


def test_p_values_fall_with_the_distance_from_what_is_allowed(audited: Audited) -> None:
    found = tellings(film_quality(audited(READS_LUNGS, darker)), ("well", "ill"))
    grey = next(one for one in found if one.measure == "mean grey")
    assert grey.label == "ill"
    assert not grey.more
    assert grey.p_value(0.5) <= grey.p_value(0.65) <= grey.p_value(0.8) < 0.05
    assert grey.p_value(0.9999) == 1.0


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    assert holm([0.04, 0.01, 0.03]) == [0.06, 0.03, 0.06]
    assert holm([0.9, 0.9]) == [1.0, 1.0]


def test_films_that_taught_are_not_needed(audited: Audited) -> None:
    subject = audited(READS_LUNGS, taught=0)
    assert quality_statistics(subject).verdict == "pass"
    found = regions.border_only(subject)
    assert found.verdict == "pass"
    assert any("No rule could be taught" in note for note in found.notes)


def test_films_of_one_class_are_refused_not_judged(audited: Audited) -> None:
    subject = audited(READS_LUNGS, tested=1, taught=0)
    assert quality_statistics(subject).verdict == "not run"
    assert regions.border_only(subject).verdict == "not run"
    assert regions.top_strip(subject).verdict == "not run"


def test_resamples_are_not_needed_for_shares(audited: Audited) -> None:
    subject = audited(READS_LUNGS)
    subject.settings = replace(subject.settings, resamples=0)
    found = stability.jpeg(subject)
    assert found.verdict == "pass"
    assert next(iter(found.numbers.values())).low is not None
