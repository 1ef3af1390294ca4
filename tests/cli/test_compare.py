"""`hilum compare` on two tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from hilum.cli import app
from hilum.errors import PredictionsError
from hilum.evaluation import Predictions


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    paths = []
    for name, noise in (("good", 0.15), ("poor", 0.6)):
        p = np.clip(0.2 + 0.6 * labels + rng.normal(0, noise, 80), 0.01, 0.99)
        people = [str(i // 2) for i in range(80)]
        images = [f"{i}.png" for i in range(80)]
        probabilities = np.column_stack([1 - p, p])
        paths.append(tmp_path / f"{name}.csv")
        Predictions(images, people, labels, ["no", "yes"], probabilities).write(paths[-1])
    return paths[0], paths[1]


def test_the_verdict_comes_first(tables: tuple[Path, Path]) -> None:
    result = run(*tables, "--resamples", 200)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("good is right more often than poor on these films")
    assert "exact McNemar, whole patients swapped" in " ".join(result.stdout.split())
    assert "Research use only" in result.stdout


def test_json_and_the_folder_hold_the_same(tables: tuple[Path, Path], tmp_path: Path) -> None:
    words = (*tables, "--resamples", 50, "--json")
    shown = json.loads(run(*words, "--out", tmp_path / "out").stdout)
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == shown
    assert (tmp_path / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "out" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    first = shown["metrics"]["accuracy"]["a_minus_b"]["estimate"]
    assert float(rows[2]["estimate"]) == first
    assert rows[2]["which"] == "a minus b"


def test_names_can_be_given(tables: tuple[Path, Path]) -> None:
    result = run(*tables, "--names", "old", "new", "--resamples", 50, "--json")
    assert (json.loads(result.stdout)["a"], json.loads(result.stdout)["b"]) == ("old", "new")


def test_files_of_one_name_are_called_by_their_folders(
    tables: tuple[Path, Path], tmp_path: Path
) -> None:
    paths = []
    for name, path in zip(("one", "two"), tables, strict=True):
        (tmp_path / name).mkdir()
        paths.append(path.rename(tmp_path / name / "predictions.csv"))
    assert json.loads(run(*paths, "--resamples", 0, "--json").stdout)["b"] == "two"


def test_logits_are_named_as_such(tables: tuple[Path, Path]) -> None:
    tables[1].write_text("image,patient_id,label,no,yes\n0.png,0,no,3.1,-2.2\n")
    result = run(*tables)
    assert isinstance(result.exception, PredictionsError)
    assert "these look like logits" in str(result.exception)


def test_a_split_needs_the_manifest(tables: tuple[Path, Path]) -> None:
    result = run(*tables, "--split", "test")
    assert result.exit_code == 2
    assert "needs --manifest" in result.output
