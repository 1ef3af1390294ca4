from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.training.conftest import Spots, spot_recipe

from hilum.errors import ConfigError
from hilum.training.recipe import load_recipe
from hilum.training.tune import Choice, Range, parse_variation, tune

SHORT = {"epochs": 2, "batch_size": 16, "seed": 1, "precision": "32"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer.name=sgd,adam", Choice(("sgd", "adam"))),
        ("training.epochs=2..20", Range(2, 20, whole=True)),
        ("model.dropout=0.0..0.5", Range(0.0, 0.5)),
        ("optimizer.learning_rate=1e-5,1e-3", Choice((1e-5, 1e-3))),
        ("augmentation.flip=0,0.5", Choice((0, 0.5))),
    ],
)
def test_variations_are_read(text: str, expected: object) -> None:
    assert parse_variation(text)[1] == expected


@pytest.mark.parametrize("text", ["optimizer.name", "=3", "a=", "a=5..2", "a=0..1:log", "a=1..x"])
def test_what_is_no_variation_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="xpected|only :log"):
        parse_variation(text)


def test_a_study_finds_its_best_trial_and_goes_on(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(training=SHORT)
    varied = {"optimizer.learning_rate": Range(1e-8, 1e-2, logarithmic=True)}
    kept = (recipe, varied, spots.manifest, spots.cache, tmp_path)
    first = tune(*kept, trials=3)
    assert len(first.trials) == 3
    again = tune(*kept, trials=5)
    assert again.trials[:3] == first.trials
    complete = [trial for trial in again.trials if trial["state"] == "complete"]
    assert again.best_value == max(trial["value"] for trial in complete)
    best = load_recipe(tmp_path / "best.yaml")
    assert best.optimizer.learning_rate == again.best_settings["optimizer.learning_rate"]
    assert json.loads((tmp_path / "tune.json").read_text())["best_trial"] == again.best_trial


def test_an_unknown_setting_is_refused_before_any_epoch(spots: Spots, tmp_path: Path) -> None:
    varied = {"optimizer.learning_rat": Range(0.1, 1.0)}
    with pytest.raises(ConfigError, match="unknown key. Did you mean 'learning_rate'"):
        tune(spot_recipe(), varied, spots.manifest, spots.cache, tmp_path, trials=1)


def test_preprocessing_is_not_varied_within_a_study(spots: Spots, tmp_path: Path) -> None:
    varied = {"preprocessing.top": Choice((0.0, 0.08))}
    with pytest.raises(ConfigError, match="changes the prepared pictures"):
        tune(spot_recipe(), varied, spots.manifest, spots.cache, tmp_path, trials=1)


def test_a_study_of_another_recipe_is_not_gone_on_with(spots: Spots, tmp_path: Path) -> None:
    varied = {"optimizer.learning_rate": Choice((0.001,))}
    tune(spot_recipe(training=SHORT), varied, spots.manifest, spots.cache, tmp_path, trials=1)
    other = spot_recipe(training={**SHORT, "seed": 2})
    with pytest.raises(ConfigError, match="begun with another recipe"):
        tune(other, varied, spots.manifest, spots.cache, tmp_path, trials=2)


@pytest.mark.slow
def test_two_processes_share_a_study_and_a_killed_one_loses_one_trial(
    spots: Spots, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(spot_recipe(training={**SHORT, "epochs": 6}).to_yaml())
    words = [sys.executable, "-m", "hilum", "tune", str(recipe), "--trials", "6", "--json"]
    words += ["--vary", "optimizer.learning_rate=1e-5..1e-2:log", "--no-prune"]
    words += ["--manifest", str(spots.manifest_file), "--cache", str(spots.cache.folder)]
    words += ["--out", str(tmp_path / "study")]
    first = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    while not (tmp_path / "study" / "trial-0001").exists() and first.poll() is None:
        time.sleep(0.05)
    second = subprocess.Popen(words, stdout=subprocess.PIPE)
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait(60) == -signal.SIGKILL
    out, _ = second.communicate(timeout=300)
    assert second.returncode == 0
    complete = [trial for trial in json.loads(out)["trials"] if trial["state"] == "complete"]
    assert len(complete) >= 5
