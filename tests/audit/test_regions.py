"""Lungs, borders and strips taken away, and what networks that look at one thing make of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.audit.conftest import (
    LUNGS,
    READS_CORNER,
    READS_LUNGS,
    SIDE,
    Reader,
    looking_at,
    part,
)

from hilum.audit.checks import regions
from hilum.audit.record import Outcome
from hilum.audit.subject import Subject

Audited = Callable[..., Subject]


def bright_corner(
    pixels: NDArray[np.uint8], ill: bool, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Brighten the lower right corner of those who are ill, and of one in eight others."""
    spoilt = pixels.copy()
    if ill or rng.random() < 0.125:
        spoilt[85:95, 78:95] = 180
    return spoilt


def estimate(outcome: Outcome, name: str) -> float:
    value = outcome.numbers[name].estimate
    assert value is not None
    return value


def test_a_network_that_reads_lungs_knows_nothing_without_them(audited: Audited) -> None:
    found = regions.lungs_blacked_out(audited(READS_LUNGS))
    assert found.verdict == "pass"
    whole = found.numbers["AUROC of the same films as they are"]
    left = found.numbers["AUROC with the lungs and what is near them grey"]
    assert whole.estimate is not None
    assert whole.estimate > 0.95
    assert left.low is not None
    assert left.low <= 0.5
    assert left.n == whole.n == 80


def test_a_network_that_reads_a_corner_keeps_its_score_without_lungs(audited: Audited) -> None:
    found = regions.lungs_blacked_out(audited(READS_CORNER, bright_corner))
    assert found.verdict == "fail"
    assert estimate(found, "share of the score above chance that is left") == pytest.approx(1)


def test_answers_the_wrong_way_round_count_as_telling_the_classes_apart(audited: Audited) -> None:
    border = np.ones((SIDE, SIDE), bool)
    border[12:84, 12:84] = False

    def dark_border(
        pixels: NDArray[np.uint8], ill: bool, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        return np.where(border & (ill or rng.random() < 0.125), 40, pixels).astype(np.uint8)

    weights = 0.8 * looking_at(LUNGS, 0).weights + 0.2 * looking_at(border, 0).weights
    found = regions.border_only(audited(Reader(weights, 96), dark_border))
    left = found.numbers["AUROC with nothing but the outermost 12.5 % of each side"]
    taught = found.numbers["AUROC of a rule taught on such films"]
    assert left.high is not None
    assert left.high < 0.5
    assert taught.low is not None
    assert taught.low > 0.75
    assert found.verdict == "fail"
    assert any("wrong way round" in note for note in found.notes)


def test_nothing_but_the_lungs_is_enough_for_a_network_that_reads_lungs(audited: Audited) -> None:
    found = regions.lungs_only(audited(READS_LUNGS))
    assert found.verdict == "pass"
    assert estimate(found, "difference, paired") == pytest.approx(0, abs=0.02)


def test_nothing_but_the_lungs_is_not_enough_for_a_network_that_reads_a_corner(
    audited: Audited,
) -> None:
    assert regions.lungs_only(audited(READS_CORNER, bright_corner)).verdict == "warn"


def test_the_border_alone_tells_a_network_that_reads_a_corner(audited: Audited) -> None:
    subject = audited(READS_CORNER, bright_corner)
    assert regions.border_only(subject).verdict == "fail"
    assert regions.centre_only(subject).verdict == "fail"
    assert regions.corners_blacked_out(subject).verdict == "fail"
    assert regions.top_strip(subject).verdict == "pass"


def test_a_network_that_reads_lungs_passes_every_check_of_regions(audited: Audited) -> None:
    subject = audited(READS_LUNGS)
    assert regions.border_only(subject).verdict == "pass"
    for check in (regions.centre_only, regions.top_strip, regions.corners_blacked_out):
        assert check(subject).verdict == "pass"


def test_a_network_that_reads_the_top_loses_its_score_with_the_top(audited: Audited) -> None:
    def bright_top(
        pixels: NDArray[np.uint8], ill: bool, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        spoilt = pixels.copy()
        if ill or rng.random() < 0.125:
            spoilt[:8] = 160
        return spoilt

    top = looking_at(part(slice(0, 8), slice(0, SIDE)), 110)
    found = regions.top_strip(audited(top, bright_top))
    assert found.verdict == "fail"
    assert found.charts[0].title == "Without the top"


def test_too_few_known_lungs_are_said_and_counted(audited: Audited) -> None:
    found = regions.lungs_blacked_out(audited(READS_LUNGS, masks=0.3))
    assert found.verdict == "not run"
    assert "known on 30 of 80 films" in found.summary
    assert "no lungs are drawn" in found.summary


def test_a_score_that_may_be_chance_is_not_explained(audited: Audited) -> None:
    blind = looking_at(part(slice(0, 8), slice(0, 8)), 70)
    found = regions.border_only(audited(blind))
    assert found.verdict == "not run"
    assert "may be chance" in found.summary


def test_every_outcome_has_a_chart_a_table_and_a_picture(audited: Audited) -> None:
    found = regions.lungs_blacked_out(audited(READS_LUNGS))
    assert len(found.pictures) == 3
    assert found.pictures[0].pixels.shape == (96, 96 * 2 + 8)
    assert "labelled" in found.pictures[0].caption
    assert found.charts
    assert found.tables[0].rows[0][-1] == 80
