"""Folders of classes: labels, splits, patients by a pattern, other words for labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listing(root: Path, **options: str) -> Listing:
    return sources.create("folders").listing(Request(root=root, options=options))


def test_the_folder_is_the_label_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "normal/a.png", "normal/2020/may/b.jpeg", "covid/c.dcm", "covid/notes.txt")
    made = listing(tmp_path)
    assert made.frame.select("file", "label", "source").rows() == [
        ("covid/c.dcm", "covid", "folder"),
        ("normal/a.png", "normal", "folder"),
        ("normal/2020/may/b.jpeg", "normal", "folder"),
    ]
    assert made.notes[0].startswith("Patient identity is unknown")


def test_folders_of_splits_hold_folders_of_classes(tmp_path: Path) -> None:
    touch(tmp_path, "train/NORMAL/a.png", "valid/NORMAL/b.png", "test/COVID/c.png")
    frame = listing(tmp_path, source="my hospital", relabel="NORMAL:normal,COVID:covid").frame
    assert frame.select("label", "split", "source").rows() == [
        ("covid", "test", "my hospital"),
        ("normal", "train", "my hospital"),
        ("normal", "val", "my hospital"),
    ]


def test_a_pattern_tells_the_patient(tmp_path: Path) -> None:
    touch(tmp_path, "normal/p7_1.png", "normal/p7_2.png", "covid/p8_1.png", "covid/other.png")
    made = listing(tmp_path, patient=r"p(\d+)_")
    assert made.frame["patient_id"].to_list() == ["8", "7", "7"]
    assert [(out.reason, out.examples) for out in made.left_out] == [
        ("the pattern finds no patient in its name", ("covid/other.png",))
    ]
    assert made.notes == ()


def test_masks_are_no_films(tmp_path: Path) -> None:
    touch(tmp_path, "COVID/images/1.png", "COVID/masks/1.png", "Normal/images/2.png")
    built = build("folders", Request(root=tmp_path))
    assert built.manifest.frame["path"].to_list() == ["COVID/images/1.png", "Normal/images/2.png"]
    assert built.reconciliation.left_out[0].examples == ("COVID/masks/1.png",)


def test_files_of_one_name_in_several_classes_stay_apart(tmp_path: Path) -> None:
    touch(tmp_path, "normal/1.png", "covid/1.png")
    built = build("folders", Request(root=tmp_path))
    pairs = built.manifest.frame.select("path", "label").rows()
    assert pairs == [("covid/1.png", "covid"), ("normal/1.png", "normal")]


def test_a_label_without_a_new_word_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "normal/a.png", "scoliosis/b.png")
    built = build("folders", Request(root=tmp_path, options={"relabel": "scoliosis:, typo:x"}))
    assert built.manifest.labels == ["normal"]
    assert built.reconciliation.left_out[0].reason == "its label is left out by relabel"
    assert built.reconciliation.extra == ()
    assert built.reconciliation.notes[0] == (
        "relabel names labels that no image has: 'typo'; there are 'normal', 'scoliosis'."
    )


def test_nothing_left_is_said_with_the_reasons(tmp_path: Path) -> None:
    touch(tmp_path, "normal/a.png")
    with pytest.raises(HilumError, match="none of 1 rows is left.*1 its label is left out"):
        build("folders", Request(root=tmp_path, options={"relabel": "normal:"}))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"patient": "(\\d+"}, "is no regular expression: missing"),
        ({"patient": "\\d+"}, "expected a regular expression with one group.*got 0 groups"),
        ({"patient": "(z+)"}, r"patient=\(z\+\) matches no file, for example not normal/a\.png"),
        ({"relabel": "normal"}, "expected OLD:NEW,OLD:NEW"),
        ({"relabel": "a:b,a:c"}, "'a' is to be 'b' and 'c'; choose one"),
        ({"sauce": "x"}, "no option 'sauce' here. Did you mean 'source'"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    tmp_path: Path, options: dict[str, str], said: str
) -> None:
    touch(tmp_path, "normal/a.png")
    with pytest.raises(HilumError, match=said):
        listing(tmp_path, **options)


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(HilumError, match="does not hold one folder a class"):
        listing(tmp_path)
