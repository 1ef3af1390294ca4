from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from hilum.data.lint import Finding
from hilum.data.lint.patients import distinctive

Found = Callable[..., dict[str, Finding]]
N = 240
UUID = "003d8fa0-6bf1-40ed-b54c-ac657f8495c5"


def ids(*first: str) -> list[str]:
    return [*first, *(f"p{i}" for i in range(N - len(first)))]


def test_a_patient_in_two_splits_is_an_error_with_both_rows(found: Found) -> None:
    splits = ["train"] + ["test"] * (N - 1)
    finding = found(patient_id=ids("ANON191", "ANON191"), source=["actmed"] * N, split=splits)[
        "H201"
    ]
    assert (finding.count, finding.severity) == (1, "error")
    assert "'ANON191' of 'actmed'" in finding.examples[0]
    assert "train (row 2), test (row 3)" in finding.examples[0]


def test_a_number_used_by_two_hospitals_is_two_patients(found: Found) -> None:
    sources = ["east"] + ["west"] * (N - 1)
    splits = ["train"] + ["test"] * (N - 1)
    codes = found(patient_id=ids("0012", "0012"), source=sources, split=splits)
    assert not {"H201", "H202", "H203"} & {*codes}


@pytest.mark.parametrize(
    ("patient", "other_source"),
    [(UUID, "west"), ("p17", "rnsa"), ("p17", "RSNA")],
    ids=["an id chance cannot repeat", "a source misspelt", "a source in capitals"],
)
def test_one_person_under_two_sources_and_in_two_splits_is_an_error(
    found: Found, patient: str, other_source: str
) -> None:
    finding = found(
        patient_id=ids(patient, patient),
        source=[other_source] + ["rsna"] * (N - 1),
        split=["train"] + ["test"] * (N - 1),
    )["H202"]
    assert (finding.count, finding.severity) == (1, "error")
    assert finding.examples[0] == f"row 2: patient {patient} of {other_source}, split train"


def test_one_person_under_two_sources_in_one_split_is_a_warning(found: Found) -> None:
    finding = found(
        patient_id=ids(UUID, UUID), source=["nih"] + ["rsna"] * (N - 1), split=["train"] * N
    )["H203"]
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        (UUID, True),
        ("419639-000238", True),
        ("1.2.840.113564.1722810170", True),
        ("00001280", False),
        ("ANON191", False),
        ("COVID-00024", False),
        ("patient-0000017", False),
    ],
)
def test_ids_that_chance_repeats_are_told_from_those_it_cannot(name: str, telling: bool) -> None:
    frame = pl.DataFrame({"name": [name]})
    assert frame.select(distinctive("name")).item() is telling


def test_labels_that_contradict_each_other_are_a_note(found: Found) -> None:
    finding = found(
        patient_id=ids("x", "x", "x"),
        source=["east"] * N,
        label=["normal", "covid", *["normal", "covid"] * (N // 2 - 1)],
    )["H204"]
    assert (finding.count, finding.severity) == (1, "note")
    assert finding.examples == ("row 2: patient x of east: covid and normal",)


def test_ids_that_are_the_images_names_are_a_note(found: Found) -> None:
    finding = found(patient_id=[str(i) for i in range(N)])["H205"]
    assert finding.count == N
    assert finding.severity == "note"


def test_ids_that_are_not_file_names_are_no_note(found: Found) -> None:
    assert "H205" not in found()


def test_a_placeholder_shared_by_many_is_a_warning(found: Found) -> None:
    finding = found(patient_id=ids("Unknown", "Unknown", "nan", "nan"))["H206"]
    assert finding.count == 4
    assert "'Unknown', 'nan'" in finding.title


def test_an_id_written_in_two_ways_across_splits_is_a_warning(found: Found) -> None:
    finding = found(
        patient_id=ids("A-001", "a001"),
        source=["east"] * N,
        split=["train"] + ["test"] * (N - 1),
    )["H207"]
    assert (finding.count, finding.rows) == (1, (2, 3))
