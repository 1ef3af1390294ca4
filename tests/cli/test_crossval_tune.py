from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.training.conftest import draw_spots, spot_recipe
from typer.testing import CliRunner, Result

from hilum.cli import app


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and a manifest of spots."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_spots(folder)
    training = {"epochs": 1, "batch_size": 16, "seed": 1, "precision": "32"}
    (folder / "recipe.yaml").write_text(spot_recipe(training=training).to_yaml())
    return folder


def run(drawn: Path, command: str, *words: str) -> Result:
    shared = ["--manifest", str(drawn / "manifest.csv"), "--cache", str(drawn / "cache")]
    return CliRunner().invoke(app, [command, str(drawn / "recipe.yaml"), *words, *shared])


def test_cross_validation_prints_folds_and_pooled_figures(drawn: Path, tmp_path: Path) -> None:
    result = run(drawn, "crossval", "--folds", "2", "--out", str(tmp_path / "folds"))
    assert result.exit_code == 0, result.output
    assert "2 folds by patient, 150 test images" in result.output
    assert "Research use only" in result.output
    assert (tmp_path / "folds" / "predictions.csv").is_file()


def test_tuning_prints_trials_and_says_that_the_best_is_too_good(
    drawn: Path, tmp_path: Path
) -> None:
    vary = ["--vary", "optimizer.learning_rate=1e-4..1e-2:log", "--trials", "2"]
    result = run(drawn, "tune", *vary, "--out", str(tmp_path / "study"), "--sampler", "random")
    assert result.exit_code == 0, result.output
    assert "2 trials, 2 run to the end" in result.output
    assert "too high" in result.output
    best = json.loads((tmp_path / "study" / "tune.json").read_text())
    assert best["trials"][best["best_trial"]]["value"] == best["best_value"]


def test_a_variation_that_is_none_is_refused(drawn: Path, tmp_path: Path) -> None:
    result = run(drawn, "tune", "--vary", "epochs", "--out", str(tmp_path / "study"))
    assert result.exit_code == 1
    assert "Expected a variation such as optimizer.name=sgd,adam" in str(result.exception)
