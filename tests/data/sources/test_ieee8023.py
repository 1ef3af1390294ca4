"""The COVID-19 image data collection, in the schema it began with and in the one it ended with."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

FIRST_HEADER = (
    "Patientid,offset,sex,age,finding,survival,view,date,location,filename,doi, url,license,notes"
)
LAST_HEADER = (
    "patientid,offset,sex,age,finding,RT_PCR_positive,survival,intubated,intubation_present,"
    "went_icu,in_icu,needed_supplemental_O2,extubated,temperature,pO2_saturation,leukocyte_count,"
    "neutrophil_count,lymphocyte_count,view,modality,date,location,folder,filename,doi,url,license,"
    "clinical_notes,other_notes,"
)


def first(patient: str, finding: str, view: str, name: str, *, sex: str = "M") -> str:
    """A row as in March 2020."""
    return f'{patient},3,{sex},65,"{finding}",Y,{view},2020,"Hanoi, Vietnam",{name},,https://a.b,,n'


def last(
    patient: str,
    finding: str,
    view: str,
    name: str,
    *,
    modality: str = "X-ray",
    folder: str = "images",
    url: str = "https://example.org/1",
    sex: str = "F",
    offset: str = "4",
) -> str:
    """A row as in October 2020: 30 fields, the last one empty."""
    known = f'"January 22, 2020","Rome, Italy",{folder},{name},10.1/x,{url},CC BY-NC-SA,"a ""b""",'
    return f"{patient},{offset},{sex},75,{finding},Y{',' * 13}{view},{modality},{known},"


def write(folder: Path, *rows: str, encoding: str = "utf-8", end: str = "\n") -> Path:
    path = folder / "metadata.csv"
    path.write_bytes(end.join((*rows, "")).encode(encoding))
    return path


def listing(folder: Path) -> Listing:
    return sources.create("ieee8023").listing(Request(labels=folder))


def test_the_last_schema_with_its_unnamed_thirtieth_column_is_read(tmp_path: Path) -> None:
    row = last("324b", "Pneumonia/Viral/COVID-19", "AP Supine", "a.png")
    assert len(LAST_HEADER.split(",")) == 30
    write(tmp_path, LAST_HEADER, row)
    found = listing(tmp_path).frame.to_dicts()
    assert found == [
        {
            "file": "images/a.png",
            "patient_id": "324b",
            "source": "ieee8023",
            "label": "covid",
            "view": "AP SUPINE",
            "sex": "F",
            "age": 75.0,
            "findings": "Pneumonia/Viral/COVID-19",
            "offset_days": "4",
            "study_date": "January 22, 2020",
            "licence": "CC BY-NC-SA",
            "location": "Rome, Italy",
            "doi": "10.1/x",
            "url": "https://example.org/1",
        }
    ]


def test_the_first_schema_is_read_into_the_same_columns(tmp_path: Path) -> None:
    write(tmp_path, FIRST_HEADER, first("2", "COVID-19, ARDS", "PA", "a.jpeg"))
    old = listing(tmp_path).frame
    write(tmp_path, LAST_HEADER, last("2", "COVID-19", "PA", "a.jpeg"))
    assert old.schema == listing(tmp_path).frame.schema
    assert old.select("file", "label", "view", "sex", "age", "url").rows() == [
        ("images/a.jpeg", "covid", "PA", "M", 65.0, "https://a.b")
    ]


def test_what_is_no_frontal_film_is_left_out_and_counted_by_view(tmp_path: Path) -> None:
    covid = "Pneumonia/Viral/COVID-19"
    write(
        tmp_path,
        LAST_HEADER,
        last("1", covid, "PA", "pa.png"),
        last("1", covid, "L", "l1.png"),
        last("2", covid, "L", "l2.png"),
        last("2", covid, "Axial", "slice.png"),
        last("3", covid, "Axial", "x.png", modality="CT"),
        last("3", covid, "Coronal", "v.nii.gz", modality="CT", folder="volumes"),
        last("4", covid, "", "blank.png"),
    )
    made = listing(tmp_path)
    assert made.frame["file"].to_list() == ["images/pa.png"]
    assert {out.reason: out.count for out in made.left_out} == {
        "a CT volume, not a film": 1,
        "the modality is not X-ray": 1,
        "no view is given": 1,
        "the view is not frontal (L 2, Axial 1)": 3,
    }


def test_a_ct_slice_of_the_first_schema_is_told_by_its_view(tmp_path: Path) -> None:
    covid = ("17", "COVID-19")
    write(tmp_path, FIRST_HEADER, first(*covid, "AP", "a.jpg"), first(*covid, "CT", "d.jpg"))
    made = listing(tmp_path)
    assert made.left_out[0].reason == "the view is not frontal (CT 1)"
    assert made.left_out[0].examples == ("metadata.csv row 3: d.jpg".removeprefix("metadata.csv "),)


