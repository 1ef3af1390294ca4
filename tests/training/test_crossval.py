from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.training.conftest import Spots, spot_recipe

from hilum.errors import ConfigError
from hilum.training.crossval import cross_validate, fold_manifest

SHORT = {"epochs": 1, "batch_size": 16, "seed": 1, "precision": "32"}


def test_every_image_is_tested_once_by_a_fold_that_did_not_train_on_its_patient(
    spots: Spots,
) -> None:
    frame = spots.manifest.frame.with_columns(
        patient_id=(pl.int_range(pl.len()) // 2).cast(pl.String)
    )
    manifest = replace(spots.manifest, frame=frame.drop("split"))
    tested: list[str] = []
    for fold in range(4):
        part = fold_manifest(manifest, fold, folds=4, seed=0, validation=0.2)
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
