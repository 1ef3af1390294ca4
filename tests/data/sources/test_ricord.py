"""RICORD 1c, as PNG files, as the archive's trees of DICOM files, with and without their table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

UID = "1.2.826.0.1.3680043.10.474.419639.11122233344455519164"
NBIA = "MIDRC-RICORD-1C/MIDRC-RICORD-1C-419639-000082/12-27-2003-NA-XR CHEST 1 VIEW AP-19164"


def listing(root: Path, labels: Path | None = None) -> Listing:
    return sources.create("ricord").listing(Request(root=root, labels=labels))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def film(files, **tags: str) -> bytes:
    """A tiny DX file with the tags RICORD has."""
    known = {
        "PatientID": "MIDRC-RICORD-1C-419639-000082",
        "PatientSex": "F",
        "PatientAge": "058Y",
        "StudyInstanceUID": UID,
        "ViewPosition": "AP",
    }
    return files.dicom(np.zeros((8, 8), np.uint16), **(known | tags))


def put(root: Path, name: str, data: bytes) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(data)


def test_png_files_give_patient_and_study_by_their_names(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "train/MIDRC-RICORD-1C-419639-000238-46556-1.png",
        "MIDRC-RICORD-1C-SITE2-000105-65881-0.png",
    )
    made = listing(tmp_path)
    wanted = made.frame.select("patient_id", "study_id", "source", "label", "view").rows()
    assert wanted == [
        ("SITE2-000105", "65881", "ricord", "covid", None),
        ("419639-000238", "46556", "ricord", "covid", None),
    ]
    assert made.notes[0].startswith("2 of 2 images say nothing of their view")


def test_patients_are_those_of_the_covidx_lists(shared_data: Path, tmp_path: Path) -> None:
    lists = (shared_data / "formats" / "covid-net-labels" / "test_COVIDx8B.txt").read_text()
    rows = [line.split() for line in lists.splitlines() if line.endswith("ricord")]
    touch(tmp_path, *(row[1] for row in rows))
    frame = listing(tmp_path).frame
    assert dict(frame.select("file", "patient_id").iter_rows()) == {r[1]: r[0] for r in rows}
    assert (frame.height, frame["patient_id"].n_unique()) == (200, 178)


def test_dicom_files_give_what_their_tags_say(files, tmp_path: Path) -> None:
    put(tmp_path, f"{NBIA}/1.000000-NA-19164/1-1.dcm", film(files))
    (row,) = listing(tmp_path).frame.to_dicts()
    assert row == {
        "file": f"{NBIA}/1.000000-NA-19164/1-1.dcm",
        "patient_id": "419639-000082",
        "study_id": "19164",
        "view": "AP",
        "source": "ricord",
        "label": "covid",
        "sex": "F",
        "age": 58.0,
        "findings": "COVID-19",
    }


def test_laterals_and_damaged_files_are_left_out_by_name(files, tmp_path: Path) -> None:
    put(tmp_path, "a/1-1.dcm", film(files, ViewPosition="PA"))
    put(tmp_path, "b/1-1.dcm", film(files, ViewPosition="LL"))
    put(tmp_path, "c/1-1.dcm", film(files)[:90])
    put(tmp_path, "d/1-1.dcm", film(files, PatientID="somebody"))
    made = listing(tmp_path)
    assert made.frame["file"].to_list() == ["a/1-1.dcm"]
    assert {out.reason: out.examples for out in made.left_out} == {
        "the view is not frontal": ("b/1-1.dcm (LATERAL)",),
        "damaged, or no DICOM file": ("c/1-1.dcm",),
        "no RICORD patient in its tags, its name or its folders": ("d/1-1.dcm",),
    }


def test_a_dicom_file_without_a_view_is_kept_with_a_note(files, tmp_path: Path) -> None:
    put(tmp_path, "x/1-1.dcm", film(files, ViewPosition=""))
    made = listing(tmp_path)
    assert made.frame["view"].to_list() == [None]
    assert made.notes[0].startswith("1 of 1 images say nothing of their view")


def test_many_files_of_one_name_are_told_apart(files, tmp_path: Path) -> None:
    for patient in ("000001", "000002", "000003"):
        tags = {"PatientID": f"MIDRC-RICORD-1C-419639-{patient}"}
        put(tmp_path, f"{patient}/1-1.dcm", film(files, **tags))
    put(tmp_path, "000004/1-1.dcm", film(files, ViewPosition="LATERAL"))
    built = build("ricord", Request(root=tmp_path))
    pairs = built.manifest.frame.select("path", "patient_id").rows()
    assert pairs == [(f"00000{n}/1-1.dcm", f"419639-00000{n}") for n in (1, 2, 3)]
    assert built.reconciliation.extra == ()


def test_sex_and_age_of_png_files_come_from_the_clinical_data(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "MIDRC-RICORD-1C-419639-000082-19164-0.png",
        "MIDRC-RICORD-1C-419639-000082-55555-0.png",
        "MIDRC-RICORD-1C-419639-000099-11111-0.png",
    )
    labels = tmp_path / "labels"
    labels.mkdir()
    table = f"Anon MRN,Anon Study UID,Sex,Age\n419639-000082,9.9,M,57.5\n419639-000082,{UID},M,58\n"
    (labels / "MIDRC-RICORD-1c Clinical Data Jan 13 2021.csv").write_text(table)
    frame = listing(tmp_path, labels).frame.sort("study_id")
    assert frame.select("study_id", "sex", "age").rows() == [
        ("11111", None, None),
        ("19164", "M", 58.0),
        ("55555", "M", 57.5),
    ]


def test_a_spreadsheet_is_noted_with_what_to_do(tmp_path: Path) -> None:
    touch(tmp_path, "MIDRC-RICORD-1C-419639-000082-19164-0.png")
    touch(tmp_path, "labels/MIDRC-RICORD-1c Clinical Data Jan 13 2021 .xlsx")
    *_, note = listing(tmp_path, tmp_path / "labels").notes
    assert "is a spreadsheet: save it as CSV beside it" in note


def test_clinical_data_without_patients_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "MIDRC-RICORD-1C-419639-000082-19164-0.png")
    (tmp_path / "RICORD clinical.csv").write_text("MRN,Sex\n1,M\n")
    with pytest.raises(HilumError, match=r"RICORD clinical\.csv: expected a column 'anon mrn'"):
        listing(tmp_path, tmp_path)


def test_an_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match="holds no image: expected MIDRC-RICORD-1C-"):
        listing(tmp_path)


def test_without_a_root_it_is_asked_for() -> None:
    with pytest.raises(HilumError, match="name the folder of images with --root"):
        sources.create("ricord").listing(Request())
