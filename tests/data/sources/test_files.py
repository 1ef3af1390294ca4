"""Finding listed files wherever an archive unpacked them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hilum.data.sources.files import Files, Found


def walk(root: Path, *names: str) -> Files:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return Files.walk(root)


def test_a_file_is_found_by_its_base_name_in_any_folder(tmp_path: Path) -> None:
    files = walk(tmp_path, "archive/x/a.png")
    assert files.find("images/A.PNG") == Found("archive/x/a.png", "")
    assert files.find("b.png") is None


def test_masks_hidden_files_and_other_kinds_are_no_films(tmp_path: Path) -> None:
    files = walk(
        tmp_path,
        "COVID/masks/a.png",
        "COVID/images/a.png",
        ".git/b.png",
        "__MACOSX/c.png",
        "._d.png",
        "readme.txt",
    )
    assert files.paths() == ["COVID/images/a.png"]
    assert len(files) == 1


def test_the_folder_in_the_list_decides_between_files_of_one_name(tmp_path: Path) -> None:
    files = walk(tmp_path, "data/train/a.png", "data/test/a.png", "a.png")
    assert files.find("train/a.png") == Found("data/train/a.png", "")
    assert files.find("test/a.png") == Found("data/test/a.png", "")
    assert files.find("a.png") == Found("a.png", "")


def test_capitals_decide_between_names_that_differ_in_nothing_else(tmp_path: Path) -> None:
    files = walk(tmp_path, "x/a.png", "x/A.PNG")
    assert files.find("a.png") == Found("x/a.png", "")
    assert files.find("A.PNG") == Found("x/A.PNG", "")


def test_the_own_name_comes_before_any_other_it_had(tmp_path: Path) -> None:
    files = walk(tmp_path, "deep/down/COVID(1).png", "COVID-1.png")
    assert files.find("COVID(1).png") == Found("deep/down/COVID(1).png", "")


def test_a_renamed_file_is_found_with_the_rule(tmp_path: Path) -> None:
    files = walk(tmp_path, "a.jpg")
    assert files.find("a.png") == Found("a.jpg", "extension")


def test_a_folder_linked_from_elsewhere_is_walked_once(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a.png").touch()
    root = tmp_path / "root"
    root.mkdir()
    for name in ("films", "again"):
        (root / name).symlink_to(tmp_path / "disk")
    assert Files.walk(root).paths() == ["again/a.png"]


@pytest.mark.parametrize("target", [".", "..", "sub"])
def test_links_that_lead_back_are_not_followed(tmp_path: Path, target: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.png").touch()
    (root / "loop").symlink_to(root / target)
    assert Files.walk(root).paths() == ["sub/a.png"]


def test_a_listed_path_is_found_where_every_folder_agrees(tmp_path: Path) -> None:
    files = walk(tmp_path / "CheXpert", "train/patient7/view1.png", "train/patient8/view1.png")
    root = (tmp_path / "CheXpert").as_posix()
    found = Found("train/patient8/view1.png", "")
    assert files.find_path("CheXpert/train/patient8/view1.png", root) == found
    assert files.find_path("patient8/view1.png", root) == found
    assert files.find_path("patient9/view1.png", root) is None


def test_a_folder_that_cannot_be_entered_does_not_stop_the_walk(tmp_path: Path) -> None:
    walk(tmp_path, "open/a.png", "shut/b.png")
    (tmp_path / "shut").chmod(0)
    try:
        wanted = ["open/a.png"] if os.geteuid() else ["open/a.png", "shut/b.png"]
        assert Files.walk(tmp_path).paths() == wanted
    finally:
        (tmp_path / "shut").chmod(0o755)
