"""Paper 4's Data-A and Data-B: sizes as stated, draws that repeat, patients kept apart."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

NIH = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
SIX = ("Atelectasis", "Cardiomegaly", "Infiltration", "Effusion", "Nodule", "Mass")


def nih_rows() -> list[str]:
    """1,000 patients with three images each: normal, a disease alone, and one of several kinds."""
    rows = []
    for patient in range(1, 1001):
        third = "Pneumonia" if patient % 10 == 0 else "Effusion|Pneumonia|Mass"
        kinds = ("No Finding", SIX[patient % 6], "Hernia" if patient % 5 else third)
        rows += [
            f"{patient:08d}_{i:03d}.png,{kind},{i},{patient},50,M,PA,9,9,1,1"
            for i, kind in enumerate(kinds)
        ]
    return rows


def covid_rows() -> list[str]:
    """300 films of COVID-19: 30 of SIRM, 15 of Radiopaedia, the rest of papers."""
    urls = ["https://www.sirm.org/a"] * 30 + ["https://radiopaedia.org/b"] * 15
    urls += ["https://doi.org/c"] * 255
    return [f"{i},M,40,COVID-19,PA,X-ray,images,{i}.jpg,{url}" for i, url in enumerate(urls)]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    (tmp_path / "Data_Entry_2017_v2020.csv").write_text("\n".join([NIH, *nih_rows()]) + "\n")
    header = "patientid,sex,age,finding,view,modality,folder,filename,url"
    (tmp_path / "metadata.csv").write_text("\n".join([header, *covid_rows()]) + "\n")
    return tmp_path


def listing(name: str, labels: Path, **options: str) -> Listing:
    options = {key.replace("_", "-"): value for key, value in options.items()}
    return sources.create(name).listing(Request(labels=labels, options=options))


def counts(frame: pl.DataFrame, *columns: str) -> dict[object, int]:
    return {tuple(row[:-1]): row[-1] for row in frame.group_by(columns).len().iter_rows()}


def test_data_b_has_the_sizes_that_the_paper_states(labels: Path) -> None:
    frame = listing("detl-b", labels).frame
    sizes = {("normal",): 350, ("other_disease",): 300, ("pneumonia",): 100, ("covid",): 220}
    assert counts(frame, "label") == sizes
    assert set(frame.filter(label="pneumonia")["findings"]) == {"Pneumonia"}
    each = counts(frame.filter(label="other_disease"), "findings")
    assert each == {(name,): 50 for name in SIX}


def test_data_b_says_which_films_there_are_too_few_of(labels: Path) -> None:
    notes = listing("detl-b", labels).notes
    assert notes[0] == "The collection has fewer films of COVID-19: 15 of 20 from radiopaedia."
    assert "make the folds by patient" in notes[1]


def test_fifty_other_diseases_are_among_the_three_hundred(labels: Path) -> None:
    few = listing("detl-b", labels, other="50").frame.filter(label="other_disease")
    many = listing("detl-b", labels).frame.filter(label="other_disease")
    assert few.height == 50
    assert set(few["file"]) < set(many["file"])


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_rows(labels: Path) -> None:
    first = listing("detl-b", labels).frame["file"].to_list()
    table = labels / "Data_Entry_2017_v2020.csv"
    table.write_text("\n".join([NIH, *reversed(nih_rows())]) + "\n")
    assert listing("detl-b", labels).frame["file"].to_list() == first
    assert listing("detl-b", labels, seed="1").frame["file"].to_list() != first


def test_all_rows_are_accounted_for(labels: Path) -> None:
    for name in ("detl-a", "detl-b"):
        made = listing(name, labels)
        assert made.frame.height + sum(out.count for out in made.left_out) == made.listed


def test_data_a_shares_no_patient_with_data_b(labels: Path) -> None:
    theirs = listing("detl-b", labels).frame.filter(source="nih")
    ours = listing("detl-a", labels).frame
    assert not set(ours["patient_id"]) & set(theirs["patient_id"])
    assert not ours["findings"].str.contains("Pneumonia").any()


def test_data_a_as_published_says_how_many_patients_it_shares(labels: Path) -> None:
    theirs = listing("detl-b", labels).frame.filter(source="nih")
    made = listing("detl-a", labels, data_b="in")
    shared = set(made.frame["patient_id"]) & set(theirs["patient_id"])
    assert any(
        note.startswith(f"{len(shared)} of these patients are in Data-B") for note in made.notes
    )
    assert len(shared) > 300


def test_the_validation_set_is_balanced_and_shares_no_patient(labels: Path) -> None:
    made = listing("detl-a", labels, val="200")
    val, train = made.frame.filter(split="val"), made.frame.filter(split="train")
    assert counts(val, "label") == {("normal",): 100, ("other_disease",): 100}
    assert not set(val["patient_id"]) & set(train["patient_id"])
    assert any(out.reason.startswith("of a validation patient") for out in made.left_out)


def test_by_image_as_published_leaks_and_the_manifest_says_so(labels: Path) -> None:
    built = build(
        "detl-a",
        Request(labels=labels, options={"split": "image", "val": "200", "data-b": "in"}),
        lists_only=True,
    )
    val = built.manifest.frame.filter(split="val")
    assert counts(val, "label") == {("normal",): 100, ("other_disease",): 100}
    assert "stand in more than one split" in built.reconciliation.notes[-1]


def test_too_few_images_make_the_validation_set_smaller_with_a_note(labels: Path) -> None:
    made = listing("detl-a", labels, data_b="in")
    assert made.frame.filter(split="val").height == 1000
    assert made.notes[0].startswith("The validation set has 1,000 images instead of 20,000")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("detl-a", {"val": "90000"}, "val: expected 2 to "),
        ("detl-a", {"val": "-3"}, "val: expected a whole number, got '-3'"),
        ("detl-a", {"other": "50"}, "no option 'other' here"),
        ("detl-b", {"other": "51"}, "other: expected 50 or 300, got '51'"),
        ("detl-b", {"seed": "x"}, "seed: expected a whole number, got 'x'"),
    ],
)
def test_options_that_cannot_be_met_are_refused(
    labels: Path, name: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(HilumError, match=said):
        listing(name, labels, **options)


def test_without_the_collection_it_is_asked_for(labels: Path) -> None:
    (labels / "metadata.csv").unlink()
    with pytest.raises(HilumError, match=r"metadata\.csv"):
        listing("detl-b", labels)


def test_a_collection_without_covid_is_refused(labels: Path) -> None:
    path = labels / "metadata.csv"
    path.write_text(path.read_text().replace("COVID-19", "Streptococcus"))
    with pytest.raises(HilumError, match=r"lists no film of COVID-19"):
        listing("detl-b", labels)


def test_a_table_cut_off_is_refused_with_its_row(labels: Path) -> None:
    path = labels / "Data_Entry_2017_v2020.csv"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(HilumError, match="row 3001: 9 fields, expected 11|row 3001: "):
        listing("detl-a", labels)


def test_the_first_rows_of_the_published_table_build(shared_data: Path) -> None:
    made = listing("detl-a", shared_data / "formats")
    val = made.frame.filter(split="val")
    assert val.height > 200
    assert len(set(counts(val, "label").values())) == 1
