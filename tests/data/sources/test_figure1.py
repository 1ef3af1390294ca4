"""The Figure 1 set: its published list, and lists gone wrong."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

HEADER = (
    "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,"
    "artifacts/distortion,notes"
)
ROWS = (
    'COVID-00001,13,M,33,COVID-19,,,58,AP erect,X-ray,,"Fever of 38°, cough"',
    "COVID-00002a,,F,50+,COVID-19,,,,,X-ray,,",
    "COVID-00002b,,F,50+,No finding,,,,L,X-ray,,",
    "COVID-00003,,,early 40s,,,,,,X-ray,,labeled covid19",
)


def write(folder: Path, *rows: str, encoding: str = "latin-1") -> Path:
    path = folder / "metadata.csv"
    path.write_bytes("\n".join((*rows, "")).encode(encoding))
    return path


def listing(folder: Path) -> Listing:
    return sources.create("figure1").listing(Request(labels=folder))


def test_the_published_list_has_the_counts_that_were_published(shared_data: Path) -> None:
    made = listing(shared_data / "formats")
    counts = dict(made.frame["label"].value_counts().iter_rows())
    assert counts == {"covid": 35, "normal": 3, "pneumonia": 2}
    assert made.listed == 55
    assert [(out.reason, out.count) for out in made.left_out] == [("the finding is blank", 15)]


def test_films_of_one_patient_in_the_published_list_agree_in_sex_and_age(shared_data: Path) -> None:
    frame = listing(shared_data / "formats").frame
    several = frame.filter(pl.len().over("patient_id") > 1)
    assert several["patient_id"].unique().sort().to_list() == [
        "COVID-00015",
        "COVID-00039",
        "COVID-00043",
    ]
    assert several.select("patient_id", "sex", "age").unique().height == 3


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_it_is_read_in_latin_1_and_in_utf_8(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, HEADER, *ROWS, encoding=encoding)
    made = listing(tmp_path)
    assert made.frame["file"].to_list() == ["images/COVID-00001.jpg", "images/COVID-00002a.jpg"]
    assert made.frame["patient_id"].to_list() == ["COVID-00001", "COVID-00002"]
    assert made.frame.row(0, named=True)["view"] == "AP ERECT"
    assert made.frame["age"].to_list() == [33.0, 50.0]


def test_what_is_left_out_is_said_and_views_not_given_are_noted(tmp_path: Path) -> None:
    write(tmp_path, HEADER, *ROWS)
    made = listing(tmp_path)
    assert {out.reason: out.examples for out in made.left_out} == {
        "the view is not frontal": ("row 4: COVID-00002b",),
        "the finding is blank": ("row 5: COVID-00003",),
    }
    assert made.notes[0].startswith("1 of 2 images have no view")


def test_jpg_and_png_are_both_found_and_films_left_out_are_not_extra(tmp_path: Path) -> None:
    write(tmp_path, HEADER, *ROWS)
    (tmp_path / "images").mkdir()
    for name in ("COVID-00001.png", "COVID-00002a.jpg", "COVID-00003.png", "stray.png"):
        (tmp_path / "images" / name).touch()
    record = build("figure1", Request(root=tmp_path)).reconciliation
    assert record.missing == ()
    assert [path for _, path, _ in record.renamed] == ["images/COVID-00001.png"]
    assert record.extra == ("images/stray.png",)


def test_the_list_of_another_set_is_refused(tmp_path: Path) -> None:
    write(tmp_path, HEADER.replace("modality,", "modality,imagename,"), "a,,,,,,,,,,,,")
    with pytest.raises(HilumError, match=r"metadata\.csv has a column 'imagename'.*another set"):
        listing(tmp_path)


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match=r"holds no figure1_metadata\.csv or metadata\.csv"):
        listing(tmp_path)


def test_a_missing_column_is_named_with_the_file(tmp_path: Path) -> None:
    write(tmp_path, HEADER.replace("finding", "result"), *ROWS)
    with pytest.raises(HilumError, match=r"metadata\.csv: expected a column 'finding'"):
        listing(tmp_path)


def test_a_file_cut_short_names_the_row(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, *ROWS)
    path.write_bytes(path.read_bytes()[:-25])
    with pytest.raises(HilumError, match=r"(?s)metadata\.csv cannot be read as a table.*row 5"):
        listing(tmp_path)


def test_a_quote_never_closed_is_refused(tmp_path: Path) -> None:
    write(tmp_path, HEADER, ROWS[0].removesuffix('"'), *ROWS[1:])
    with pytest.raises(HilumError, match=r"metadata\.csv cannot be read as a table"):
        listing(tmp_path)
