from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.training.conftest import Spots, spot_recipe

from hilum.data.patient_marks import patient_marks
from hilum.errors import LeakageError
from hilum.training import export_run, fit
from hilum.training.pretraining import marks_of_weights

SHORT = {"epochs": 1, "batch_size": 16, "seed": 1, "precision": "32"}


@pytest.fixture(scope="module")
def first_run(spots: Spots, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pretraining") / "run"
    fit(spot_recipe(training=SHORT), spots.manifest, spots.cache, out)
    return out


def test_weights_carry_the_marks_of_those_they_were_trained_and_chosen_on(
    spots: Spots, first_run: Path, tmp_path: Path
) -> None:
    used = patient_marks(spots.manifest.select(split=["train", "val"]))
    assert marks_of_weights(first_run) == set(used)
    export_run(first_run, tmp_path / "bundle")
    assert marks_of_weights(tmp_path / "bundle") == set(used)
    assert not set(patient_marks(spots.manifest.select(split="test"))) & set(used)


def test_a_run_that_starts_from_another_says_so_and_hands_the_marks_on(
    spots: Spots, first_run: Path, tmp_path: Path
) -> None:
    recipe = spot_recipe(
        training=SHORT, model={"name": "small_cnn", "weights": str(first_run), "train_blocks": 1}
    )
    fit(recipe, spots.manifest, spots.cache, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["started_from"]["kind"] == "run"
    assert record["patients_of_started_from"] == 126
    assert marks_of_weights(tmp_path / "run") == marks_of_weights(first_run)


def test_weights_that_have_seen_a_test_patient_are_refused(
    spots: Spots, first_run: Path, tmp_path: Path
) -> None:
    turned = pl.col("split").replace({"train": "test", "test": "train"})
    manifest = replace(spots.manifest, frame=spots.manifest.frame.with_columns(turned))
    recipe = spot_recipe(training=SHORT, model={"name": "small_cnn", "weights": str(first_run)})
    with pytest.raises(LeakageError, match="96 patient.* of the test split were trained on by"):
        fit(recipe, manifest, spots.cache, tmp_path / "run")
