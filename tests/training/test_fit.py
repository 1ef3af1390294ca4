from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from tests.training.conftest import Spots, spot_recipe

from hilum.errors import ConfigError, TrainingError
from hilum.training import fit, load_trained, predict_run
from hilum.training.checkpoint import CheckpointStore
from hilum.training.examples import select_examples, selection_rows
from hilum.training.module import ClassifierModule
from hilum.training.run_folder import RunFolder


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_learns_and_leaves_everything_behind(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(training={"epochs": 8, "batch_size": 16, "seed": 1, "precision": "32"})
    result = fit(recipe, spots.manifest, spots.cache, tmp_path / "run", command=("hilum", "train"))
    assert result.best_value > 0.9
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["command"] == ["hilum", "train"]
    assert record["manifest"]["sha256"] == spots.manifest.sha256
    assert record["cache"]["hash"] == spots.cache.hash
    assert record["counts"]["train/bright"] == 32
    assert torch.__version__.startswith(record["versions"]["torch"])
    assert len(rows_of(tmp_path / "run")) == 8
    assert RunFolder(tmp_path / "run").recipe() == recipe
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_predictions_are_those_of_the_best_weights(spots: Spots, tmp_path: Path) -> None:
    fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run")
    predictions = predict_run(tmp_path / "run", spots.manifest, "test")
    network, _, classes = load_trained(tmp_path / "run")
    cached = predict_run(tmp_path / "run", spots.manifest, "test", cache=spots.cache)
    assert classes == tuple(sorted(("none", "bright", "dark")))
    assert len(predictions) == 24
    assert not network.training
    assert np.array_equal(predictions.probabilities, cached.probabilities)


def test_the_same_seed_gives_the_same_weights(spots: Spots, tmp_path: Path) -> None:
    for name in ("a", "b"):
        fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / name)
    first, second = (load_file(tmp_path / n / "checkpoints" / "best.safetensors") for n in "ab")
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"name": "sgd", "learning_rate": 0.05}, "schedule": {"name": "cosine"}},
        {"optimizer": {"name": "adam"}, "schedule": {"name": "plateau", "patience": 0}},
        {"loss": {"class_weights": "balanced", "label_smoothing": 0.1}},
        {"model": {"name": "small_cnn", "freeze_trunk": True}},
        {
            "classes": ["none", "bright"],
            "loss": {"name": "binary_cross_entropy", "class_weights": [1, 2]},
        },
        {"training": {"epochs": 1, "batch_size": 16, "precision": "bf16"}},
        {"training": {"epochs": 1, "batch_size": 16, "gradient_clip": 1.0}},
        {"relabel": {"dark": "spot", "bright": "spot"}},
        {"preprocessing": {"size": 32, "channels": 3, "mean": [0.5, 0.5, 0.5]}},
        {"sampling": {"share": {"dark": 0.4}}},
        {"sampling": {"order": "listed"}},
        {"model": {"name": "small_cnn", "train_blocks": 1}},
        {"schedule": {"name": "plateau", "monitor": "val_recall_dark", "better": "lower"}},
        {"augmentation": {"shear_deg": 10, "rotation_deg": 5, "fill": "edge"}},
    ],
)
def test_every_way_of_training_runs(
    spots: Spots, tmp_path: Path, changes: dict[str, object]
) -> None:
    recipe = spot_recipe(**{"training": {"epochs": 2, "batch_size": 16}, **changes})
    result = fit(recipe, spots.manifest, spots.cache, tmp_path / "run")
    losses = [float(row["train_loss"]) for row in rows_of(result.folder)]
    assert np.isfinite(losses).all()


