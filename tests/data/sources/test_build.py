"""From lists and a disk to a manifest and a reckoning."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from hilum.data.manifest import Manifest
from hilum.data.sources import Request, build, write_build
from hilum.errors import ConfigError, DataError

HEADER = "patient_id,image_id,sex,age,projection,admission_offset"
ROWS = ("p1,a,f,38,pa,0", "p1,b,f,38,ap,2", "p2,c,m,61,ap,1")


def write(root: Path, *rows: str, labels: str = "labels", films: str = "png") -> Path:
    (root / labels).mkdir(parents=True, exist_ok=True)
    (root / labels / "data.csv").write_text("\n".join((HEADER, *rows, "")))
    (root / films).mkdir(parents=True, exist_ok=True)
    for row in rows:
        (root / films / f"{row.split(',')[1]}.png").touch()
    return root


def test_a_whole_set_is_built_with_every_column(tmp_path: Path) -> None:
    built = build("hannover", Request(root=write(tmp_path, *ROWS)))
    assert built.manifest.frame.columns[:4] == ["path", "patient_id", "source", "label"]
    assert built.manifest.frame.row(0, named=True) == {
        "path": "png/a.png",
        "patient_id": "p1",
        "source": "hannover",
        "label": "covid",
        "view": "PA",
        "sex": "F",
        "age": 38.0,
        "offset_days": "0",
        "original": "png/a.png",
    }
    total = built.reconciliation.total
    assert (total.expected, total.found, total.renamed, total.missing) == (3, 3, 0, 0)


def test_labels_lie_in_root_labels_if_there_is_such_a_folder(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    (tmp_path / "data.csv").write_text("another file of that name")
    assert len(build("hannover", Request(root=tmp_path)).manifest) == 3


def test_labels_are_found_anywhere_below_a_root_without_such_a_folder(tmp_path: Path) -> None:
    write(tmp_path, *ROWS, labels="repository-main/doc")
    assert len(build("hannover", Request(root=tmp_path)).manifest) == 3


def test_labels_named_come_before_all_others(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    write(tmp_path / "mine", ROWS[0], labels=".")
    request = Request(root=tmp_path, labels=tmp_path / "mine")
    assert len(build("hannover", request).manifest) == 1


def test_nothing_missing_stops_a_build_and_all_of_it_is_told(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    (tmp_path / "png" / "b.png").unlink()
    (tmp_path / "png" / "c.png").rename(tmp_path / "png" / "c.jpg")
    (tmp_path / "stray.png").touch()
    built = build("hannover", Request(root=tmp_path))
    record = built.reconciliation
    assert built.manifest.frame["path"].to_list() == ["png/a.png", "png/c.jpg"]
    assert built.manifest.frame["original"].to_list() == ["png/a.png", "png/c.png"]
    assert record.missing == (("png/b.png", "hannover"),)
    assert record.renamed == (("png/c.png", "png/c.jpg", "extension"),)
    assert record.extra == ("stray.png",)
    assert record.labels == (("", "covid", 2),)


def test_a_strict_build_refuses_what_is_missing_and_shows_the_reckoning(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    (tmp_path / "png" / "b.png").unlink()
    with pytest.raises(DataError, match=r"(?s)not whole.*missing 1: png/b\.png"):
        build("hannover", Request(root=tmp_path), strict=True)


def test_one_file_answers_for_one_listed_name_only(tmp_path: Path) -> None:
    write(tmp_path, "p1,COVID-1,f,38,pa,0", "p2,COVID(1),f,38,pa,0")
    (tmp_path / "png" / "COVID(1).png").unlink()
    record = build("hannover", Request(root=tmp_path)).reconciliation
    assert record.missing == (("png/COVID(1).png", "hannover"),)
    assert record.renamed == ()


def test_none_found_names_an_example_and_how_to_get_the_set(tmp_path: Path) -> None:
    root = write(tmp_path, *ROWS)
    for film in (root / "png").iterdir():
        film.unlink()
    wanted = r"none of 3 listed images.*for example, png/a\.png.*git clone"
    with pytest.raises(DataError, match=wanted):
        build("hannover", Request(root=root))


def test_lists_only_takes_every_row_and_looks_for_no_file(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    built = build("hannover", Request(labels=tmp_path / "labels"), lists_only=True)
    assert built.manifest.frame["path"].to_list() == ["png/a.png", "png/b.png", "png/c.png"]
    assert built.reconciliation.lists_only
    assert built.reconciliation.missing == ()


def test_the_folder_of_images_must_be_there_unless_only_lists_are_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name the folder of images with --root"):
        build("hannover", Request(labels=tmp_path))
    with pytest.raises(DataError, match="There is no folder .*nowhere"):
        build("hannover", Request(root=tmp_path / "nowhere"))


def test_lists_of_which_nothing_is_left_say_why(tmp_path: Path) -> None:
    write(tmp_path, "p1,a,f,38,lateral,0", "p2,b,f,38,,0")
    wanted = "hannover: none of 2 rows is left. Left out: 2 the view is not frontal"
    with pytest.raises(DataError, match=wanted):
        build("hannover", Request(root=tmp_path))


def test_an_unknown_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="No data set called 'hanover'. Did you mean 'hannover'?"):
        build("hanover", Request())


def test_what_is_written_reads_back_from_another_folder(tmp_path: Path) -> None:
    built = build("hannover", Request(root=write(tmp_path / "data", *ROWS)))
    beside = write_build(built, tmp_path / "out" / "m.parquet")
    again = Manifest.read(tmp_path / "out" / "m.parquet")
    assert [path.resolve() for path in again.paths()] == [
        tmp_path / "data" / "png" / f"{name}.png" for name in "abc"
    ]
    record = json.loads(beside.read_text())
    assert beside.name == "m.reconciliation.json"
    assert record["total"] == {
        "source": "all",
        "expected": 3,
        "found": 3,
        "renamed": 0,
        "missing": 0,
    }


def test_a_label_file_lying_nearest_is_taken(tmp_path: Path) -> None:
    for folder in ("a/b", "z"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Data.CSV").write_text(folder)
    assert Request(labels=tmp_path).label_file("data.csv").read_text() == "z"


def test_label_files_are_found_by_globs_in_the_order_named(tmp_path: Path) -> None:
    for name in ("x_Labels_v2.csv", "old.csv", ".x_labels_v9.csv"):
        (tmp_path / name).touch()
    found = Request(labels=tmp_path).find_label_file("gone.csv", "*_labels_v?.csv", "old.csv")
    assert found == tmp_path / "x_Labels_v2.csv"
    assert Request(labels=tmp_path).find_label_file("gone.csv") is None


def test_a_label_file_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").touch()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="holds no meta-data.csv. Did you mean 'metadata.csv'?"):
        Request(labels=tmp_path).label_file("meta-data.csv")
    with pytest.raises(DataError, match="It holds no list at all"):
        Request(labels=empty).label_file("x.csv")
    with pytest.raises(DataError, match="There is no folder .*gone, where x.csv"):
        Request(labels=tmp_path / "gone").label_file("x.csv")
    with pytest.raises(DataError, match="name it with --labels"):
        Request().label_file("x.csv")


def test_a_patient_in_two_splits_is_built_and_noted(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}_COVIDx8B.txt").write_text(f"p {split}.png negative rsna\n")
    built = build("covidx", Request(labels=tmp_path), lists_only=True)
    assert built.manifest.frame.filter(pl.col("patient_id") == "p").height == 2
    assert any("stand in more than one split" in note for note in built.manifest.notes)
