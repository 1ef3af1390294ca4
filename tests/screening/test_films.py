from __future__ import annotations

from pathlib import Path

import pytest

from hilum.errors import DataError
from hilum.screening.films import find_films

DICOM = b"\0" * 128 + b"DICM"


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_folders_are_searched_in_order_with_all_below(tmp_path: Path) -> None:
    names = ["b/2.PNG", "b/1.jpeg", "a.jfif", "c.webp", "b/z.dcm", "b/deep/er/x.jpg"]
    for name in names:
        put(tmp_path / name)
    found = [path.relative_to(tmp_path).as_posix() for path in find_films([tmp_path])]
    assert found == ["a.jfif", "c.webp", "b/1.jpeg", "b/2.PNG", "b/z.dcm", "b/deep/er/x.jpg"]


def test_dicom_files_without_a_suffix_are_found_by_their_first_bytes(tmp_path: Path) -> None:
    put(tmp_path / "IM0001", DICOM)
    put(tmp_path / "1.2.840.113619", DICOM)
    put(tmp_path / "notes", b"text")
    put(tmp_path / "DICOMDIR", DICOM)
    assert [path.name for path in find_films([tmp_path])] == ["1.2.840.113619", "IM0001"]


def test_hidden_files_and_other_kinds_are_left_out(tmp_path: Path) -> None:
    put(tmp_path / "film.png")
    put(tmp_path / ".film.png")
    put(tmp_path / ".cache" / "film.png")
    put(tmp_path / "labels.csv")
    put(tmp_path / "model.py", DICOM)
    assert [path.name for path in find_films([tmp_path])] == ["film.png"]


def test_files_are_taken_as_they_are_and_once(tmp_path: Path) -> None:
    film, odd = put(tmp_path / "film.png"), put(tmp_path / "report.txt")
    absent = tmp_path / "absent.png"
    assert find_films([odd, film, absent, film, tmp_path]) == [odd, film, absent]


def test_a_folder_without_films_is_an_error(tmp_path: Path) -> None:
    put(tmp_path / "readme.txt")
    with pytest.raises(DataError, match=r"holds no radiograph\. Expected files that end in"):
        find_films([tmp_path])