def test_undecided_findings_and_repeated_names_are_left_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        LAST_HEADER,
        last("1", "Tuberculosis", "PA", "a.png"),
        last("1", "todo", "PA", "b.png"),
        last("2", "Unknown", "PA", "c.png"),
        last("1", "Tuberculosis", "PA", "a.png"),
    )
    made = listing(tmp_path)
    assert made.frame["label"].to_list() == ["other_disease"]
    assert {out.reason: out.count for out in made.left_out} == {
        "the finding is blank, todo or unknown": 2,
        "listed again": 1,
    }
    assert made.frame.height + sum(out.count for out in made.left_out) == made.listed


def test_an_offset_that_is_no_number_is_unknown(tmp_path: Path) -> None:
    rows = [last("1", "SARS", "PA", f"{n}.png", offset=n) for n in ("-2", "?", "10")]
    write(tmp_path, LAST_HEADER, *rows)
    assert listing(tmp_path).frame["offset_days"].to_list() == ["-2", None, "10"]


def test_notes_count_shared_images_and_patients_in_doubt(tmp_path: Path) -> None:
    eurorad = "https://www.eurorad.org/case/934"
    write(
        tmp_path,
        LAST_HEADER,
        last("62", "Pneumonia/Viral/COVID-19", "PA", "a.png", url=eurorad),
        last("62", "No Finding", "PA", "b.png", sex="M"),
    )
    shared, sexes, mixed = listing(tmp_path).notes
    assert shared.startswith("1 images come from Eurorad, SIRM or the Hannover repository")
    assert sexes.startswith("1 patient id(s) have films of both sexes (62)")
    assert mixed.startswith("1 patient(s) have images with different labels (62)")


def test_it_builds_against_files_below_the_images_folder(tmp_path: Path) -> None:
    covid = "Pneumonia/Viral/COVID-19"
    write(
        tmp_path,
        LAST_HEADER,
        last("1", covid, "PA", "a"),
        last("1", covid, "L", "side.png"),
        last("2", covid, "AP erect", "gone.png"),
    )
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations" / "lungVAE-masks").mkdir(parents=True)
    for name in ("images/a.jpg", "images/side.png", "annotations/lungVAE-masks/a_mask.png"):
        (tmp_path / name).touch()
    record = build("ieee8023", Request(root=tmp_path)).reconciliation
    assert record.renamed == (("images/a", "images/a.jpg", "extension"),)
    assert record.missing == (("images/gone.png", "ieee8023"),)
    assert record.extra == ()


def test_windows_line_ends_are_read(tmp_path: Path) -> None:
    write(tmp_path, LAST_HEADER, last("1", "SARS", "PA", "a.png"), end="\r\n")
    assert listing(tmp_path).frame["label"].to_list() == ["pneumonia"]


@pytest.mark.parametrize(
    ("column", "named"), [("patientid", "patientid"), ("finding", "finding"), ("view", "view")]
)
def test_a_missing_column_is_named_with_the_file(tmp_path: Path, column: str, named: str) -> None:
    header = LAST_HEADER.replace(f"{column},", f"x{column},", 1)
    write(tmp_path, header, last("1", "SARS", "PA", "a.png"))
    with pytest.raises(HilumError, match=rf"metadata\.csv: expected a column '{named}'"):
        listing(tmp_path)


def test_a_file_cut_short_names_the_row(tmp_path: Path) -> None:
    path = write(tmp_path, LAST_HEADER, *(last("1", "SARS", "PA", f"{n}.png") for n in "abc"))
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(HilumError, match=r"(?s)metadata\.csv cannot be read as a table.*row 4"):
        listing(tmp_path)


def test_latin_1_in_place_of_utf_8_names_the_byte_and_the_line(tmp_path: Path) -> None:
    row = last("1", "SARS", "PA", "a.png").replace("Rome", "Málaga")
    write(tmp_path, LAST_HEADER, row, encoding="latin-1")
    with pytest.raises(HilumError, match=r"metadata\.csv is not UTF-8: byte 0xe1 .*line 2"):
        listing(tmp_path)


def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    rows = [last("1", "SARS", "PA", f"{n}.png") for n in "abc"]
    write(tmp_path, LAST_HEADER, rows[0].replace('Rome, Italy"', "Rome, Italy"), *rows[1:])
    with pytest.raises(HilumError, match=r"metadata\.csv cannot be read as a table"):
        listing(tmp_path)
