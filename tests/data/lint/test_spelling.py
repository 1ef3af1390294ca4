from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.data.lint.spelling import one_slip_apart, slips


@pytest.mark.parametrize(
    ("a", "b", "near"),
    [
        ("rnsa", "rsna", True),
        ("rsn", "rsna", True),
        ("rsnaa", "rsna", True),
        ("rsma", "rsna", True),
        ("asnr", "rsna", False),
        ("rsna", "rsna", False),
        ("nsra", "rsna", False),
        ("cohen", "rsna", False),
    ],
)
def test_a_slip_is_one_letter_or_two_swapped(a: str, b: str, near: bool) -> None:
    assert one_slip_apart(a, b) is near
    assert one_slip_apart(b, a) is near


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({"rsna": 900, "rnsa": 9}, {"rnsa": "rsna"}),
        ({"RSNA": 4, "rsna": 9, "cohen": 3}, {"RSNA": "rsna"}),
        ({"rsna pneumonia": 40, "rsna-pneumonia": 2}, {"rsna-pneumonia": "rsna pneumonia"}),
        ({"east": 10, "east ": 0, "best": 9}, {"east ": "east"}),
        ({"site1": 900, "site2": 3}, {}),
        ({"a": 900, "b": 3}, {}),
        ({"nih": 900, "nhi": 3}, {}),
        ({"lung": 90, "long": 80}, {}),
    ],
)
def test_only_rare_names_beside_common_ones_are_slips(
    counts: dict[str, int], found: dict[str, str]
) -> None:
    assert slips(counts) == found


def test_a_name_known_by_itself_makes_a_common_one_suspicious() -> None:
    assert slips({"rnsa": 900}, {"rsna"}) == {"rnsa": "rsna"}
    assert slips({"rsna": 3, "rsnas": 900}, {"rsna"}) == {"rsnas": "rsna"}


LETTERS = st.text("abcd", min_size=4, max_size=6)


@given(LETTERS, LETTERS)
def test_the_index_loses_no_pair(a: str, b: str) -> None:
    found = slips({a: 100, b: 1}) if a != b else {}
    assert (found == {b: a}) is one_slip_apart(a, b)


def test_a_hundred_thousand_names_take_no_time() -> None:
    assert slips({f"hospital {i}": 1 for i in range(100_000)}) == {}
