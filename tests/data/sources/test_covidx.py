"""COVIDx: its published lists, what is odd in them, and lists gone wrong."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.data.sources.covidx import _inferred, _table
from hilum.data.sources.covidx_lists import read_list
from hilum.errors import ConfigError, DataError, HilumError

UUID = "003d8fa0-6bf1-40ed-b54c-ac657f8495c5"
THREE = {"normal": 100, "pneumonia": 100, "covid": 100}
PUBLISHED = {
    ("1", "test"): {"normal": 100, "pneumonia": 100, "covid": 10},
    ("2", "train"): {"pneumonia": 5451, "normal": 7966, "covid": 152},
    ("2", "test"): {"normal": 100, "pneumonia": 100, "covid": 31},
    ("3", "test"): THREE,
    ("5", "train"): {"normal": 7966, "pneumonia": 5475, "covid": 517},
    ("5", "test"): THREE,
    ("6", "test"): {"negative": 100, "positive": 100},
    ("7B", "test"): {"negative": 100, "positive": 100},
    ("8A", "train"): {"normal": 7966, "pneumonia": 5475, "covid": 2158},
    ("8A", "test"): {"normal": 100, "pneumonia": 100, "covid": 200},
    ("8B", "train"): {"negative": 13794, "positive": 2158},
    ("8B", "test"): {"negative": 200, "positive": 200},
    ("9B", "test"): {"negative": 200, "positive": 200},
}


def write(folder: Path, *lines: str, name: str = "train_COVIDx8B.txt", end: str = "\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(end.join((*lines, "")).encode())
    return path


def listing(folder: Path, version: str = "8B") -> Listing:
    return sources.create("covidx").listing(Request(labels=folder, version=version))


@pytest.mark.parametrize(("version", "split"), list(PUBLISHED))
def test_the_published_lists_hold_what_was_counted_in_them(
    shared_data: Path, version: str, split: str
) -> None:
    made = listing(shared_data / "formats", version)
    part = made.frame.filter(pl.col("split") == split)
    assert dict(part["label"].value_counts().iter_rows()) == PUBLISHED[version, split]
    assert made.left_out == ()


def test_patients_of_8b_are_as_many_as_were_counted(shared_data: Path) -> None:
    frame = listing(shared_data / "formats").frame
    people = frame.group_by("split").agg(pl.struct("source", "patient_id").n_unique()).sort("split")
    assert people.rows() == [("test", 378), ("train", 14968)]


def test_the_source_alone_gives_every_label_of_the_8b_test_split(shared_data: Path) -> None:
    frame = listing(shared_data / "formats").frame.filter(pl.col("split") == "test")
    pairs = frame.select("source", "label").unique().sort("source").rows()
    assert pairs == [("ricord", "positive"), ("rsna", "negative")]


def test_inference_agrees_with_every_source_that_the_published_lists_name(
    shared_data: Path,
) -> None:
    checked = 0
    for path in sorted((shared_data / "formats" / "covid-net-labels").glob("*.txt")):
        rows = _table(read_list(path), "train").drop_nulls("source")
        wrong = rows.filter(_inferred() != pl.col("source"))
        assert wrong.height == 0, f"{path.name}: {wrong.head(3).rows()}"
        checked += rows.height
    assert checked == 47_315


def test_a_patient_id_may_hold_a_blank(tmp_path: Path) -> None:
    write(tmp_path, "COVID 1 COVID(1).png positive sirm")
    assert listing(tmp_path).frame.rows() == [
        ("train/COVID(1).png", "COVID 1", "sirm", "positive", "train")
    ]


def test_a_file_name_may_hold_one_where_it_repeats_the_patient(tmp_path: Path) -> None:
    write(tmp_path, "COVID 1 COVID 1.png positive sirm")
    row = listing(tmp_path).frame.select("file", "patient_id").row(0)
    assert row == ("train/COVID 1.png", "COVID 1")


def test_lines_with_and_without_a_source_stand_in_one_list(tmp_path: Path) -> None:
    write(tmp_path, f"{UUID} {UUID}.png normal", "8 old.jpeg pneumonia", name="test_COVIDx5.txt")
    made = listing(tmp_path, "5")
    assert made.frame["source"].to_list() == ["rsna", "cohen"]
    assert any(
        note.startswith("2 of 2 images have no source in the lists") and "1 rsna" in note
        for note in made.notes
    )


@pytest.mark.parametrize(
    ("line", "source"),
    [
        (f"{UUID} {UUID}.png negative", "rsna"),
        ("32 39EE8E69-5801-48DE-B6E3-BE7D1BCF3092.jpeg positive", "cohen"),
        ("a MIDRC-RICORD-1C-419639-003251-46647-0.png positive", "ricord"),
        ("ANON191 CR.1.2.840.113564.1722810170.1003.png negative", "actmed"),
        ("COVID-00003b COVID-00003b.jpg positive", "fig1"),
        ("COVID-19(69) COVID-19(69).png positive", "sirm"),
        ("COVID 1 COVID(1).png positive", "sirm"),
        ("22 covid-19-pneumonia-7-PA.jpg positive", "cohen"),
    ],
)
def test_a_source_that_is_not_named_is_told_by_the_form_of_the_names(
    tmp_path: Path, line: str, source: str
) -> None:
    write(tmp_path, line)
    assert listing(tmp_path).frame["source"].to_list() == [source]


def test_a_misspelt_source_is_mended_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "a a.png negative rnsa", "b b.png negative rnsa", name="test_COVIDx9B.txt")
    made = listing(tmp_path, "9B")
    assert made.frame["source"].to_list() == ["rsna", "rsna"]
    assert "2 rows name the source rnsa, which is taken for rsna." in made.notes


def test_words_of_the_other_vocabulary_are_translated_and_counted(tmp_path: Path) -> None:
    lines = ("a a.png positive ricord", "b b.png COVID-19 ricord", "c c.png normal rsna")
    write(tmp_path, *lines, name="train_COVIDx9A.txt")
    made = listing(tmp_path, "9A")
    assert made.frame["label"].to_list() == ["covid", "covid", "normal"]
    note = "1 train rows are of class positive, a word of other versions; taken for covid."
    assert note in made.notes
    write(tmp_path, *lines, name="train_COVIDx9B.txt")
    assert listing(tmp_path, "9B").frame["label"].to_list() == ["positive", "positive", "negative"]


def test_negative_is_no_class_of_three_and_is_left_out_with_its_line(tmp_path: Path) -> None:
    lines = ("a a.png normal rsna", "b b.png negative rsna")
    write(tmp_path, *lines, name="train_COVIDx9A.txt")
    made = listing(tmp_path, "9A")
    assert [(out.reason, out.count, out.examples) for out in made.left_out] == [
        ("its class is none of COVIDx 9A", 1, ("train_COVIDx9A.txt row 2: b.png",))
    ]
    assert made.skipped == {"train/b.png"}


def test_severity_has_its_levels(tmp_path: Path) -> None:
    write(tmp_path, "a a.png level2 ricord", "b b.png level1 ricord", name="train_COVIDxSev.txt")
    assert listing(tmp_path, "severity").frame["label"].to_list() == ["level2", "level1"]


def test_severity_as_first_released_does_not_say_which_level_and_is_refused(
    tmp_path: Path,
) -> None:
    write(tmp_path, "a a.png positive ricord", name="test_COVIDxSev.txt")
    with pytest.raises(DataError, match=r"level1, level2 of COVIDx severity, got only positive"):
        listing(tmp_path, "severity")


def test_an_image_listed_again_is_taken_once(tmp_path: Path) -> None:
    lines = ("a a.png pneumonia", "b b.png normal", "a a.png pneumonia")
    write(tmp_path, *lines, name="train_COVIDx.txt")
    made = listing(tmp_path, "1")
    assert made.frame["file"].to_list() == ["train/a.png", "train/b.png"]
    assert made.left_out[0].examples == ("train_COVIDx.txt row 3: a.png",)
    assert (made.listed, made.left_out[0].count) == (3, 1)


def test_an_image_listed_with_two_labels_is_said(tmp_path: Path) -> None:
    write(tmp_path, "a a.png negative rsna", "a a.png positive rsna")
    made = listing(tmp_path)
    assert made.frame["label"].to_list() == ["negative"]
    assert any("listed with two labels, of which the first is kept: train/a.png" in note
               for note in made.notes)  # fmt: skip


def test_an_image_in_both_lists_stays_in_both_and_is_said(tmp_path: Path) -> None:
    write(tmp_path, "a a.png negative rsna")
    write(tmp_path, "a a.png negative rsna", name="test_COVIDx8B.txt")
    made = listing(tmp_path)
    assert made.frame["file"].to_list() == ["train/a.png", "test/a.png"]
    assert "1 images are listed for train and for test: a.png." in made.notes


def test_one_patient_in_both_splits_is_built_as_published_and_said(tmp_path: Path) -> None:
    write(tmp_path, "ANON191 CR.1.2.840.1.png negative actmed", name="train_COVIDx6.txt")
    write(tmp_path, "ANON191 CR.1.2.840.2.png positive actmed", name="test_COVIDx6.txt")
    built = build("covidx", Request(labels=tmp_path, version="6"), lists_only=True)
    assert len(built.manifest) == 2
    assert any("'ANON191' of 'actmed'" in note for note in built.reconciliation.notes)


def test_one_list_alone_is_built_and_the_other_named(tmp_path: Path) -> None:
    write(tmp_path, "a a.png negative rsna")
    made = listing(tmp_path)
    note = "There is no test_COVIDx8B.txt among the labels, so the test split is not"
    assert made.notes[0].startswith(note)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("train_covidx8b.TXT", "8B"),
        ("train_COVIDx_8B.txt", "v8b"),
        ("train_COVIDx_CXR-2.txt", "CXR-2"),
        ("train_COVIDx_CXR-3B.txt", "cxr3b"),
        ("train_COVIDx.txt", "COVIDx1"),
        ("train_COVIDx1.txt", "1"),
        ("train_COVIDxSev.txt", "Sev"),
        ("train_COVIDxSeverity.txt", "COVIDxSev"),
    ],
)
def test_versions_and_files_are_known_by_every_name_they_have(
    tmp_path: Path, name: str, version: str
) -> None:
    word = "level1" if "ev" in version else "normal"
    write(tmp_path, f"a a.png {word} rsna", name=name)
    assert listing(tmp_path, version).frame.height == 1


def test_the_kaggle_copy_s_lists_are_read_and_said_to_name_no_version(tmp_path: Path) -> None:
    write(tmp_path, "a a.png negative rsna", name="train.txt")
    assert any("train.txt does not say which version" in note for note in listing(tmp_path).notes)


def test_the_default_is_8b_and_8_alone_is_asked_back(tmp_path: Path) -> None:
    card = sources.create("covidx").card
    assert Request().chosen(card) == "8B"
    with pytest.raises(ConfigError, match="no version '8'. Which of 8A and 8B?"):
        listing(tmp_path, "8")


def test_both_lists_missing_names_both(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no train_COVIDx8B\.txt or test_COVIDx8B\.txt"):
        listing(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.png negative rsna", "a patient and a file before the class"),
        ("a b negative rsna", "an image's name before the class, not 'b'"),
        ("a a.png sick rsna", "a class among the last two fields"),
        ("a,a.png,negative,rsna", "a class among the last two fields"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_what_was_expected(
    tmp_path: Path, line: str, said: str
) -> None:
    write(tmp_path, "a a.png negative rsna", "", line)
    wanted = rf"(?s)train_COVIDx8B\.txt cannot .*line 3: expected {re.escape(said)}.*got '{line}'"
    with pytest.raises(DataError, match=wanted):
        listing(tmp_path)


def test_every_bad_line_is_told_up_to_twenty(tmp_path: Path) -> None:
    write(tmp_path, "a a.png negative rsna", *(["nonsense"] * 25))
    with pytest.raises(DataError, match=r"(?s)\(25 of 26 lines\).*line 21:.*and 5 more"):
        listing(tmp_path)


@pytest.mark.parametrize("cut", [1, 3, 5, 8, 14, 20])
def test_a_list_cut_off_within_its_last_line_is_refused(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, "b b.png negative rsna", "COVID 1 COVID(1).png positive sirm")
    path.write_bytes(path.read_bytes()[:-1][:-cut])
    with pytest.raises(DataError, match=r"(?s)train_COVIDx8B\.txt.*line 2: .*cut off"):
        listing(tmp_path)


def test_a_last_line_that_is_whole_needs_no_line_break(tmp_path: Path) -> None:
    path = write(tmp_path, "a a.png negative rsna", "b b.png negative rsna")
    path.write_bytes(path.read_bytes()[:-1])
    assert listing(tmp_path).frame.height == 2


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"])
def test_line_ends_of_other_systems_are_read(tmp_path: Path, end: str) -> None:
    write(tmp_path, "a a.png negative rsna", "b b.png positive sirm", end=end)
    assert listing(tmp_path).frame["source"].to_list() == ["rsna", "sirm"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"a a.png negative rsna\n\xe9 b.png negative rsna\n", "is not UTF-8: line 2 .*byte 0xe9"),
        (b"\xef\xbb\xbfa a.png negative rsna\n\xe9 b.png", "is not UTF-8: line 2 .*byte 0xe9"),
        ("a a.png negative rsna\n".encode("utf-16"), "is UTF-16"),
        (b"a a.png negative rsna\nb\0 b.png negative rsna\n", "holds a NUL byte in line 2"),
    ],
)
def test_what_is_no_text_is_refused_by_file_and_line(
    tmp_path: Path, data: bytes, said: str
) -> None:
    (tmp_path / "train_COVIDx8B.txt").write_bytes(data)
    with pytest.raises(HilumError, match=rf"train_COVIDx8B\.txt {said}"):
        listing(tmp_path)


def test_folders_before_a_listed_name_are_dropped(tmp_path: Path) -> None:
    write(tmp_path, "a ../../x/a.png negative rsna", r"b images\b.png negative rsna")
    assert listing(tmp_path).frame["file"].to_list() == ["train/a.png", "train/b.png"]


def test_a_file_of_both_folders_is_taken_from_its_split(tmp_path: Path) -> None:
    write(tmp_path / "labels", "a a.png negative rsna")
    write(tmp_path / "labels", "b a.png negative rsna", name="test_COVIDx8B.txt")
    for folder in ("data/test", "data/train"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").touch()
    built = build("covidx", Request(root=tmp_path))
    assert built.manifest.frame.select("path", "split").rows() == [
        ("data/train/a.png", "train"),
        ("data/test/a.png", "test"),
    ]


def test_8b_builds_on_a_disk_where_some_is_missing_some_renamed_and_some_extra(
    shared_data: Path, tmp_path: Path
) -> None:
    labels = shared_data / "formats" / "covid-net-labels"
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for row in read_list(labels / f"{split}_COVIDx8B.txt"):
            name = re.sub(r"^COVID\((\d+)\)", r"COVID-\1", row.name)
            if row.source != "fig1":
                (tmp_path / split / name).touch()
    (tmp_path / "train" / "stray.png").touch()
    record = build("covidx", Request(root=tmp_path, labels=labels)).reconciliation
    counts = {
        row.source: (row.expected, row.found, row.renamed, row.missing) for row in record.sources
    }
    assert counts["fig1"] == (24, 0, 0, 24)
    assert counts["sirm"] == (943, 0, 943, 0)
    assert counts["rsna"] == (13589, 13589, 0, 0)
    assert record.extra == ("train/stray.png",)
    assert sum(images for *_, images in record.labels) == 16352 - 24
    lines = [line for line in record.published if "paper 2" in line]
    assert lines[0].startswith("published: paper 2 (Bari, five networks), table I, says 15,951")
    assert "the lists hold 15,952 and 13,794 (one negative, 242a639e.jpg" in lines[0]
