"""ChestX-ray14: both releases of its table, its official lists, and files damaged in every way."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
ROWS = (
    "00000001_000.png,Cardiomegaly|Effusion,0,1,57,M,PA,2682,2749,0.143,0.143",
    "00000001_001.png,No Finding,1,1,58,M,AP,2894,2729,0.143,0.143",
    "00000002_000.png,Infiltration|Pneumonia,0,2,80,F,PA,2500,2048,0.171,0.171",
)


def write(folder: Path, *rows: str, header: str = HEADER, end: str = "\n") -> Path:
    path = folder / "Data_Entry_2017_v2020.csv"
    path.write_bytes((end.join([header, *rows]) + end).encode())
    return path


def listing(folder: Path, **options: str) -> Listing:
    return sources.create("nih").listing(Request(labels=folder, options=options))


def test_each_row_gives_all_that_is_known(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    first, second, third = listing(tmp_path).frame.to_dicts()
    assert first == {
        "file": "00000001_000.png",
        "patient_id": "1",
        "source": "nih",
        "label": "other_disease",
        "study_id": "1_0",
        "view": "PA",
        "sex": "M",
        "age": 57.0,
        "findings": "Cardiomegaly|Effusion",
        "width": "2682",
        "height": "2749",
    }
    assert (second["label"], third["label"]) == ("normal", "pneumonia")


def test_the_published_table_has_the_counts_of_its_rows(shared_data: Path) -> None:
    made = listing(shared_data / "formats")
    counts = dict(made.frame["label"].value_counts().iter_rows())
    assert counts == {"normal": 2173, "other_disease": 1777, "pneumonia": 50}
    assert (made.listed, made.left_out, made.frame["patient_id"].n_unique()) == (4000, (), 1088)


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    plain = listing(tmp_path).frame
    write(tmp_path, *ROWS, end="\r\n")
    assert listing(tmp_path).frame.equals(plain)


def test_the_release_of_2017_writes_ages_with_a_unit_and_ends_rows_with_a_comma(
    tmp_path: Path,
) -> None:
    rows = (
        "00000001_000.png,No Finding,0,1,058Y,M,PA,2682,2749,0.143,0.143,",
        "00000002_000.png,No Finding,0,2,011M,F,AP,2500,2048,0.171,0.171,",
        "00000003_000.png,No Finding,0,3,412Y,F,AP,2500,2048,0.171,0.171,",
    )
    write(tmp_path, *rows, header=HEADER + ",").rename(tmp_path / "Data_Entry_2017.csv")
    made = listing(tmp_path)
    assert made.frame["age"].to_list() == [58.0, pytest.approx(11 / 12), None]
    assert made.notes[-1] == (
        "1 image(s) give an age above 120 years, a slip of Data_Entry_2017.csv; taken as unknown."
    )


def test_official_lists_give_the_split(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    (tmp_path / "train_val_list.txt").write_text("00000001_000.png\n00000009_000.png\n")
    (tmp_path / "test_list.txt").write_text("00000002_000.png\r\n")
    made = listing(tmp_path)
    assert made.frame["split"].to_list() == ["train", None, "test"]
    assert made.notes == (
        "train_val_list.txt is train: draw a validation set from it by patient.",
        "1 image(s) stand in neither official list and have no split.",
        "The official lists name 1 image(s) that the table does not hold.",
    )


def test_one_official_list_alone_gives_no_split(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    (tmp_path / "test_list.txt").write_text("00000002_000.png\n")
    made = listing(tmp_path)
    assert "split" not in made.frame.columns
    assert made.notes[0].startswith("No official split: train_val_list.txt not found")


def test_an_image_in_both_lists_is_refused(tmp_path: Path) -> None:
    write(tmp_path, *ROWS)
    for name in ("train_val_list.txt", "test_list.txt"):
        (tmp_path / name).write_text("00000001_000.png\n")
    with pytest.raises(HilumError, match=r"1 image\(s\) stand in both official lists \(00000001"):
        listing(tmp_path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"00000001_000.png\n<html>\n",
            r"test_list\.txt line 2: expected a name such as 0.*<html>",
        ),
        (b"00000001_0\xe9.png\n", "expected UTF-8 text, got byte 0xe9 at offset 10"),
    ],
)
def test_an_official_list_that_is_none_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    write(tmp_path, *ROWS)
    (tmp_path / "test_list.txt").write_bytes(data)
    with pytest.raises(HilumError, match=said):
        listing(tmp_path)


def test_rows_that_cannot_be_used_are_left_out_with_their_row(tmp_path: Path) -> None:
    write(
        tmp_path,
        *ROWS,
        ROWS[0],
        ",No Finding,0,4,57,M,PA,1,1,1,1",
        "00000005_000.png,,0,5,57,M,PA,1,1,1,1",
        "00000006_000.png,No Finding,0,6,57,M,LL,1,1,1,1",
    )
    made = listing(tmp_path)
    assert {out.reason: out.examples for out in made.left_out} == {
        "no image or patient id": ("row 6: (empty)",),
        "no finding is given, not even No Finding": ("row 7: 00000005_000.png",),
        "the view is not frontal": ("row 8: 00000006_000.png",),
        "listed again": ("row 5: 00000001_000.png",),
    }
    assert made.frame.height + sum(out.count for out in made.left_out) == made.listed == 7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-20], r"row 4: \d+ fields, expected 11"),
        (lambda data: data.replace(b"Cardiomegaly", b"Cardiom\xe9galie"), r"not UTF-8: byte 0xe9"),
        (lambda data: data.replace(b",No F", b',"No F'), "quote"),
        (lambda data: data.replace(b"Finding Labels,", b"Finding,"), r"expected a column 'finding"),
        (lambda data: data.replace(b"Patient Gender", b"Geschlecht"), "'patient gender' or 'pat"),
        (lambda data: data[: data.index(b"\n")], "a header and no rows"),
        (lambda data: b"", r"is empty"),
    ],
)
def test_a_damaged_table_is_refused_with_its_place(tmp_path: Path, change, said: str) -> None:
    path = write(tmp_path, *ROWS)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(HilumError, match=said):
        listing(tmp_path)


def test_a_table_cut_off_at_any_byte_is_read_or_refused_in_words(tmp_path: Path) -> None:
    path = write(tmp_path, *ROWS)
    data = path.read_bytes()
    heights: list[int | None] = []
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        try:
            heights.append(listing(tmp_path).frame.height)
        except HilumError:
            heights.append(None)
    whole_rows = [data[:length].count(b"\n") - 1 for length in range(0, len(data), 7)]
    pairs = zip(heights, whole_rows, strict=True)
    assert all(height is None or height in (rows, rows + 1) for height, rows in pairs)
    assert None in heights
    assert heights.count(1) + heights.count(2) > 0


def test_films_are_found_in_the_folders_of_the_archives(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    write(tmp_path / "labels", *ROWS)
    for name in ("images_001/images/00000001_000.png", "images_002/images/00000002_000.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    built = build("nih", Request(root=tmp_path))
    assert built.manifest.frame["path"].to_list() == [
        "images_001/images/00000001_000.png",
        "images_002/images/00000002_000.png",
    ]
    assert built.reconciliation.missing == (("00000001_001.png", "nih"),)


def test_no_table_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match=r"holds no Data_Entry_2017_v2020\.csv"):
        listing(tmp_path)


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match="no option 'labels' here"):
        listing(tmp_path, labels="three")
