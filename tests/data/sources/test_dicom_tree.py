"""A tree of DICOM files: told by content, labelled by a table or a folder, odd ones left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

PIXELS = np.zeros((8, 8), np.uint16)


class Archive:
    """Writes films below a folder, each an instance of its own."""

    def __init__(self, root: Path, files) -> None:
        self.root, self.files, self.count = root, files, 0

    def add(self, name: str, *, cut: int | None = None, **tags: str) -> None:
        self.count += 1
        known = {"SOPInstanceUID": f"1.2.{self.count}", "StudyInstanceUID": f"1.9.{self.count}"}
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.files.dicom(PIXELS, **(known | tags))[:cut])


@pytest.fixture
def archive(tmp_path: Path, files) -> Archive:
    return Archive(tmp_path, files)


def listing(root: Path, **options: str) -> Listing:
    options = {name.replace("_", "-"): value for name, value in options.items()}
    return sources.create("dicom").listing(Request(root=root, labels=root, options=options))


def reasons(made: Listing) -> dict[str, tuple[str, ...]]:
    return {out.reason: out.examples for out in made.left_out}


def test_tags_tell_everything_but_the_label(archive: Archive) -> None:
    archive.add(
        "covid/IM0001",
        PatientID="77",
        PatientSex="F",
        PatientAge="006M",
        ViewPosition="AP",
        Manufacturer="Acme",
        ManufacturerModelName="Ray 2",
        InstitutionName="North",
    )
    (row,) = listing(archive.root, folder="1", source="InstitutionName").frame.to_dicts()
    assert row == {
        "file": "covid/IM0001",
        "patient_id": "77",
        "label": "covid",
        "study_id": "1.9.1",
        "sop_instance": "1.2.1",
        "modality": "DX",
        "body_part": "CHEST",
        "image_type": None,
        "manufacturer": "Acme",
        "model": "Ray 2",
        "source": "North",
        "view": "AP",
        "sex": "F",
        "age": 0.5,
    }


def test_files_of_any_name_are_found_and_others_passed_over(archive: Archive) -> None:
    archive.add("a/00001", PatientID="1")
    archive.add("a/film.dcm", PatientID="2")
    archive.add("b/film.ima", PatientID="3")
    (archive.root / "a" / "readme.txt").write_text("no film")
    built = build("dicom", Request(root=archive.root, options={"folder": "1"}))
    assert built.manifest.frame["path"].to_list() == ["a/00001", "a/film.dcm", "b/film.ima"]
    assert (built.reconciliation.listed, built.reconciliation.extra) == (3, ())


def test_what_is_no_frontal_chest_film_is_left_out_with_the_reason(archive: Archive) -> None:
    archive.add("x/ct.dcm", Modality="CT")
    archive.add("x/raw.dcm", PresentationIntentType="FOR PROCESSING")
    archive.add("x/side.dcm", ViewPosition="LL")
    archive.add("x/hand.dcm", BodyPartExamined="HAND")
    archive.add("x/nobody.dcm", PatientID="")
    archive.add("x/damaged.dcm", cut=90)
    archive.add("x/good.dcm")
    made = listing(archive.root, folder="1")
    assert made.frame["file"].to_list() == ["x/good.dcm"]
    found = reasons(made)
    assert found.pop("the view is not frontal (LATERAL 1)") == ("x/side.dcm",)
    assert found.pop("the body part is not the chest (HAND 1)") == ("x/hand.dcm",)
    assert found.pop("no patient id") == ("x/nobody.dcm",)
    assert found.pop("damaged, or no DICOM file") == ("x/damaged.dcm",)
    assert sorted(found.values()) == [("x/ct.dcm",), ("x/raw.dcm",)]
    assert any("got CT (computed tomography)" in reason for reason in found)
    assert made.frame.height + sum(out.count for out in made.left_out) == made.listed == 7


def test_other_body_parts_are_taken_when_asked_for(archive: Archive) -> None:
    archive.add("x/a.dcm", BodyPartExamined="SHOULDER")
    assert listing(archive.root, folder="1", body_part="any").frame.height == 1


def test_a_copy_of_an_image_is_taken_once(archive: Archive) -> None:
    archive.add("a/1.dcm", SOPInstanceUID="1.2.3")
    archive.add("a/2.dcm", SOPInstanceUID="1.2.3")
    made = listing(archive.root, folder="1")
    assert made.frame["file"].to_list() == ["a/1.dcm"]
    assert made.left_out[0].examples == ("a/2.dcm",)


def test_unknown_views_are_kept_with_a_note(archive: Archive) -> None:
    archive.add("a/1.dcm", ViewPosition="")
    made = listing(archive.root, folder="1")
    assert made.frame["view"].to_list() == [None]
    assert made.notes[0].startswith("1 of 1 images say nothing of their view")


@pytest.mark.parametrize(
    "table",
    [
        "StudyInstanceUID,label\n1.9.1,covid\n1.9.2,normal\n",
        "SOPInstanceUID;Label\r\n1.2.1;covid\r\n1.2.2;normal\r\n",
        "patient_id,label,study_date\n77,covid,x\n78,normal,y\n",
    ],
)
def test_a_table_gives_labels_by_study_image_or_patient(archive: Archive, table: str) -> None:
    for patient in ("77", "78", "79"):
        archive.add(f"{patient}.dcm", PatientID=patient)
    (archive.root / "labels.csv").write_bytes(table.encode())
    made = listing(archive.root, labels="labels.csv", relabel="covid:positive")
    assert made.frame["label"].to_list() == ["positive", "normal"]
    assert reasons(made) == {"no label is known": ("79.dcm",)}


def test_key_and_label_columns_may_be_named(archive: Archive) -> None:
    archive.add("a.dcm", PatientID="77")
    table = "studyinstanceuid,patientid,verdict\nnone,77,covid\n"
    (archive.root / "t.csv").write_text(table)
    made = listing(archive.root, labels="t.csv", key="PatientID", label="Verdict")
    assert made.frame["label"].to_list() == ["covid"]


def test_one_study_with_two_labels_is_refused(archive: Archive) -> None:
    archive.add("a.dcm")
    table = "StudyInstanceUID,label\n1.9.1,covid\n1.9.2,normal\n1.9.1,normal\n"
    (archive.root / "t.csv").write_text(table)
    with pytest.raises(HilumError, match=r"1 value\(s\) of .* two labels: 1\.9\.1 \(row 2\)"):
        listing(archive.root, labels="t.csv")


def test_a_pattern_tells_patients_that_the_tags_hide(archive: Archive) -> None:
    archive.add("x/p1/a.dcm", PatientID="ANON")
    archive.add("x/p2/a.dcm", PatientID="ANON")
    hidden = listing(archive.root, folder="1")
    assert hidden.notes[0].startswith("All 2 studies have the patient id ANON")
    told = listing(archive.root, folder="1", patient=r"/p(\d+)/")
    assert told.frame["patient_id"].to_list() == ["1", "2"]


def test_levels_of_folders_count_from_both_ends(archive: Archive) -> None:
    archive.add("north/covid/a.dcm")
    archive.add("loose.dcm")
    assert listing(archive.root, folder="2").frame["label"].to_list() == ["covid"]
    made = listing(archive.root, folder="-2")
    assert made.frame["label"].to_list() == ["north"]
    assert reasons(made) == {"no label is known": ("loose.dcm",)}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "DICOM files hold no diagnosis: expected --set labels=FILE.csv"),
        ({"folder": "0"}, "folder: expected 1, 2, ... or -1, -2, ..., got '0'"),
        ({"folder": "1", "labels": "t.csv"}, "not both"),
        ({"labels": "none.csv"}, r"holds no none\.csv"),
        ({"labels": "t.csv", "key": "mrn"}, "has no column 'mrn'"),
        ({"labels": "t.csv"}, "expected a column StudyInstanceUID, .* got film, label"),
        ({"folder": "1", "body_part": "head"}, "body-part: expected chest or any, got 'head'"),
        ({"folder": "1", "level": "1"}, "no option 'level' here"),
    ],
)
def test_rules_that_give_no_label_are_refused(
    archive: Archive, options: dict[str, str], said: str
) -> None:
    archive.add("x/a.dcm")
    (archive.root / "t.csv").write_text("film,label\na,covid\n")
    with pytest.raises(HilumError, match=said):
        listing(archive.root, **options)


def test_a_table_with_a_byte_of_latin_1_is_refused(archive: Archive) -> None:
    archive.add("x/a.dcm")
    (archive.root / "t.csv").write_bytes(
        "PatientID,label\n1,Lungenentz\xfcndung\n".encode("latin-1")
    )
    with pytest.raises(HilumError, match=r"t\.csv is not UTF-8: byte 0xfc"):
        listing(archive.root, labels="t.csv")


def test_values_that_break_the_rules_of_dicom_are_read_in_silence(archive: Archive) -> None:
    archive.add("x/a.dcm", PatientID="A" * 80, StudyInstanceUID="1.2..bad", PatientAge="old")
    (row,) = listing(archive.root, folder="1").frame.to_dicts()
    assert (row["patient_id"], row["study_id"], row["age"]) == ("A" * 80, "1.2..bad", None)


def test_a_folder_without_dicom_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(HilumError, match="holds no DICOM file: none ends in"):
        listing(tmp_path, folder="1")
