"""What a row says of two figures."""

from __future__ import annotations

import pytest

from hilum.benchmark.row import compared, limited


@pytest.mark.parametrize(("ratio", "met"), [(1.5, True), (1.49, False)])
def test_a_ratio_must_reach_its_target(ratio: float, met: bool) -> None:
    row = compared("a", 2.0, "b", 3.0, ratio, unit="ms", target=1.5)
    assert row.met is met
    assert row.wanted == "at least 1.5 times"


@pytest.mark.parametrize(("ratio", "met"), [(1.05, True), (1.06, False)])
def test_a_cost_must_stay_below_its_target(ratio: float, met: bool) -> None:
    row = compared("a", 2.0, "b", 3.0, ratio, unit="ms", target=1.05, at_most=True)
    assert row.met is met
    assert row.wanted == "at most 1.05 times"


def test_a_second_demand_is_told_and_can_fail_a_row() -> None:
    row = compared("a", 1.0, "b", 20.0, 20.0, unit="s", target=10, also="under 0.7 s",
                   also_met=False)  # fmt: skip
    assert row.wanted == "at least 10 times, under 0.7 s"
    assert row.met is False


def test_where_nothing_is_wanted_nothing_is_met() -> None:
    assert compared("a", 1.0, "b", 2.0, 2.0, unit="s").met is None
    assert limited("a", 1.0, unit="s").met is None


@pytest.mark.parametrize(("ours", "met"), [(0.69, True), (0.7, False)])
def test_a_figure_must_stay_below_its_limit(ours: float, met: bool) -> None:
    row = limited("a", ours, unit="s", limit=0.7)
    assert row.met is met
    assert row.wanted == "under 0.7 s"
