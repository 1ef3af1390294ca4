from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.data.manifest import Manifest
from hilum.data.splits import check_no_leak, patient_folds, split_by_patient
from hilum.errors import DataError, LeakageError

NAMES = ("train", "val", "test")


def cohort(patients: list[tuple[str, int, str]]) -> Manifest:
    """Make a manifest of (source, images, label) patients; ids are reused between sources."""
    rows = [
        (f"{source}/{number}-{image}.png", str(number), source, label)
        for number, (source, images, label) in enumerate(patients)
        for image in range(images)
    ]
    frame = pl.DataFrame(rows, ["path", "patient_id", "source", "label"], orient="row")
    return Manifest.from_frame(frame, Path("/data"))


patients = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 5), st.sampled_from("xyz")),
    min_size=3,
    max_size=60,
)


@given(patients, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_no_patient_ever_stands_in_two_splits_and_none_is_empty(
    people: list[tuple[str, int, str]], seed: int
) -> None:
    split = split_by_patient(cohort(people), seed=seed)
    check_no_leak(split)
    assert set(split.splits) == {*NAMES}
    assert len(split) == sum(images for _, images, _ in people)


@given(patients, st.integers(0, 99), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_rows_does_not_matter_and_the_seed_does(
    people: list[tuple[str, int, str]], seed: int, shuffle: object
) -> None:
    manifest = cohort(people)
    order = np.random.default_rng(seed).permutation(len(manifest))
    mixed = Manifest.from_frame(manifest.frame[order], Path("/data"))
    one = split_by_patient(manifest, seed=seed).frame.sort("path")
    other = split_by_patient(mixed, seed=seed).frame.sort("path")
    assert one.equals(other)


def many(seed: int = 3) -> Manifest:
    rng = np.random.default_rng(seed)
    labels = rng.choice(["normal", "covid", "rare"], 2000, p=[0.8, 0.19, 0.01])
    return cohort([("ab"[n % 2], int(rng.integers(1, 6)), str(labels[n])) for n in range(2000)])


def test_every_label_gets_its_fractions_of_images() -> None:
    split = split_by_patient(many(), fractions={"train": 0.6, "val": 0.1, "test": 0.3}, seed=1)
    for (label,), counts in split.frame.group_by("label"):
        share = {name: (counts["split"] == name).mean() for name in NAMES}
        tolerance = 0.09 if label == "rare" else 0.01
        wanted = {"train": 0.6, "val": 0.1, "test": 0.3}
        assert share == pytest.approx(wanted, abs=tolerance), label


def test_another_seed_gives_another_split() -> None:
    one, other = (split_by_patient(many(), seed=seed).frame["split"] for seed in (0, 1))
    assert (one != other).any()


def test_a_label_with_enough_patients_stands_in_every_split() -> None:
    people = [("a", 1, "normal")] * 200 + [("a", 1, "rare")] * 3
    counts = split_by_patient(cohort(people), seed=5).counts()
    assert counts.filter(pl.col("label") == "rare")["images"].to_list() == [1, 1, 1]


def test_patients_of_the_same_number_in_two_hospitals_are_two() -> None:
    people = [("a", 2, "x"), ("b", 2, "x")] * 50
    manifest = cohort(people)
    same = manifest.frame.with_columns(patient_id=pl.lit("1") + pl.col("patient_id").str.tail(1))
    split = split_by_patient(Manifest.from_frame(same, Path("/data")), seed=0)
    check_no_leak(split)


def test_a_patient_with_two_labels_counts_under_the_rarer() -> None:
    people = [("a", 1, "common")] * 30 + [("a", 1, "rare")] * 10
    frame = cohort(people).frame.with_columns(
        patient_id=pl.when(pl.col("label") == "rare")
        .then(pl.col("patient_id").cast(pl.Int64) - 30)
        .otherwise(pl.col("patient_id").cast(pl.Int64))
    )
    split = split_by_patient(Manifest.from_frame(frame, Path("/data")), seed=0)
    check_no_leak(split)
    rare = split.frame.filter(pl.col("label") == "rare")["split"].value_counts()
    assert set(rare["split"]) == {*NAMES}
    assert rare["count"].sum() == 10


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(DataError, match=r"got 2 patient\(s\) for 3 splits"):
        split_by_patient(cohort([("a", 9, "x"), ("a", 9, "y")]))


@pytest.mark.parametrize(
    "fractions", [{}, {"train": 1.0, "val": 0.0}, {"train": 0.5, "val": 0.6}, {"a": float("nan")}]
)
def test_fractions_that_are_no_shares_are_refused(fractions: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0 and sum to 1"):
        split_by_patient(cohort([("a", 1, "x")] * 9), fractions=fractions)


def test_a_leak_is_named() -> None:
    manifest = cohort([("a", 2, "x"), ("b", 2, "x")])
    leaky = manifest.frame.with_columns(split=pl.Series(["train", "val", "val", None]))
    with pytest.raises(LeakageError, match=r"1 patient.*\n.*'0' of 'a'.*train \(row 1\), val"):
        check_no_leak(Manifest(leaky, manifest.root))


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_part_patients_evenly(folds: int) -> None:
    manifest = many()
    fold = patient_folds(manifest, folds=folds, seed=4)
    assert fold.shape == (len(manifest),)
    named = manifest.frame.with_columns(split=pl.Series(fold).cast(pl.String))
    check_no_leak(Manifest(named, manifest.root))
    assert np.bincount(fold) / len(manifest) == pytest.approx(1 / folds, abs=0.01)


def test_too_few_folds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2, got 1"):
        patient_folds(many(), folds=1)


def test_the_real_set_is_split_by_label(shared_data: Path) -> None:
    manifest = Manifest.read(shared_data / "cxr" / "manifest.csv", check_files=False)
    split = split_by_patient(manifest, seed=0)
    check_no_leak(split)
    for _, rows in split.frame.group_by("label"):
        assert (rows["split"] == "train").mean() == pytest.approx(0.7, abs=0.01)
