from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hilum.data.manifest import Manifest
from hilum.data.resplit import split_by_source, split_rest
from hilum.errors import DataError, LeakageError


def manifest(rows: list[tuple[str, str, str, str | None]]) -> Manifest:
    """Rows of patient, source, label, split."""
    frame = pl.DataFrame(rows, ["patient_id", "source", "label", "split"], orient="row")
    paths = pl.Series("path", [f"{number}.png" for number in range(len(rows))])
    return Manifest.from_frame(frame.with_columns(paths), Path(), leaks=True)


def published() -> Manifest:
    """200 patients of two images in train, 40 in test."""
    rows = [
        (str(number // 2), "nih", ("normal", "covid")[number % 3 == 0], "train")
        for number in range(400)
    ]
    return manifest([*rows, *((f"t{number}", "nih", "covid", "test") for number in range(40))])


def test_the_kept_test_stays_and_the_rest_is_dealt_by_patient() -> None:
    before = published()
    after = split_rest(before, keep=["test"])
    assert after.frame["path"].to_list() == before.frame["path"].to_list()
    kept = before.frame["split"] == "test"
    assert set(after.frame.filter(kept)["split"]) == {"test"}
    rest = after.frame.filter(~kept)["split"].value_counts()
    assert dict(rest.iter_rows()) == {"train": pytest.approx(340, 5), "val": pytest.approx(60, 5)}
    parts = after.frame.group_by("patient_id").agg(pl.col("split").n_unique())
    assert parts["split"].max() == 1


def test_without_keep_everything_is_dealt_anew() -> None:
    after = split_rest(published(), fractions={"fit": 0.5, "check": 0.5})
    assert set(after.frame["split"]) == {"fit", "check"}


def test_a_table_put_together_of_parts_is_dealt_whole() -> None:
    one, other = published(), two_hospitals()
    parts = pl.concat([one.frame, other.frame], rechunk=False)
    assert parts.n_chunks() == 2
    after = split_rest(Manifest(parts, Path()), fractions={"train": 0.5, "val": 0.5})
    assert len(after) == len(one) + len(other)


def test_the_seed_decides() -> None:
    one, same, other = (split_rest(published(), keep=["test"], seed=s) for s in (1, 1, 2))
    assert one.sha256 == same.sha256 != other.sha256


def test_images_in_no_split_are_dealt_with_the_rest() -> None:
    rows = [(str(number), "a", "covid", None) for number in range(20)]
    after = split_rest(manifest([*rows, ("t", "a", "covid", "test")]), keep=["test"])
    assert after.frame["split"].null_count() == 0
    assert after.frame["split"][20] == "test"


@pytest.mark.parametrize("elsewhere", ["train", None])
def test_a_kept_split_that_leaks_is_refused_with_names(elsewhere: str | None) -> None:
    rows = [(str(number), "actmed", "normal", "train") for number in range(9)]
    leak = [("ANON191", "actmed", "negative", elsewhere), ("ANON191", "actmed", "covid", "test")]
    with pytest.raises(LeakageError, match="1 patient.s. of the split to keep stand outside") as e:
        split_rest(manifest([*rows, *leak]), keep=["test"])
    where = elsewhere or "(none)"
    assert f"patient 'ANON191' of 'actmed' stands in {where}, too" in str(e.value)


def test_a_leak_is_mended_by_dealing_anew() -> None:
    rows = [(str(number), "a", "normal", "train") for number in range(9)]
    leaking = manifest([*rows, ("1", "a", "covid", "test")])
    assert "stand in more than one split" in leaking.notes[0]
    after = split_rest(leaking)
    assert after.notes == ()
    assert after.frame.filter(pl.col("patient_id") == "1")["split"].n_unique() == 1


def test_the_same_number_in_two_hospitals_is_no_leak() -> None:
    rows = [(str(number), "a", "normal", "train") for number in range(9)]
    assert len(split_rest(manifest([*rows, ("1", "b", "covid", "test")]), keep=["test"])) == 10


def test_a_split_to_keep_must_occur() -> None:
    with pytest.raises(DataError, match="no split 'tset' to keep. Did you mean 'test'"):
        split_rest(published(), keep=["tset"])


def test_two_splits_can_be_kept() -> None:
    rows = [(str(n), "a", "covid", ("train", "val", "test", None)[n % 4]) for n in range(40)]
    after = split_rest(manifest(rows), keep=["test", "val"])
    assert dict(after.frame["split"].value_counts().iter_rows()) == {
        "train": 20,
        "val": 10,
        "test": 10,
    }


def test_something_must_remain() -> None:
    with pytest.raises(DataError, match="Nothing remains to be split"):
        split_rest(published(), keep=["train", "test"])


def test_fractions_must_not_name_what_is_kept() -> None:
    with pytest.raises(ValueError, match="must not name a split that is kept, got test"):
        split_rest(published(), keep=["test"], fractions={"train": 0.5, "test": 0.5})


def two_hospitals() -> Manifest:
    rows = [(str(n), "a", ("normal", "covid")[n % 2], "test") for n in range(40)]
    return manifest([*rows, *((str(n), "b", "covid", "train") for n in range(10))])


def test_a_hospital_left_out_becomes_the_test() -> None:
    after = split_by_source(two_hospitals(), ["b"])
    where = after.frame.group_by("source").agg(pl.col("split").unique().sort())
    assert dict(where.iter_rows()) == {"a": ["train", "val"], "b": ["test"]}
    assert after.notes == ("Test (b) has no image of 'normal'.",)


def test_a_source_to_leave_out_must_occur() -> None:
    with pytest.raises(DataError, match="There is no source 'B'. Known: a, b"):
        split_by_source(two_hospitals(), ["B"])


def test_leaving_every_hospital_out_leaves_nothing() -> None:
    with pytest.raises(DataError, match="Nothing remains to be split"):
        split_by_source(two_hospitals(), ["a", "b"])


def test_fractions_beside_test_sources_must_not_name_test() -> None:
    with pytest.raises(ValueError, match="the test sources are the test split"):
        split_by_source(two_hospitals(), ["b"], fractions={"train": 0.5, "test": 0.5})
