"""Printed numbers beside those of the lists."""

from __future__ import annotations

import pytest

from hilum.data.sources.published import compare_counts, published_counts

FULL = {
    ("train", "negative"): 13794,
    ("train", "positive"): 2158,
    ("test", "negative"): 200,
    ("test", "positive"): 200,
}


def test_what_paper_2_says_of_8b_is_explained() -> None:
    lines = compare_counts("covidx", "8B", FULL, rows=16352)
    assert (
        "published: paper 2 (Bari, five networks), table I, says 15,951 train, 13,793 train "
        "negative; the lists hold 15,952 and 13,794 (one negative, 242a639e.jpg of patient 436, "
        "was withdrawn after the lists were made)"
    ) in lines
    same = [line for line in lines if line.endswith("the same here")]
    assert [line.split(" says ")[0] for line in same] == [
        "published: COVID-Net, in the lists as released,",
        "published: paper 2 (Bari, five networks), table I,",
    ]


def test_what_paper_1_says_of_2_is_explained() -> None:
    counts = {
        ("train", "covid"): 152,
        ("train", "normal"): 7966,
        ("train", "pneumonia"): 5451,
        ("test", "covid"): 31,
        ("test", "normal"): 100,
        ("test", "pneumonia"): 100,
    }
    lines = compare_counts("covidx", "2", counts, rows=13800)
    assert any(
        "says 358 covid, 5,538 pneumonia; the lists hold 183 and 5,551" in line for line in lines
    )
    assert any("section 3, says 8,066 normal; the same here" in line for line in lines)


def test_a_list_that_was_cut_short_differs_from_the_release() -> None:
    lines = compare_counts("covidx", "8B", FULL | {("train", "positive"): 2000}, rows=16194)
    assert any("released, says 2,158 train positive; the lists hold 2,000" in line
               for line in lines)  # fmt: skip


def test_numbers_of_a_split_that_is_not_there_are_passed_over() -> None:
    test = {part: count for part, count in FULL.items() if part[0] == "test"}
    text = "\n".join(compare_counts("covidx", "8B", test, rows=400))
    assert "train" not in text
    assert "images" not in text
    assert "200 test negative" in text


def test_rows_are_compared_with_rows() -> None:
    (line, *_) = compare_counts("figure1", "", {("", "covid"): 35}, rows=55)
    assert "says 55 rows, 35 covid" in line


def test_a_set_without_lists_is_not_said_to_have_some() -> None:
    lines = compare_counts("radiography", "4", {("", "covid"): 3}, rows=3, lists=False)
    assert "; here are 3" in lines[0]


@pytest.mark.parametrize("name", ["no such set", "csv"])
def test_a_set_of_which_nothing_was_printed_has_no_lines(name: str) -> None:
    assert compare_counts(name, "", {("", "covid"): 1}, rows=1) == ()


def test_the_release_of_every_version_adds_up_to_its_lines() -> None:
    lines = {
        ("2", "train"): 13569,
        ("3", "train"): 13670,
        ("4", "train"): 13898,
        ("5", "train"): 13958,
        ("6", "train"): 14311,
        ("7B", "train"): 15464,
        ("8A", "train"): 15599,
        ("8B", "train"): 15952,
        ("9A", "train"): 30130,
        ("9B", "train"): 30482,
        ("severity", "train"): 759,
        ("severity", "test"): 150,
    }
    for (version, split), total in lines.items():
        held = sum(
            count.images
            for count in published_counts()
            if (count.name, count.version, count.split) == ("covidx", version, split)
            and count.said_by.startswith("COVID-Net, in the lists")
            and count.label is not None
        )
        assert held == total, version
