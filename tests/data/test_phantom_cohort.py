"""Writing cohorts: the same bytes from the same seed, and a manifest like any hospital's."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from hilum.data import Manifest, read_radiograph
from hilum.data.phantom import write_cohort
from hilum.data.phantom.plan import plan_cohort
from hilum.errors import ConfigError, DataError

SMALL = {"patients": 6, "size": 64, "hospitals": 2, "images_per_patient": (1, 2)}


def small_cohort(out: Path, **options: object) -> Manifest:
    return write_cohort(out, **{**SMALL, **options})  # type: ignore[arg-type]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return small_cohort(tmp_path_factory.mktemp("phantoms") / "cohort")


def test_the_same_seed_writes_the_same_bytes(cohort: Manifest, tmp_path: Path) -> None:
    small_cohort(tmp_path / "again")
    assert digests(tmp_path / "again") == digests(cohort.root)


def test_another_seed_writes_other_pictures(cohort: Manifest, tmp_path: Path) -> None:
    other = digests(small_cohort(tmp_path / "other", seed=1).root)
    first = digests(cohort.root)
    assert not set(other.values()) & {first[name] for name in first if name.startswith("images")}


def test_the_number_of_workers_changes_nothing(cohort: Manifest, tmp_path: Path) -> None:
    small_cohort(tmp_path / "two", workers=2)
    assert digests(tmp_path / "two") == digests(cohort.root)


def test_every_film_has_what_is_known_of_it(cohort: Manifest) -> None:
    frame = cohort.frame
    assert set(frame["source"]) == {"hospital-a", "hospital-b"}
    assert set(frame["view"]) <= {"PA", "AP"}
    assert set(frame["sex"]) <= {"F", "M"}
    assert frame["age"].is_between(18, 92).all()
    assert frame["patient_id"][0] == "phantom-0001"
    assert frame["study_id"].n_unique() == len(cohort)


def test_files_are_what_the_manifest_says(cohort: Manifest) -> None:
    for row in cohort.frame.iter_rows(named=True):
        film = read_radiograph(cohort.root / row["path"])
        assert film.shape == (int(row["height"]), int(row["width"]))
        lungs = np.asarray(Image.open(cohort.root / row["lung_mask"]))
        assert lungs.shape == film.shape
        assert set(np.unique(lungs)) == {0, 255}


def test_findings_have_a_lesion_mask_within_the_lungs_and_normals_have_none(
    cohort: Manifest,
) -> None:
    for row in cohort.frame.iter_rows(named=True):
        assert (row["lesion_mask"] is None) == (row["label"] == "normal")
        if row["lesion_mask"] is not None:
            lesion = np.asarray(Image.open(cohort.root / row["lesion_mask"]))
            lungs = np.asarray(Image.open(cohort.root / row["lung_mask"]))
            assert lesion.any()
            assert not (lesion > lungs).any()


def test_no_subject_stands_in_two_splits_or_has_two_labels(cohort: Manifest) -> None:
    each = cohort.frame.group_by("patient_id").agg(
        pl.col("split", "label", "source", "sex", "age").n_unique()
    )
    assert (each.drop("patient_id").to_numpy() == 1).all()


def test_three_subjects_are_enough_for_three_splits(tmp_path: Path) -> None:
    assert small_cohort(tmp_path / "three", patients=3).splits == ["train", "val", "test"]


def test_how_the_cohort_was_made_is_written_beside_it(cohort: Manifest) -> None:
    made = json.loads((cohort.root / "phantoms.json").read_text())
    assert made["seed"] == 0
    assert made["flaws"] == []
    assert made["images"] == len(cohort)


@pytest.mark.parametrize("hospitals", [2, 3, 5])
def test_label_hospital_and_split_are_dealt_independently(hospitals: int) -> None:
    classes = ("normal", "consolidation", "ground_glass")
    homes = [f"hospital-{letter}" for letter in "abcde"[:hospitals]]
    films = plan_cohort(
        patients=180, seed=4, classes=classes, hospitals=homes, images_per_patient=(1, 1)
    ).films
    pairs = Counter((film.label, film.hospital) for film in films)
    assert max(pairs.values()) - min(pairs.values()) <= 1
    assert Counter((film.label, film.split) for film in films)["normal", "test"] == 12
    by_home = Counter((film.hospital, film.split) for film in films if film.split == "test")
    assert len(by_home) == hospitals


def test_severity_changes_a_little_from_film_to_film() -> None:
    films = plan_cohort(
        patients=20, seed=0, classes=("nodule",), hospitals=["hospital-a"],
        images_per_patient=(3, 3),
    ).films  # fmt: skip
    steps = [
        abs(after.severity - before.severity)
        for before, after in pairwise(films)
        if before.patient_id == after.patient_id
    ]
    assert 0 < np.mean(steps) < 0.2


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="is not empty. Choose a new folder, or use --force"):
        small_cohort(tmp_path)


def test_force_replaces_phantoms_and_keeps_other_files(tmp_path: Path) -> None:
    small_cohort(tmp_path / "cohort", patients=9)
    (tmp_path / "cohort" / "notes.txt").write_text("mine")
    again = small_cohort(tmp_path / "cohort", force=True)
    assert (tmp_path / "cohort" / "notes.txt").read_text() == "mine"
    assert len(list((tmp_path / "cohort" / "images").iterdir())) == len(again)


def test_force_never_empties_a_folder_without_phantoms(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "film.png").write_bytes(b"real")
    with pytest.raises(DataError, match="holds no phantoms to replace"):
        small_cohort(tmp_path, force=True)
    assert (tmp_path / "images" / "film.png").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(DataError, match="Expected a folder, got the file"):
        small_cohort(tmp_path / "out")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"patients": 2}, "patients must be at least 3"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"size": 32}, r"size must be in \[64, 2048\]"),
        ({"size": 4096}, r"size must be in \[64, 2048\]"),
        ({"classes": ("normal", "consolidaton")}, "Did you mean 'consolidation'"),
        ({"classes": ()}, "classes must name at least one finding"),
        ({"classes": ("nodule", "nodule")}, "classes must differ"),
        ({"hospitals": 6}, r"hospitals must be in \[1, 5\], got 6"),
        ({"images_per_patient": (2, 1)}, "images_per_patient must be"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"flaws": ("markr",)}, "Did you mean 'marker'"),
        ({"flaws": {"marker": 1.5}}, r"strength of marker must be in \(0, 1\]"),
    ],
)
def test_settings_that_cannot_be_honoured_are_refused(
    tmp_path: Path, option: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        small_cohort(tmp_path / "new", **option)
    assert not (tmp_path / "new").exists()


def test_every_fault_is_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)patients must be.*size must be.*hospitals must be"):
        small_cohort(tmp_path / "new", patients=0, size=1, hospitals=0)


def test_dicom_files_read_back_as_the_same_films_whatever_their_polarity(tmp_path: Path) -> None:
    made = small_cohort(tmp_path / "new", patients=3, dicom=True)
    for row in made.frame.iter_rows(named=True):
        png = read_radiograph(made.root / row["path"])
        dicom = read_radiograph(made.root / "dicom" / f"{row['study_id']}.dcm")
        shown = dicom.pixels.astype(float) * (255 / dicom.white)
        assert np.abs(shown - png.pixels).max() < 1
        assert dicom.view == row["view"]
    inverted = b"MONOCHROME1"
    stored = [path.read_bytes() for path in (made.root / "dicom").iterdir()]
    assert 0 < sum(inverted in data for data in stored) < len(stored)


def test_dicom_files_are_the_same_bytes_again(tmp_path: Path) -> None:
    first = small_cohort(tmp_path / "first", patients=3, dicom=True)
    second = small_cohort(tmp_path / "second", patients=3, dicom=True)
    assert digests(first.root) == digests(second.root)


def test_progress_counts_every_image(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    made = small_cohort(tmp_path / "new", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, len(made)) for done in range(1, len(made) + 1)]
