"""RSNA's pneumonia challenge: boxes merged, classes checked, tags read, true patients found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

BOXES = """patientId,x,y,width,height,Target
aaa,,,,,0
bbb,264.0,152.0,213.0,379.0,1
bbb,562.0,152.0,256.0,453.0,1
ccc,,,,,0
ddd,1.0,2.0,3.0,4.0,1
"""
CLASSES = """patientId,class
aaa,Normal
bbb,Lung Opacity
bbb,Lung Opacity
ccc,No Lung Opacity / Not Normal
ddd,Lung Opacity
"""
ORIGINS = "pneumonia-challenge-dataset-mappings_2018.json"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    (tmp_path / "stage_2_train_labels.csv").write_text(BOXES)
    (tmp_path / "stage_2_detailed_class_info.csv").write_text(CLASSES)
    return tmp_path


def listing(labels: Path, root: Path | None = None, **options: str) -> Listing:
    options = {name.replace("_", "-"): value for name, value in options.items()}
    return sources.create("rsna").listing(Request(labels=labels, root=root, options=options))


def test_a_row_a_box_becomes_a_row_an_image(labels: Path) -> None:
    made = listing(labels)
    assert made.frame.select("file", "label", "boxes").rows() == [
        ("aaa.dcm", "normal", "0"),
        ("bbb.dcm", "pneumonia", "2"),
        ("ddd.dcm", "pneumonia", "1"),
    ]
    assert {out.reason: out.count for out in made.left_out} == {
        "one more box of an image already taken": 1,
        "No Lung Opacity / Not Normal; take them with --set not-normal=keep": 1,
    }
    assert made.skipped == {"ccc.dcm"}


def test_the_third_class_is_kept_when_asked_for(labels: Path) -> None:
    frame = listing(labels, not_normal="keep").frame
    assert frame.filter(file="ccc.dcm")["label"].to_list() == ["other_disease"]


def test_lists_that_disagree_leave_the_image_out(labels: Path) -> None:
    text = CLASSES.replace("aaa,Normal", "aaa,Lung Opacity").replace("ddd,Lung Opacity\n", "")
    (labels / "stage_2_detailed_class_info.csv").write_text(text)
    made = listing(labels)
    reasons = {out.reason: out.examples for out in made.left_out}
    assert reasons["Target and class disagree"] == ("row 2: aaa",)
    assert reasons["no one known class in the class list"] == ("row 6: ddd",)
    assert made.frame["file"].to_list() == ["bbb.dcm"]


def test_each_image_is_its_own_patient_until_rsnas_origins_are_there(labels: Path) -> None:
    made = listing(labels)
    assert made.frame["patient_id"].to_list() == ["aaa", "bbb", "ddd"]
    assert made.notes[0].startswith("Each image counts as its own patient, but one person has")


def test_origins_tell_the_true_patients(labels: Path) -> None:
    records = [
        {"subset_img_id": "aaa", "img_id": "00000208_008.png"},
        {"subset_img_id": "bbb", "img_id": "00000208_012.png"},
    ]
    (labels / ORIGINS).write_text(json.dumps(records))
    made = listing(labels)
    assert made.frame.select("patient_id", "nih_file").rows() == [
        ("208", "00000208_008.png"),
        ("208", "00000208_012.png"),
        ("ddd", None),
    ]
    assert made.notes == (f"{ORIGINS} says nothing of 1 image(s), each its own patient.",)


@pytest.mark.parametrize("text", ['[{"img_id": "1.png"}]', '[{"img_id"', '{"a": 1}', "[1]"])
def test_damaged_origins_are_refused(labels: Path, text: str) -> None:
    (labels / ORIGINS).write_text(text)
    with pytest.raises(HilumError, match="expected a JSON list of records with subset_img_id"):
        listing(labels)


def test_view_sex_and_age_come_from_the_tags(labels: Path, tmp_path: Path, files) -> None:
    root = tmp_path / "stage_2_train_images"
    root.mkdir()
    pixels = np.zeros((8, 8), np.uint8)
    said = {"ViewPosition": "AP", "PatientSex": "F", "PatientAge": "43"}
    (root / "aaa.dcm").write_bytes(files.dicom(pixels, **said))
    (root / "bbb.dcm").write_bytes(files.dicom(pixels, **said | {"PatientAge": "151"})[:90])
    made = listing(labels, root)
    assert made.frame.select("view", "sex", "age").rows() == [("AP", "F", 43.0), *[(None,) * 3] * 2]
    assert made.notes[-1].startswith("1 file(s) are damaged or no DICOM files, for example bbb.dcm")
    assert "view" not in listing(labels, root, tags="no").frame.columns


def test_png_files_are_found_and_lack_tags(labels: Path, tmp_path: Path) -> None:
    for name in ("aaa", "bbb", "ccc"):
        (tmp_path / f"{name}.png").touch()
    built = build("rsna", Request(root=tmp_path, labels=labels))
    assert built.manifest.frame["path"].to_list() == ["aaa.png", "bbb.png"]
    assert built.reconciliation.extra == ()
    assert [rule for *_, rule in built.reconciliation.renamed] == ["extension"] * 2
    assert "PNG files have no tags" in built.reconciliation.notes[-1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("patientId,x", "id,x", r"stage_2_train_labels\.csv: expected a column 'patientid'"),
        ("ddd,1.0,2.0,3.0,4.0,1\n", "ddd,1.0,2.0", "row 6: 3 fields, expected 6"),
        ("aaa,", '"aaa,', "quote"),
    ],
)
def test_a_damaged_list_is_refused_with_its_place(
    labels: Path, old: str, new: str, said: str
) -> None:
    (labels / "stage_2_train_labels.csv").write_text(BOXES.replace(old, new))
    with pytest.raises(HilumError, match=said):
        listing(labels)


def test_windows_line_ends_change_nothing(labels: Path) -> None:
    plain = listing(labels).frame
    for name, text in (("train_labels", BOXES), ("detailed_class_info", CLASSES)):
        (labels / f"stage_2_{name}.csv").write_bytes(text.replace("\n", "\r\n").encode())
    assert listing(labels).frame.equals(plain)


def test_a_missing_list_is_named(labels: Path) -> None:
    (labels / "stage_2_detailed_class_info.csv").unlink()
    with pytest.raises(HilumError, match=r"holds no stage_2_detailed_class_info\.csv"):
        listing(labels)


def test_another_value_of_an_option_is_refused(labels: Path) -> None:
    with pytest.raises(HilumError, match="not-normal: expected drop or keep, got 'maybe'"):
        listing(labels, not_normal="maybe")
