from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hilum.data.manifest import Manifest
from hilum.errors import LeakageError, ManifestError

HEADER = "path,patient_id,source,label,split\n"


def write(folder: Path, text: str, name: str = "manifest.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str, **options: object) -> Manifest:
    return Manifest.read(write(folder, text), check_files=False, **options)  # type: ignore[arg-type]


def test_patient_ids_stay_text_and_age_becomes_a_number(tmp_path: Path) -> None:
    manifest = read(tmp_path, "path,patient_id,source,label,age\na.png,037,nih,normal,61\n")
    assert manifest.frame["patient_id"].to_list() == ["037"]
    assert manifest.frame["age"].to_list() == [61.0]


def test_views_and_sexes_are_written_one_way_and_blanks_around_codes_go(tmp_path: Path) -> None:
    text = (
        "path,patient_id,source,label,view,sex\na.png, 1 ,nih,normal ,pa,female\nb.png,2,nih,x,,X\n"
    )
    frame = read(tmp_path, text).frame
    assert frame.row(0) == ("a.png", "1", "nih", "normal", "PA", "F")
    assert frame.row(1)[4:] == (None, "X")


def test_columns_nobody_knows_are_kept(tmp_path: Path) -> None:
    manifest = read(tmp_path, "path,patient_id,source,label,offset\na.png,1,nih,normal,3\n")
    assert manifest.frame["offset"].to_list() == ["3"]


def test_every_fault_is_told_at_once_with_its_row(tmp_path: Path) -> None:
    text = (
        "path,patient_id,source,label,split,age\n"
        "a.png,1,nih,normal,train,50\n"
        "b.png,,nih,normal,train,50\n"
        "c.png,1,nih,covid,valid,50\n"
        "d.png,1,nih,normal,test,411\n"
        "a.png,4,nih,covid,train,\n"
        "e.png,5,nih,oedema,train,ten\n"
    )
    with pytest.raises(ManifestError, match="has 7 faults") as caught:
        read(tmp_path, text, labels=["covid", "normal"])
    said = "\n".join(caught.value.problems)
    assert "row 3: patient_id is empty" in said
    assert "row 4: split 'valid' is not one of train, val, test. Did you mean 'val'?" in said
    assert "row 5: age must be a number of years in [0, 120], got '411'" in said
    assert "row 7: age must be a number of years in [0, 120], got 'ten'" in said
    assert "row 7: unknown label 'oedema'. Known: covid, normal." in said
    assert "row 6: a.png stands in row 2 already, there with label 'normal', here 'covid'" in said
    assert "patient '1' of 'nih' stands in more than one split: train (row 2)" in said


def test_missing_columns_are_named_with_the_column_that_may_be_meant(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no column 'path'\. Rename 'Image Index'") as caught:
        read(tmp_path, "Image Index,patientid,finding\na.png,1,normal\n")
    said = "\n".join(caught.value.problems)
    assert "Rename 'patientid' to 'patient_id'?" in said
    assert "Rename 'finding' to 'label'?" in said
    assert "no column 'source'. Add it" in said


def test_a_leak_alone_is_a_leakage_error(tmp_path: Path) -> None:
    text = f"{HEADER}a.png,1,nih,normal,train\nb.png,1,nih,normal,test\nc.png,1,rsna,normal,val\n"
    with pytest.raises(LeakageError, match=r"1 patient(.|\n)*train \(row 2\), test") as caught:
        read(tmp_path, text)
    assert "rsna" not in str(caught.value)


def test_a_leak_beside_other_faults_is_listed_with_them(tmp_path: Path) -> None:
    text = f"{HEADER}a.png,1,nih,normal,train\nb.png,1,nih,normal,test\nc.png,2,nih,,val\n"
    with pytest.raises(ManifestError, match="stands in more than one split"):
        read(tmp_path, text)


def test_missing_files_are_told_with_a_name_that_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    path = write(tmp_path, f"{HEADER}a.png,1,nih,normal,\nx\\b.png,2,nih,normal,\n")
    with pytest.raises(ManifestError, match="has 2 faults") as caught:
        Manifest.read(path)
    assert caught.value.problems == (
        "row 2: a.png does not exist. Did you mean 'a.jpg'?",
        "row 3: x\\b.png does not exist; write forward slashes instead of backslashes",
    )


def test_files_that_exist_pass_and_paths_are_absolute(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    absolute = tmp_path / "b.png"
    absolute.touch()
    path = write(tmp_path, f"{HEADER}a.png,1,nih,normal,\n{absolute},2,nih,normal,\n")
    assert Manifest.read(path).paths() == [tmp_path / "a.png", absolute]


def test_the_same_file_written_two_ways_is_one_file(tmp_path: Path) -> None:
    text = f"{HEADER}x/a.png,1,nih,normal,\n./x//a.png,2,nih,normal,\n{tmp_path}/x/a.png,3,n,m,\n"
    with pytest.raises(ManifestError, match=r"row 3: \./x//a\.png stands in row 2") as caught:
        read(tmp_path, text)
    assert len(caught.value.problems) == 2


def test_a_folder_whose_name_begins_with_a_dot_is_another_folder(tmp_path: Path) -> None:
    text = f"{HEADER}.a/x.png,1,nih,normal,\na/x.png,2,nih,normal,\na./x.png,3,nih,normal,\n"
    assert len(read(tmp_path, text)) == 3


def test_a_path_with_a_nul_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"path": ["a\0b"], "patient_id": "1", "source": "nih", "label": "x"})
    with pytest.raises(ManifestError, match="row 1: path holds a NUL"):
        Manifest.from_frame(frame, tmp_path, check_files=True)


def test_thousands_of_one_fault_do_not_hide_another(tmp_path: Path) -> None:
    rows = "".join(f"{n}.png,{n},nih,,train\n" for n in range(3000))
    with pytest.raises(ManifestError, match="split 'Train'") as caught:
        read(tmp_path, f"{HEADER}{rows}x.png,x,nih,normal,Train\n")
    assert caught.value.problems[-1] == "... and 2000 more rows like these"
    assert "has 3001 faults" in caught.value.summary


def test_other_names_of_splits_are_allowed(tmp_path: Path) -> None:
    text = f"{HEADER}a.png,1,nih,normal,fold1\nb.png,2,nih,normal,train\nc.png,3,nih,normal,\n"
    assert read(tmp_path, text).splits == ["train", "fold1"]


def test_labels_that_differ_in_capitals_are_noted(tmp_path: Path) -> None:
    manifest = read(tmp_path, f"{HEADER}a.png,1,nih,Normal,\nb.png,2,nih,normal,\n")
    assert manifest.notes == (
        "Labels 'Normal' and 'normal' differ only in capitals; are they the same?",
    )


def test_select_filters_by_split_and_label(tmp_path: Path) -> None:
    text = f"{HEADER}a.png,1,nih,x,train\nb.png,2,nih,y,train\nc.png,3,nih,x,val\nd.png,4,nih,x,\n"
    manifest = read(tmp_path, text)
    assert manifest.select(split="train", labels=["x"]).frame["path"].to_list() == ["a.png"]
    assert len(manifest.select(split=["train", "val"])) == 3
    assert len(manifest.select(split="test")) == 0
    assert manifest.labels == ["x", "y"]


def test_asking_for_a_split_where_there_is_none_is_refused(tmp_path: Path) -> None:
    manifest = read(tmp_path, "path,patient_id,source,label\na.png,1,nih,normal\n")
    with pytest.raises(ManifestError, match="Split them by patient first"):
        manifest.select(split="val")


def test_counts_are_by_label_and_split(tmp_path: Path) -> None:
    text = f"{HEADER}a.png,1,nih,x,train\nb.png,1,nih,x,train\nc.png,1,rsna,x,val\nd.png,2,nih,y,\n"
    assert read(tmp_path, text).counts().rows() == [
        ("x", "train", 2, 1),
        ("x", "val", 1, 1),
        ("y", "", 1, 1),
    ]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_what_is_written_reads_back_the_same(tmp_path: Path, name: str) -> None:
    manifest = read(
        tmp_path,
        "path,patient_id,source,label,age,note\n"
        'a.png,037,nih,normal,61.5,"a, ""b"""\nb.png,1,nih,x,,\n',
    )
    manifest.write(tmp_path / name)
    again = Manifest.read(tmp_path / name, check_files=False)
    assert again.frame.equals(manifest.frame)
    assert again.sha256 == manifest.sha256


def test_the_hash_is_of_content_and_order_of_rows_but_not_of_columns(tmp_path: Path) -> None:
    one = read(tmp_path, f"{HEADER}a.png,1,nih,x,\nb.png,2,nih,x,\n")
    frame = one.frame
    assert Manifest.from_frame(frame.select(frame.columns[::-1]), tmp_path).sha256 == one.sha256
    assert Manifest.from_frame(frame[::-1], tmp_path).sha256 != one.sha256


def test_a_manifest_written_elsewhere_still_finds_its_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").touch()
    path = write(tmp_path / "data", f"{HEADER}a.png,1,nih,normal,\n")
    Manifest.read(path).write(tmp_path / "lists" / "m.csv")
    moved = Manifest.read(tmp_path / "lists" / "m.csv")
    assert moved.frame["path"].to_list() == ["../data/a.png"]
    assert [file.resolve() for file in moved.paths()] == [tmp_path / "data" / "a.png"]


def test_writing_to_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    manifest = read(tmp_path, f"{HEADER}a.png,1,nih,normal,\n")
    with pytest.raises(ManifestError, match=r"ending in \.csv or \.parquet"):
        manifest.write(tmp_path / "out.xlsx")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = read(tmp_path, f"{HEADER}a.png,1,nih,normal,\n")
    before = (tmp_path / "manifest.csv").read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(pl.DataFrame, "write_csv", fail)
    with pytest.raises(OSError, match="disk full"):
        manifest.write(tmp_path / "manifest.csv")
    assert (tmp_path / "manifest.csv").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["manifest.csv"]


def test_a_manifest_of_no_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="lists no image"):
        read(tmp_path, HEADER)


