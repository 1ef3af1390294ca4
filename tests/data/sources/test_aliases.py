"""Other names that one file has had."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.data.sources.aliases import aliases


def rule(listed: str, found: str) -> str | None:
    return next((said for name, said in aliases(listed) if name == found.lower()), None)


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("COVID(1).png", "COVID-1.png"),
        ("COVID(1).png", "COVID (1).png"),
        ("COVID(1).png", "COVID-19 (1).png"),
        ("COVID-19(69).png", "COVID(69).png"),
        ("COVID-19(69).png", "COVID-69.png"),
        ("COVID-1.png", "COVID(1).png"),
        ("NORMAL (2).png", "Normal-2.png"),
        ("Viral Pneumonia (3).png", "Viral Pneumonia-3.png"),
        ("COVID-00001.jpg", "COVID-00001.png"),
        ("images/a.jpeg", "a.jpg"),
        ("003d8fa0-6bf1-40ed-b54c-ac657f8495c5.png", "003d8fa0-6bf1-40ed-b54c-ac657f8495c5.dcm"),
    ],
)
def test_names_that_a_file_has_had_are_proposed(listed: str, found: str) -> None:
    assert rule(listed, found) is not None


@pytest.mark.parametrize(
    ("listed", "other"),
    [
        ("COVID(1).png", "COVID-2.png"),
        ("COVID(1).png", "COVID-11.png"),
        ("COVID-19(1).png", "COVID-191.png"),
        ("COVID(1).png", "NORMAL(1).png"),
        ("wong-0002.jpg", "wong-0003.jpg"),
        ("a.png", "b.png"),
    ],
)
def test_names_of_other_files_are_not(listed: str, other: str) -> None:
    assert rule(listed, other) is None


def test_a_name_across_releases_that_count_anew_says_so() -> None:
    assert "compare the films" in (rule("COVID(1).png", "COVID-1.png") or "")
    assert rule("COVID(1).png", "COVID (1).png") == "numbering"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_no_name_is_too_strange_and_none_is_its_own_alias(text: str) -> None:
    proposed = [name for name, _ in aliases(text)]
    assert len(proposed) == len({*proposed})
    assert text.lower() not in proposed
    assert all("/" not in name for name in proposed)
