"""What copies mean, judged by what the table says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hilum.data.lint.copies import Copies, Copy
from hilum.data.lint.duplicates import Entry, duplicate_findings
from hilum.data.lint.record import Finding

BASE = Entry(row=2, path="a.png", source="x", patient="1", split="train", label="normal")


def judged(*pairs: Copy, left_out: int = 0, **changes: object) -> dict[str, Finding]:
    """Judge copies among four files that differ as said: `split=("train", "test")` and so on."""
    entries = [replace(BASE, row=2 + place, path=f"{place}.png") for place in range(4)]
    for name, values in changes.items():
        for place, value in enumerate(values):
            entries[place] = replace(entries[place], **{name: value})
    found = duplicate_findings(Copies(pairs, left_out), entries)
    assert len({finding.code for finding in found}) == len(found)
    return {finding.code: finding for finding in found}


SAME = Copy(0, 1, "bytes", 1.0)


def test_no_copies_are_no_finding() -> None:
    assert judged() == {}


def test_a_film_in_two_splits_is_an_error() -> None:
    found = judged(SAME, split=("train", "test"))
    assert [*found] == ["H621"]
    assert found["H621"].severity == "error"
    assert found["H621"].title == (
        "1 film in more than one split (2 images; 1 the same to the pixel, 0 re-encoded, cropped "
        "or turned)"
    )
    assert found["H621"].examples == (
        "0.png (row 2, x, train, normal) and 1.png (row 3, x, test, normal): the same file",
    )
    assert found["H621"].rows == (2, 3)


def test_a_film_with_two_labels_is_an_error() -> None:
    found = judged(Copy(0, 1, "picture", 0.98), label=("normal", "covid"))
    assert [*found] == ["H622"]
    assert found["H622"].severity == "error"
    assert "another size, tone or compression, 0.980 alike" in found["H622"].examples[0]


def test_a_film_under_two_patients_of_one_source_is_a_warning() -> None:
    found = judged(SAME, patient=("1", "2"))
    assert [(code, one.severity) for code, one in found.items()] == [("H623", "warning")]


def test_a_film_in_two_sources_is_a_warning_that_names_them() -> None:
    found = judged(SAME, source=("x", "y"), patient=("1", "1"))
    assert [(code, one.severity) for code, one in found.items()] == [("H624", "warning")]
    assert "(x and y 1)" in found["H624"].title


def test_a_film_twice_with_nothing_different_is_a_note() -> None:
    assert [(code, one.severity) for code, one in judged(SAME).items()] == [("H625", "note")]


def test_two_films_of_one_patient_taken_in_a_row_are_no_fault() -> None:
    assert judged(Copy(0, 1, "picture", 0.965)) == {}


@pytest.mark.parametrize(("kind", "code"), [("mirrored", "H626"), ("negative", "H627")])
def test_turned_copies_are_warned_of(kind: str, code: str) -> None:
    found = judged(Copy(0, 1, kind, 0.99))
    assert found[code].severity == "warning"
    assert found[code].count == 1


def test_a_possible_copy_is_a_note_and_nothing_more() -> None:
    found = judged(Copy(0, 1, "crop", 0.93), split=("train", "test"), patient=("1", "2"))
    assert [(code, one.severity) for code, one in found.items()] == [("H628", "note")]
    assert "perhaps the same picture, cropped, 0.930 alike" in found["H628"].examples[0]


def test_films_of_one_patient_may_look_alike() -> None:
    assert judged(Copy(0, 1, "crop", 0.93)) == {}


def test_several_files_of_one_film_count_once() -> None:
    pairs = (SAME, Copy(0, 2, "picture", 0.99), Copy(2, 3, "crop", 0.97))
    found = judged(*pairs, split=("train", "train", "train", "test"))
    assert found["H621"].count == 1
    assert found["H621"].rows == (2, 3, 4, 5)
    assert found["H621"].examples[0].startswith("2.png (row 4, x, train, normal) and 3.png")


def test_two_films_count_twice() -> None:
    splits = ("train", "test", "train", "val")
    found = judged(SAME, Copy(2, 3, "crop", 0.99), split=splits)
    assert found["H621"].count == 2
    assert "4 images; 1 the same to the pixel, 1 re-encoded" in found["H621"].title


def test_what_is_not_known_contradicts_nothing() -> None:
    found = judged(SAME, split=("train", None), label=("covid", None), patient=("1", None))
    assert [*found] == ["H625"]


def test_a_search_given_up_is_said() -> None:
    found = judged(left_out=1234)
    assert found["H629"].title == "1,234 pairs of similar images not compared closely"