def test_an_absent_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="There is no manifest"):
        Manifest.read(tmp_path / "no.csv")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"expected \.csv, \.parquet, \.txt or a folder"):
        Manifest.read(write(tmp_path, "x", "manifest.xlsx"))


def test_a_frame_of_numbers_becomes_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"path": ["a"], "patient_id": [37], "source": "nih", "label": 1, "age": 4})
    manifest = Manifest.from_frame(frame, tmp_path)
    assert manifest.frame.row(0) == ("a", "37", "nih", "1", 4.0)
    assert manifest.root == tmp_path


def test_columns_of_lists_are_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"path": ["a"], "findings": [["x", "y"]]})
    with pytest.raises(ManifestError, match="expected text and numbers in columns findings"):
        Manifest.from_frame(frame, tmp_path)


def test_labels_may_be_left_out_where_that_is_said(tmp_path: Path) -> None:
    manifest = read(tmp_path, f"{HEADER}a.png,1,nih,,\n", labelled=False)
    assert manifest.frame["label"].to_list() == [""]
    assert manifest.labels == []


def test_the_real_manifest_is_accepted(shared_data: Path) -> None:
    manifest = Manifest.read(shared_data / "cxr" / "manifest.csv")
    assert len(manifest) == 2393
    assert manifest.labels == ["covid", "normal", "other_disease", "pneumonia"]
    assert manifest.splits == ["train", "val", "test"]
    assert manifest.counts()["images"].sum() == 2393
