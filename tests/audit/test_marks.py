"""Marks pasted and painted out, before networks that read them and networks that do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from tests.audit.conftest import READS_LUNGS, SIDE, looking_at

from hilum.audit.checks import marks
from hilum.audit.subject import Subject

Audited = Callable[..., Subject]

EDGES = np.ones((SIDE, SIDE), bool)
EDGES[24:72, 24:72] = False
READS_EDGES = looking_at(EDGES, 74, gain=40)
"""Sees the mean grey of the outer quarter: every mark there makes it brighter."""


def letter(pixels: NDArray[np.uint8], ill: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Print a small L at the upper right of most of those who are ill."""
    spoilt = pixels.copy()
    if ill and rng.random() < 0.9:
        spoilt[6:15, 82:84] = spoilt[13:15, 82:88] = 245
    return spoilt


READS_LETTER = looking_at(np.pad(np.ones((9, 6), bool), ((6, 81), (82, 8))), 100)


def test_pasting_marks_moves_a_network_that_reads_the_edges_one_way(audited: Audited) -> None:
    found = marks.marker_pasted(audited(READS_EDGES))
    assert found.verdict in ("warn", "fail")
    drift = next(value for name, value in found.numbers.items() if name.startswith("mean rise"))
    assert drift.low is not None
    assert drift.low > 0.05
    assert "probability of ill" in found.summary


def test_pasting_marks_moves_no_network_that_reads_lungs(audited: Audited) -> None:
    found = marks.marker_pasted(audited(READS_LUNGS))
    assert found.verdict == "pass"
    assert len(found.pictures) == len(found.charts[0].to_dict()["rows"]) == 4


def test_painting_out_the_letter_takes_the_score_of_a_network_that_reads_it(
    audited: Audited,
) -> None:
    found = marks.marker_erased(audited(READS_LETTER, letter))
    assert found.verdict == "fail"
    fall = found.numbers["difference, paired"]
    assert fall.high is not None
    assert fall.high < -0.2


def test_painting_out_the_letter_changes_nothing_for_a_network_that_reads_lungs(
    audited: Audited,
) -> None:
    found = marks.marker_erased(audited(READS_LUNGS, letter))
    assert found.verdict == "pass"
    assert found.numbers["difference, paired"].estimate == 0


def test_the_share_of_films_with_something_to_paint_out_is_told_by_class(audited: Audited) -> None:
    found = marks.marker_erased(audited(READS_LETTER, letter))
    rows = {row[0]: row for row in found.tables[1].rows}
    assert rows["ill"][2] == rows["well"][2] == 40
    shares = {row["label"]: row["estimate"] for row in found.charts[0].to_dict()["rows"]}
    assert shares["ill"] > 0.8
    assert shares["well"] == 0
