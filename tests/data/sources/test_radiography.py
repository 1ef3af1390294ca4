"""The COVID-19 Radiography Database, under the names and folders of each release."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.manifest_layouts import NO_PATIENTS
from hilum.data.sources import Listing, Request, build, sources
from hilum.data.sources.aliases import aliases
from hilum.data.sources.files import Files
from hilum.errors import HilumError

FIRST = (
    "COVID-19/COVID-19 (1).png",
    "NORMAL/NORMAL (2).png",
    "Viral Pneumonia/Viral Pneumonia (3).png",
)
THIRD = ("COVID/COVID (1).png", "NORMAL/NORMAL (2).png", "Viral Pneumonia/Viral Pneumonia (3).png")
FOURTH = ("COVID/COVID-1.png", "Normal/Normal-2.png", "Viral Pneumonia/Viral Pneumonia-3.png")
FIFTH = (
    "COVID/images/COVID-1.png",
    "Normal/images/Normal-2.png",
    "Viral Pneumonia/images/Viral Pneumonia-3.png",
)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def listing(root: Path, version: str | None = None) -> Listing:
    return sources.create("radiography").listing(Request(root=root, version=version))


@pytest.mark.parametrize("names", [FIRST, THIRD, FOURTH, FIFTH])
def test_every_release_is_labelled_by_its_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    made = listing(touch(tmp_path, *(f"COVID-19_Radiography_Dataset/{name}" for name in names)))
    assert made.frame["label"].to_list() == ["covid", "normal", "pneumonia"]
    assert made.frame["patient_id"].to_list() == [Path(name).stem for name in names]
    assert made.notes == (NO_PATIENTS,)


def test_lung_opacity_is_another_disease_and_a_note_says_so(tmp_path: Path) -> None:
    made = listing(touch(tmp_path, "Lung_Opacity/images/Lung_Opacity-1.png"))
    assert made.frame.select("label", "findings").rows() == [("other_disease", "Lung Opacity")]
    assert made.notes[1].startswith("Lung opacity")


def test_masks_are_no_films_but_belong_to_them(tmp_path: Path) -> None:
    touch(tmp_path, *FIFTH, "COVID/masks/COVID-1.png", "COVID/masks/COVID-9.png")
    built = build("radiography", Request(root=tmp_path))
    frame = built.manifest.frame
    assert frame["lung_mask"].to_list() == ["COVID/masks/COVID-1.png", None, None]
    assert built.reconciliation.extra == ()
    assert any("256 by 256" in note for note in built.manifest.notes)


def test_a_written_manifest_finds_images_and_masks_from_where_it_lies(tmp_path: Path) -> None:
    root = touch(tmp_path / "set", *FIFTH, "COVID/masks/COVID-1.png")
    built = build("radiography", Request(root=root))
    built.manifest.write(tmp_path / "manifest.csv")
    again = type(built.manifest).read(tmp_path / "manifest.csv")
    assert again.frame["lung_mask"][0] == "set/COVID/masks/COVID-1.png"


def test_files_that_cannot_be_labelled_are_left_out_with_a_reason(tmp_path: Path) -> None:
    touch(tmp_path, "COVID/COVID-1.png", "docs/figure.png", "Normal/COVID-2.png")
    touch(tmp_path, "copy/COVID/COVID-1.png")
    made = listing(tmp_path)
    assert made.frame.height == 1
    assert {out.reason: out.examples for out in made.left_out} == {
        "in no folder of a class": ("docs/figure.png",),
        "named after another class than its folder": ("Normal/COVID-2.png",),
        "the same name lies there twice": ("copy/COVID/COVID-1.png",),
    }


def test_the_page_an_image_came_from_is_read_from_tables_saved_as_csv(tmp_path: Path) -> None:
    touch(tmp_path, *FOURTH)
    table = "FILE NAME,FORMAT,SIZE,URL\nCOVID-1,PNG,256*256,https://sirm.org\n"
    (tmp_path / "COVID.metadata.csv").write_text(table)
    (tmp_path / "Normal.metadata.csv").write_text("FILE NAME,FORMAT,SIZE,URL\nNORMAL-2,PNG,1,k\n")
    assert listing(tmp_path).frame["origin"].to_list() == ["https://sirm.org", "k", None]


def test_spreadsheets_are_noted_with_what_to_do(tmp_path: Path) -> None:
    *_, note = listing(touch(tmp_path, *FOURTH, "COVID.metadata.xlsx")).notes
    assert "save them as CSV beside them" in note


def test_a_table_cut_short_names_file_and_row(tmp_path: Path) -> None:
    touch(tmp_path, *FOURTH)
    (tmp_path / "COVID.metadata.csv").write_text("FILE NAME,FORMAT,SIZE,URL\nCOVID-1,PNG\n")
    with pytest.raises(HilumError, match=r"(?s)COVID\.metadata\.csv cannot be read.*row 2"):
        listing(tmp_path)


def test_counts_are_set_beside_those_of_the_release(tmp_path: Path) -> None:
    record = build("radiography", Request(root=touch(tmp_path, *FIRST), version="1"))
    lines = record.reconciliation.published
    assert any("says 219 covid, " in line and "; here are 1 and " in line for line in lines)


def test_a_release_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match="radiography has no version '2'"):
        listing(touch(tmp_path, *FIRST), version="2")


def test_a_folder_without_classes_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match=r"no images in folders COVID, Normal.*got a/b\.png"):
        listing(touch(tmp_path, "a/b.png"))


@pytest.mark.parametrize(
    ("listed", "lying"),
    [
        ("COVID(1).png", "COVID (1).png"),
        ("COVID-19(69).png", "COVID-19 (69).png"),
        ("COVID-19(69).png", "COVID (69).png"),
        ("COVID(69).png", "COVID-19 (69).png"),
        ("NORMAL (3).png", "Normal-3.png"),
        ("Viral Pneumonia (3).png", "Viral Pneumonia-3.png"),
    ],
)
def test_a_listed_name_is_found_under_the_name_of_another_release(
    tmp_path: Path, listed: str, lying: str
) -> None:
    found = Files.walk(touch(tmp_path, lying)).find(listed)
    assert found is not None
    assert (found.path, found.rule) in {
        (lying, "numbering"),
        (lying, "series name and numbering"),
    }


@pytest.mark.parametrize("listed", ["COVID(1).png", "COVID-19(1).png"])
def test_a_name_of_the_release_that_counts_anew_says_to_compare(
    tmp_path: Path, listed: str
) -> None:
    found = Files.walk(touch(tmp_path, "COVID-1.png")).find(listed)
    assert found is not None
    assert found.rule.endswith("of a release that counts anew: compare the films")


def test_the_nineteen_of_covid_19_never_becomes_part_of_a_number() -> None:
    names = {name for name, _ in aliases("COVID(1).png")}
    assert "covid-191.png" not in names
    assert "covid-19 (1).png" in names
