from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.manifest import Manifest
from hilum.errors import ManifestError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_folder_names_are_labels_and_each_file_a_patient(tmp_path: Path) -> None:
    touch(tmp_path, "covid/b.PNG", "covid/deep/c.jpg", "normal/a.dcm", "normal/x.txt", ".git/a.png")
    manifest = Manifest.read(tmp_path)
    assert manifest.frame.select("path", "label").rows() == [
        ("covid/b.PNG", "covid"),
        ("covid/deep/c.jpg", "covid"),
        ("normal/a.dcm", "normal"),
    ]
    assert manifest.frame["patient_id"].n_unique() == 3
    assert "Patient identity is unknown" in manifest.notes[0]


def test_folders_of_splits_hold_folders_of_classes(tmp_path: Path) -> None:
    touch(tmp_path, "train/covid/a.png", "valid/normal/b.png", "test/covid/c.png")
    frame = Manifest.from_folders(tmp_path, source="kaggle").frame
    assert sorted(frame["split"]) == ["test", "train", "val"]
    assert sorted(frame["label"]) == ["covid", "covid", "normal"]
    assert set(frame["source"]) == {"kaggle"}


@pytest.mark.parametrize("names", [["a.png"], ["train/a.png", "test/b.png"], ["covid/a.txt"]])
def test_folders_without_classes_are_refused(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ManifestError, match="does not hold one folder a class"):
        Manifest.read(touch(tmp_path, *names))


def test_an_absent_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="There is no folder"):
        Manifest.from_folders(tmp_path / "no")


def test_a_folder_with_a_manifest_is_read_by_it(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png")
    text = "path,patient_id,source,label\nimages/a.png,1,nih,normal\n"
    (tmp_path / "manifest.csv").write_text(text)
    assert Manifest.read(tmp_path).labels == ["normal"]


def listed(folder: Path, text: str) -> Manifest:
    (folder / "list.txt").write_text(text)
    return Manifest.read(folder / "list.txt", check_files=False)


def test_a_list_of_paths_and_labels_is_read(tmp_path: Path) -> None:
    manifest = listed(tmp_path, "# a list\n\nmy film.png covid\nb.png\tother disease\n")
    rows = manifest.frame.select("path", "label").rows()
    assert rows == [("my film.png", "covid"), ("b.png", "other disease")]


def test_a_list_of_paths_alone_has_no_labels(tmp_path: Path) -> None:
    manifest = listed(tmp_path, "my film.png\nb.png\n")
    assert manifest.frame.select("path", "label").rows() == [("my film.png", ""), ("b.png", "")]
    assert manifest.labels == []


def test_a_list_that_labels_only_some_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"labels only some(.|\n)*row 2: no label"):
        listed(tmp_path, "a.png covid\nb.png\n")


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="lists no image"):
        listed(tmp_path, "# nothing\n")


def test_a_list_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"\xff\xfea\0")
    with pytest.raises(ManifestError, match="is not UTF-8"):
        Manifest.read(tmp_path / "list.txt")


def test_paths_in_code_may_have_labels_or_none(tmp_path: Path) -> None:
    assert Manifest.from_paths(["a.png", Path("b.png")], root=tmp_path).labels == []
    assert Manifest.from_paths(["a.png"], ["covid"], root=tmp_path).labels == ["covid"]
    with pytest.raises(ValueError, match="one label a path, got 1 for 2"):
        Manifest.from_paths(["a.png", "b.png"], ["covid"])
    with pytest.raises(ManifestError, match="row 2: label is empty"):
        Manifest.from_paths(["a.png", "b.png"], ["covid", ""])
    with pytest.raises(ManifestError, match=r"row 2: a\.png stands in row 1 already"):
        Manifest.from_paths(["a.png", "a.png"])
