"""Findings in the words of the COVID-19 image data collection, as labels."""

from __future__ import annotations

import polars as pl
import pytest

from hilum.data.sources.findings import finding_label, finding_labels, mixed_patients


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        ("COVID-19", "covid"),
        ("COVID-19, ARDS", "covid"),
        ("Pneumonia/Viral/COVID-19", "covid"),
        ("Pneumonia", "pneumonia"),
        ("Pneumonia/Viral/Herpes ", "pneumonia"),
        ("Pneumonia/Bacterial/Staphylococcus/MRSA", "pneumonia"),
        ("SARS", "pneumonia"),
        ("Streptococcus", "pneumonia"),
        ("Herpes pneumonia, ARDS", "pneumonia"),
        ("No Finding", "normal"),
        ("No finding", "normal"),
        ("ARDS", "other_disease"),
        ("Tuberculosis", "other_disease"),
        ("No Finding, Tuberculosis", "other_disease"),
    ],
)
def test_a_finding_of_either_generation_has_its_label(finding: str, label: str) -> None:
    assert finding_label(finding) == label


@pytest.mark.parametrize("finding", [None, "", "  ", "todo", "Unknown", "?", "N/A"])
def test_an_undecided_finding_has_no_label(finding: str | None) -> None:
    assert finding_label(finding) is None


def test_labels_stand_in_the_order_of_the_rows_with_nulls_kept() -> None:
    rows = pl.DataFrame({"finding": ["SARS", None, "COVID-19", "SARS"]})
    assert finding_labels(rows).to_list() == ["pneumonia", None, "covid", "pneumonia"]


def test_patients_with_films_of_different_labels_are_named() -> None:
    frame = pl.DataFrame({"patient_id": ["a", "a", "b"], "label": ["covid", "normal", "covid"]})
    (note,) = mixed_patients(frame)
    assert note.startswith("1 patient(s) have images with different labels (a)")


def test_no_note_where_each_patient_has_one_label() -> None:
    assert mixed_patients(pl.DataFrame({"patient_id": ["a", "b"], "label": ["x", "y"]})) == ()
