from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.training.conftest import Spots, spot_recipe

from hilum.data.splits import patient_folds
from hilum.errors import ConfigError
from hilum.training.crossval import cross_validate, fold_manifest, source_folds

SHORT = {"epochs": 1, "batch_size": 16, "seed": 1, "precision": "32"}


def test_every_image_is_tested_once_by_a_fold_that_did_not_train_on_its_patient(
    spots: Spots,
) -> None:
    frame = spots.manifest.frame.with_columns(
        patient_id=(pl.int_range(pl.len()) // 2).cast(pl.String)
    )
    manifest = replace(spots.manifest, frame=frame.drop("split"))
    folds = patient_folds(manifest, folds=4, seed=0)
    tested: list[str] = []
    for fold in range(4):
        part = fold_manifest(manifest, fold, part=folds, seed=1, validation=0.2)
        patients = {name: {*part.select(split=name).frame["patient_id"]} for name in part.splits}
        assert not patients["test"] & (patients["train"] | patients["val"])
        assert not patients["train"] & patients["val"]
        tested += part.select(split="test").frame["path"].to_list()
    assert sorted(tested) == sorted(frame["path"])


def test_cross_validation_gives_folds_spread_and_pooled_figures(
    spots: Spots, tmp_path: Path
) -> None:
    recipe = spot_recipe(training=SHORT)
    found = cross_validate(recipe, spots.manifest, spots.cache, tmp_path, folds=2, resamples=50)
    assert len(found.predictions) == len(spots.manifest)
    spread = found.spreads["accuracy"]
    assert spread.mean == pytest.approx(np.mean(spread.values))
    assert spread.deviation == pytest.approx(np.std(spread.values, ddof=1))
    assert found.pooled.metrics["accuracy"].n == len(spots.manifest)
    record = json.loads((tmp_path / "crossval.json").read_text())
    assert record["over_folds"]["accuracy"]["mean"] == spread.mean
    assert "2 folds by patient, 150 test images" in found.text()


def test_finished_folds_are_kept(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(training=SHORT)
    cross_validate(recipe, spots.manifest, spots.cache, tmp_path, folds=2, resamples=0)
    before = (tmp_path / "fold-0" / "run.json").stat().st_mtime_ns
    cross_validate(recipe, spots.manifest, spots.cache, tmp_path, folds=2, resamples=0)
    assert (tmp_path / "fold-0" / "run.json").stat().st_mtime_ns == before


def test_folds_of_other_images_are_not_taken_for_these(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(training=SHORT)
    cross_validate(recipe, spots.manifest, spots.cache, tmp_path, folds=2, resamples=0)
    fewer = replace(spots.manifest, frame=spots.manifest.frame.head(140))
    with pytest.raises(ConfigError, match="trained on other images or folds"):
        cross_validate(recipe, fewer, spots.cache, tmp_path, folds=2, resamples=0)


def test_a_fold_without_a_class_is_refused_before_any_epoch(spots: Spots, tmp_path: Path) -> None:
    rare = spots.manifest.frame.filter(
        (pl.col("label") != "dark") | (pl.col("path").is_in(["002.png", "005.png"]))
    )
    with pytest.raises(ConfigError, match="has no image of dark"):
        cross_validate(
            spot_recipe(training=SHORT),
            replace(spots.manifest, frame=rare),
            spots.cache,
            tmp_path,
            folds=3,
        )
    assert not (tmp_path / "fold-0").exists()


def test_folds_of_another_recipe_are_not_taken_for_these(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(training=SHORT)
    cross_validate(recipe, spots.manifest, spots.cache, tmp_path, folds=2, resamples=0)
    other = spot_recipe(training={**SHORT, "epochs": 2})
    with pytest.raises(ConfigError, match="trained by another recipe"):
        cross_validate(other, spots.manifest, spots.cache, tmp_path, folds=2, resamples=0)


def _with_sources(spots: Spots, sources: list[str]) -> pl.DataFrame:
    """Let the images of each class come from the sources in turn."""
    number = pl.int_range(pl.len()).over("label") % len(sources)
    names = pl.Series(sources)
    return spots.manifest.frame.with_columns(
        source=number.map_elements(lambda index: names[index], return_dtype=pl.String)
    ).drop("split")


def test_by_source_each_fold_tests_a_hospital_that_was_not_trained_on(
    spots: Spots, tmp_path: Path
) -> None:
    frame = _with_sources(spots, ["north", "south", "west"])
    manifest = replace(spots.manifest, frame=frame)
    recipe = spot_recipe(training=SHORT)
    found = cross_validate(recipe, manifest, spots.cache, tmp_path, by="source", resamples=0)
    tested = [set(pl.read_csv(f)["source"]) for f in sorted(tmp_path.glob("fold-*/pred*-test.csv"))]
    assert tested == [{"north"}, {"south"}, {"west"}]
    assert found.text().startswith("3 folds by source (north, south, west left out in turn)")
    assert found.to_dict()["left_out"] == ["north", "south", "west"]


def test_a_source_that_alone_holds_a_class_is_dealt_to_the_folds_by_patient(spots: Spots) -> None:
    frame = _with_sources(spots, ["north", "south"])
    label = frame["label"].unique().sort()[0]
    alone = pl.when(pl.col("label") == label).then(pl.lit("home")).otherwise(pl.col("source"))
    manifest = replace(spots.manifest, frame=frame.with_columns(source=alone))
    part, left_out = source_folds(manifest, seed=0)
    assert left_out == ("north", "south")
    home = (manifest.frame["source"] == "home").to_numpy()
    assert set(part[home]) == {0, 1}
    assert set(part[(manifest.frame["source"] == "south").to_numpy()]) == {1}


def test_too_few_sources_to_leave_out_are_refused(spots: Spots) -> None:
    with pytest.raises(ConfigError, match="Only 0 source.s. can be left out"):
        source_folds(spots.manifest, seed=0)


def test_labels_that_are_renamed_are_cross_validated_under_their_new_names(
    spots: Spots, tmp_path: Path
) -> None:
    first, second, *_ = sorted(spots.manifest.frame["label"].unique())
    recipe = spot_recipe(training=SHORT, relabel={first: second}, classes=None)
    found = cross_validate(recipe, spots.manifest, spots.cache, tmp_path, folds=2, resamples=0)
    assert first not in found.predictions.classes
    assert len(found.predictions) == len(spots.manifest)
