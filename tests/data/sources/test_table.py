"""A CSV file with a column mapping: names, views, paths that share a name, and damaged files."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

TEXT = """Path,Diagnosis,Subject,Site,Projection,Gender,Years
p1/view1.png,COVID-19,1,north,Frontal,Male,50
p2/view1.png,No Finding,2,south,PA,F,060Y
p2/view2.png,No Finding,2,south,Lateral,F,60
"""
OPTIONS = {
    "label": "Diagnosis",
    "patient_id": "Subject",
    "source": "Site",
    "view": "Projection",
    "sex": "Gender",
    "age": "Years",
    "relabel": "COVID-19:covid,No Finding:normal",
}


def write(folder: Path, text: str | bytes = TEXT, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def listing(folder: Path, **options: str) -> Listing:
    return sources.create("csv").listing(Request(labels=folder, options=options))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_columns_are_told_by_name_and_laterals_left_out(tmp_path: Path) -> None:
    write(tmp_path)
    made = listing(tmp_path, **OPTIONS)
    keys = ("file", "label", "patient_id", "source", "view", "sex", "age")
    assert made.frame.select(keys).rows() == [
        ("p1/view1.png", "covid", "1", "north", None, "M", 50.0),
        ("p2/view1.png", "normal", "2", "south", "PA", "F", 60.0),
    ]
    assert [(out.reason, out.examples) for out in made.left_out] == [
        ("the view is not frontal", ("row 4: p2/view2.png",))
    ]


def test_hilums_own_names_need_no_option(tmp_path: Path) -> None:
    write(tmp_path, "path,label,patient_id,source,split\na.png,normal,1,x,test\n")
    (row,) = listing(tmp_path).frame.to_dicts()
    assert row["split"] == "test"


def test_patients_and_source_may_be_missing_but_not_silently(tmp_path: Path) -> None:
    write(tmp_path, "path,label\na.png,normal\n./b.png,covid\nsub\\c.png,covid\n")
    made = listing(tmp_path, source_name="here")
    assert made.frame["patient_id"].to_list() == ["a.png", "b.png", "sub/c.png"]
    assert made.frame["source"].unique().to_list() == ["here"]
    assert made.notes[0].startswith("Patient identity is unknown")


def test_a_path_is_never_answered_by_a_file_of_that_name_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, TEXT)
    touch(tmp_path, "p2/view1.png", "p3/view1.png")
    built = build("csv", Request(root=tmp_path, options=OPTIONS))
    assert built.manifest.frame.select("path", "patient_id").rows() == [("p2/view1.png", "2")]
    assert built.reconciliation.missing == (("p1/view1.png", "north"),)
    assert built.reconciliation.extra == ("p3/view1.png",)


def test_paths_may_begin_above_or_below_the_root(tmp_path: Path) -> None:
    text = "path,label\nset-v1/train/p1/a.png,normal\np2/a.png,covid\nb.png,covid\n"
    root = tmp_path / "set-v1"
    touch(root, "train/p1/a.png", "train/p2/a.png", "train/p2/b.png")
    built = build("csv", Request(root=root, labels=write(tmp_path, text).parent))
    wanted = ["train/p1/a.png", "train/p2/a.png", "train/p2/b.png"]
    assert built.manifest.frame["path"].to_list() == wanted


def test_a_name_that_lies_there_twice_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path, "path,label\na.png,normal\nb.png,covid\n")
    touch(tmp_path, "x/a.png", "y/a.png", "y/b.png")
    built = build("csv", Request(root=tmp_path))
    assert built.manifest.frame["path"].to_list() == ["y/b.png"]


def test_rows_without_what_is_needed_are_left_out(tmp_path: Path) -> None:
    text = "path,label,patient_id\na.png,normal,1\na.png,normal,1\n,normal,2\nb.png,,3\nc.png,x,\n"
    text += "d.png,normal,4\nd.png,covid,4\ne.png,normal,5\n"
    write(tmp_path, text)
    made = listing(tmp_path)
    assert {out.reason: out.examples for out in made.left_out} == {
        "no path is given": ("row 4: (empty)",),
        "no label is given, or relabel leaves it out": ("row 5: b.png",),
        "no patient_id is given": ("row 6: c.png",),
        "listed with two labels": ("row 7: d.png", "row 8: d.png"),
        "listed again": ("row 3: a.png",),
    }
    assert made.frame.height + sum(out.count for out in made.left_out) == made.listed == 8


def test_every_column_that_is_not_there_is_named_at_once(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(HilumError) as caught:
        listing(tmp_path, label="Diagnose", age="Alter")
    assert "no column 'diagnose' for label. Did you mean 'diagnosis'?" in str(caught.value)
    assert "no column 'alter' for age." in str(caught.value)


def test_several_tables_are_asked_about(tmp_path: Path) -> None:
    write(tmp_path, name="a.csv")
    write(tmp_path, name="b.csv")
    with pytest.raises(HilumError, match=r"several tables \(a\.csv, b\.csv\): say --set file="):
        listing(tmp_path, **OPTIONS)
    assert listing(tmp_path, file="b.csv", **OPTIONS).frame.height == 2


def test_latin_1_is_refused_until_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, TEXT.replace("north", "Köln").encode("latin-1"))
    with pytest.raises(HilumError, match=r"is not UTF-8: byte 0xf6 .*line 2"):
        listing(tmp_path, **OPTIONS)
    made = listing(tmp_path, encoding="latin-1", **OPTIONS)
    assert made.frame["source"].to_list() == ["Köln", "south"]


def test_windows_line_ends_and_semicolons_change_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    plain = listing(tmp_path, **OPTIONS).frame
    write(tmp_path, TEXT.replace(",", ";").replace("\n", "\r\n"))
    assert listing(tmp_path, **OPTIONS).frame.equals(plain)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT[:-12], r"row 4: 5 fields, expected 7"),
        (TEXT.replace("north", '"north'), "a quote is"),
        ("", "is empty"),
        ("path,label\n", "a header and no rows"),
    ],
)
def test_a_damaged_table_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)
    with pytest.raises(HilumError, match=said):
        listing(tmp_path, **OPTIONS)


def test_source_and_source_name_exclude_each_other(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(HilumError, match="source=COLUMN or source_name=NAME, not both"):
        listing(tmp_path, source_name="x", **OPTIONS)


def test_no_table_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match=r"Expected a \.csv file in .*--set file=NAME\.csv"):
        listing(tmp_path)