def test_a_frozen_trunk_stays_as_it_was(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(model={"name": "small_cnn", "freeze_trunk": True})
    fit(recipe, spots.manifest, spots.cache, tmp_path / "run")
    from hilum.training.fitting import new_network

    before = new_network(recipe, 3).state_dict()
    after = load_file(tmp_path / "run" / "checkpoints" / "best.safetensors")
    moved = {key for key in after if not torch.equal(before[key], after[key])}
    assert moved
    assert all(key.startswith("head.") for key in moved)


def test_selection_on_the_test_split_is_done_when_asked_and_leaves_its_predictions(
    spots: Spots, tmp_path: Path
) -> None:
    training = {"epochs": 2, "batch_size": 16, "selection_split": "test"}
    fit(spot_recipe(training=training), spots.manifest, spots.cache, tmp_path / "run")
    saved = (tmp_path / "run" / "predictions-test.csv").read_text().splitlines()
    assert len(saved) == 25
    assert not (tmp_path / "run" / "predictions-val.csv").exists()


def test_balanced_selection_takes_equally_many_of_each_class(spots: Spots) -> None:
    rare = spots.manifest.frame.filter(
        (pl.col("label") != "dark") | (pl.int_range(pl.len()) % 2 == 0)
    )
    recipe = spot_recipe(training={"balance_selection": True, "seed": 3})
    examples = select_examples(replace(spots.manifest, frame=rare), recipe)
    labels = selection_rows(examples, recipe).frame["label"].value_counts()
    assert labels["count"].n_unique() == 1
    assert labels.height == 3


def test_changed_selection_pictures_change_the_validation_score(
    spots: Spots, tmp_path: Path
) -> None:
    losses = []
    for changed in (False, True):
        training = {"epochs": 1, "batch_size": 16, "seed": 1, "augment_selection": changed}
        recipe = spot_recipe(training=training, augmentation={"brightness": 0.5, "translate": 0.3})
        fit(recipe, spots.manifest, spots.cache, tmp_path / str(changed))
        losses.append(rows_of(tmp_path / str(changed))[0])
    assert losses[0]["train_loss"] == losses[1]["train_loss"]
    assert losses[0]["val_loss"] != losses[1]["val_loss"]


def test_a_loss_that_is_no_number_stops_with_the_batch_saved(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(optimizer={"name": "sgd", "learning_rate": 1e30})
    with pytest.raises(TrainingError, match="bad-batch.npz .*which was all finite"):
        fit(recipe, spots.manifest, spots.cache, tmp_path / "run")
    with np.load(tmp_path / "run" / "bad-batch.npz") as saved:
        assert saved["images"].shape == (16, 32, 32)
        assert saved["network_input"].shape == (16, 1, 32, 32)


def test_a_share_of_a_class_that_is_not_there_is_refused(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(sampling={"share": {"drak": 0.3}})
    with pytest.raises(ConfigError, match="Did you mean 'dark'"):
        fit(recipe, spots.manifest, spots.cache, tmp_path / "run")


def test_early_stopping_ends_the_run(spots: Spots, tmp_path: Path) -> None:
    training = {"epochs": 30, "batch_size": 16, "early_stopping": 1, "precision": "32"}
    recipe = spot_recipe(training=training, optimizer={"learning_rate": 1e-9})
    result = fit(recipe, spots.manifest, spots.cache, tmp_path / "run")
    assert result.epochs < 30


def start_training(spots: Spots, out: Path, *, epochs: int) -> subprocess.Popen[bytes]:
    recipe = out.parent / "recipe.yaml"
    training = {"epochs": epochs, "batch_size": 16, "seed": 1, "precision": "32"}
    recipe.write_text(spot_recipe(training=training).to_yaml())
    words = [sys.executable, "-m", "hilum", "train", str(recipe), "--resume"]
    words += ["--manifest", str(spots.manifest_file), "--out", str(out)]
    words += ["--cache", str(spots.cache.folder)]
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(words, stdout=log, stderr=log)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_weights_of_the_unbroken_one(
    spots: Spots, tmp_path: Path
) -> None:
    epochs = 40
    whole = start_training(spots, tmp_path / "whole", epochs=epochs)
    assert whole.wait(300) == 0, (tmp_path / "whole.log").read_text()
    rng = np.random.default_rng()
    kills = 0
    for _ in range(20):
        process = start_training(spots, tmp_path / "killed", epochs=epochs)
        metrics = tmp_path / "killed" / "metrics.csv"
        before = metrics.stat().st_mtime_ns if metrics.exists() else 0
        while process.poll() is None and (
            not metrics.exists() or metrics.stat().st_mtime_ns == before
        ):
            time.sleep(0.005)
        if kills < 5:
            time.sleep(rng.uniform(0, 0.5))
        else:
            process.wait(300)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert process.returncode == 0
    assert kills >= 3
    first, second = (
        load_file(tmp_path / name / "checkpoints" / "best.safetensors")
        for name in ("whole", "killed")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert (tmp_path / "whole/metrics.csv").read_bytes() == (
        tmp_path / "killed/metrics.csv"
    ).read_bytes()


def test_a_second_run_in_the_same_folder_is_refused(spots: Spots, tmp_path: Path) -> None:
    fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run")
    with pytest.raises(TrainingError, match="already holds a run"):
        fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run")
    with pytest.raises(TrainingError, match="is finished"):
        fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run", resume=True)


def test_a_run_is_not_resumed_with_another_recipe(spots: Spots, tmp_path: Path) -> None:
    fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run")
    with pytest.raises(TrainingError, match="begun with another recipe"):
        fit(spot_recipe(name="x"), spots.manifest, spots.cache, tmp_path / "run", resume=True)


def test_a_folder_with_other_things_in_it_is_left_alone(spots: Spots, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(TrainingError, match="not empty and is not a run"):
        fit(spot_recipe(), spots.manifest, spots.cache, tmp_path)


def test_a_folder_another_process_writes_is_refused_with_its_owner(
    spots: Spots, tmp_path: Path
) -> None:
    owner = f"being written by process {os.getpid()} on"
    with RunFolder(tmp_path / "run").lock(), pytest.raises(TrainingError, match=owner):
        fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["none", "gone"]}, "no rows labelled gone"),
        ({"loss": {"name": "binary_cross_entropy"}}, "needs exactly 2 classes, the manifest has 3"),
        ({"relabel": {"gone": "x"}}, "relabel names labels the manifest lacks: gone"),
        ({"preprocessing": {"size": 48}}, "another preprocessing"),
        (
            {"model": {"name": "inception_v3"}, "loss": {"auxiliary": 0.3},
             "preprocessing": {"size": 128}},
            "auxiliary head of inception_v3 needs pictures of at least 299 pixels, got 128",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_before_any_epoch(
    spots: Spots, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        fit(spot_recipe(**changes), spots.manifest, spots.cache, tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.csv").exists()


def test_a_loss_that_is_no_number_stops_the_run(
    spots: Spots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClassifierModule, "loss", lambda *_: torch.tensor(float("nan")))
    with pytest.raises(TrainingError, match="loss became nan in epoch 0, step 0"):
        fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run")


def damaged(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 1
    path.write_bytes(
        b"" if how == "empty" else content[: len(content) // 2 if how == "cut" else None]
    )


@pytest.mark.parametrize("how", ["flipped", "cut", "empty"])
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(
    spots: Spots, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run")
    store = CheckpointStore(tmp_path / "run" / "checkpoints")
    newest = store.newest()
    assert newest is not None
    assert newest.name.startswith("last-000002")
    damaged(newest, how)
    before = store.newest()
    assert before is not None
    assert before.name.startswith("last-000001")
    assert "is damaged" in caplog.text


def test_a_run_without_weights_cannot_predict(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"not a run: it has no recipe\.yaml"):
        load_trained(tmp_path)
    RunFolder(tmp_path / "run").begin(spot_recipe(), resume=False)
    with pytest.raises(TrainingError, match="no trained weights yet"):
        load_trained(tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read"), ("[]", "lacks classes"), ('{"classes": []}', "lacks command, git")],
)
def test_a_damaged_record_of_a_run_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(TrainingError, match=message):
        RunFolder(tmp_path).record()


def test_a_run_that_failed_before_its_first_epoch_makes_room(spots: Spots, tmp_path: Path) -> None:
    large = spot_recipe(training={"epochs": 1, "batch_size": 500})
    with pytest.raises(ConfigError, match=r"Set training\.batch_size to 96 or less"):
        fit(large, spots.manifest, spots.cache, tmp_path / "run")
    small = spot_recipe(training={"epochs": 1, "batch_size": 16})
    assert fit(small, spots.manifest, spots.cache, tmp_path / "run").epochs == 1
