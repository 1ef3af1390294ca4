"""`hilum evaluate` on a table, a run and a bundle."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from hilum.cli.evaluate import evaluate
from hilum.data.manifest import Manifest
from hilum.errors import DataError, PredictionsError
from hilum.evaluation import Predictions

app = typer.Typer()
app.command()(evaluate)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def table(n: int = 40) -> Predictions:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    p = np.clip(0.25 + 0.5 * labels + rng.normal(0, 0.2, n), 0.01, 0.99)
    patients = [str(i // 2) for i in range(n)]
    images = [f"{i}.png" for i in range(n)]
    return Predictions(images, patients, labels, ["no", "yes"], np.column_stack([1 - p, p]))


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    table().write(tmp_path / "p.csv")
    return tmp_path / "p.csv"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    made = table()
    train = pl.DataFrame(
        {
            "path": [f"t{i}.png" for i in range(4)],
            "patient_id": ["a", "b", "c", "d"],
            "source": ["even", "odd", "even", "odd"],
            "label": ["no", "yes", "no", "yes"],
            "split": "train",
        }
    )
    test = pl.DataFrame(
        {
            "path": made.images.tolist(),
            "patient_id": made.patient_ids.tolist(),
            "source": ["even", "odd"] * 20,
            "label": ["no", "yes"] * 20,
            "split": "test",
        }
    )
    Manifest.from_frame(pl.concat([train, test]), tmp_path).write(tmp_path / "manifest.csv")
    return tmp_path / "manifest.csv"


def test_a_table_is_scored_on_the_screen(predictions: Path) -> None:
    result = run(predictions, "--resamples", 50)
    assert result.exit_code == 0, result.output
    assert "40 images of 20 patients" in result.stdout
    assert "not available: no source column" in result.stdout
    assert "Research use only" in result.stdout


def test_json_is_the_record_and_nothing_else(predictions: Path) -> None:
    values = json.loads(run(predictions, "--resamples", 50, "--json").stdout)
    assert values["n_patients"] == 20
    assert len(values["scored_sha256"]) == 64
    assert values["baselines"]["source_majority"]["available"] is False


def test_out_gets_the_folder_and_the_screen_says_so(predictions: Path, tmp_path: Path) -> None:
    result = run(predictions, "--out", tmp_path / "out", "--resamples", 50)
    assert f"Written to {tmp_path / 'out'}." in result.stderr
    assert (tmp_path / "out" / "roc.png").is_file()
    saved = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    shown = json.loads(run(predictions, "--resamples", 50, "--json").stdout)
    assert saved == shown


def test_the_manifest_brings_sources_and_the_baseline(predictions: Path, manifest: Path) -> None:
    result = run(predictions, "--manifest", manifest, "--split", "test", "--json")
    values = json.loads(result.stdout)
    baseline = values["baselines"]["source_majority"]
    assert baseline["fitted_on"] == "the manifest's train split, 4 images"
    assert baseline["metrics"]["accuracy"]["estimate"] == 1
    assert values["manifest"]["images"] == 44
    assert values["n_patients"] == 40  # (source, patient_id), where p.csv knew patient_id alone


def test_disagreement_with_the_manifest_fails(predictions: Path, manifest: Path) -> None:
    manifest.write_text(manifest.read_text().replace("2.png,1,even,no", "2.png,1,even,yes"))
    result = run(predictions, "--manifest", manifest)
    assert isinstance(result.exception, PredictionsError)
    assert "label differs for 1 of 40 images" in str(result.exception)


def test_the_positive_class_and_the_threshold_can_be_chosen(predictions: Path) -> None:
    text = run(predictions, "--positive", "no", "--threshold", 0.9, "--resamples", 0, "--json")
    values = json.loads(text.stdout)
    assert values["positive_class"] == "no"
    assert values["decision"] == "no where its probability is at least 0.9"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "2"], "--threshold"),
        (["--resamples", "-1"], "--resamples"),
        (["--out", "p.csv"], "is a file"),
    ],
)
def test_wrong_usage_exits_with_2(
    predictions: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(predictions.parent)
    result = run(predictions, *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_class_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    p = np.eye(3)
    Predictions(list("abc"), list("123"), [0, 1, 2], list("xyz"), p).write(tmp_path / "run.csv")
    (tmp_path / "run").mkdir()
    (tmp_path / "run.csv").rename(tmp_path / "run" / "predictions-test.csv")
    result = run(tmp_path / "run", "--positive", "x")
    assert result.exit_code == 2
    assert "two classes" in result.stderr
    assert run(tmp_path / "run", "--threshold", 0.5).exit_code == 2


def test_the_scored_table_is_never_replaced_by_its_copy(tmp_path: Path) -> None:
    table().write(tmp_path / "predictions.csv")
    before = (tmp_path / "predictions.csv").read_bytes()
    result = run(tmp_path / "predictions.csv", "--out", tmp_path)
    assert result.exit_code == 2
    assert (tmp_path / "predictions.csv").read_bytes() == before


def test_columns_can_be_ignored(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "image,patient_id,label,a,b,model\n1.png,1,a,0.9,0.1,v1\n2.png,2,b,0.2,0.8,v1\n"
    )
    assert isinstance(run(tmp_path / "p.csv").exception, PredictionsError)
    assert run(tmp_path / "p.csv", "--ignore", "model").exit_code == 0


def test_a_run_is_scored_from_the_predictions_it_saved(tmp_path: Path) -> None:
    table().write(tmp_path / "predictions-val.csv")
    result = run(tmp_path, "--split", "val", "--resamples", 0, "--json")
    assert "predictions-val.csv" in result.stderr
    assert json.loads(result.stdout)["split"] == "val"


def test_a_run_without_saved_predictions_is_asked(
    tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def predict_run(folder: Path, images: Manifest, split: str) -> Predictions:
        asked.append((folder, len(images), split))
        return table()

    monkeypatch.setattr("hilum.training.predict.predict_run", predict_run)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text("name: x\n")
    result = run(folder, "--manifest", manifest, "--resamples", 0, "--json")
    assert result.exit_code == 0, result.output
    assert asked == [(folder, 44, "test")]


def test_a_bundle_screens_the_split_with_its_own_labels(
    tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = SimpleNamespace(
        classes=("no", "ill"), training={"recipe": {"relabel": {"yes": "ill"}}}, thresholds={}
    )
    bundle = SimpleNamespace(record=record, id="ab" * 32)

    def predict_manifest(loaded: Any, images: Manifest, progress: Any) -> Predictions:
        assert loaded is bundle
        assert images.labels == ["ill", "no"]
        made = table()
        return Predictions(
            made.images, made.patient_ids, made.labels, ["no", "ill"], made.probabilities
        )

    monkeypatch.setattr("hilum.screening.bundle.Bundle.load", lambda path, **_: bundle)
    monkeypatch.setattr("hilum.screening.batch.predict_manifest", predict_manifest)
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "bundle.json").write_text("{}")
    result = run(folder, "--manifest", manifest, "--resamples", 0, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["classes"] == ["no", "ill"]
    assert json.loads(result.stdout)["bundle_id"] == "ab" * 32
    empty = run(folder, "--manifest", manifest, "--split", "val")
    assert "no image in split 'val' with a label among no, ill" in str(empty.exception)


def test_a_bundle_or_run_needs_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    error = run(tmp_path).exception
    assert isinstance(error, DataError)
    assert "is a run: name the images to score with --manifest" in str(error)


def test_a_folder_that_is_neither_is_refused(tmp_path: Path) -> None:
    error = run(tmp_path).exception
    assert isinstance(error, DataError)
    assert "neither a run" in str(error)


def test_real_manifest_shows_what_never_looking_scores(shared_data: Path, tmp_path: Path) -> None:
    images = Manifest.read(shared_data / "cxr" / "manifest.csv", check_files=False)
    frame = images.select(split="test").frame
    classes = images.labels
    labels = [classes.index(label) for label in frame["label"]]
    p = np.full((len(labels), len(classes)), 1 / len(classes))
    Predictions(frame["path"], frame["patient_id"], labels, classes, p).write(tmp_path / "p.csv")
    result = run(tmp_path / "p.csv", "--manifest", shared_data / "cxr" / "manifest.csv", "--json")
    found = json.loads(result.stdout)["baselines"]["source_majority"]["metrics"]
    assert found["macro_auroc"]["estimate"] > 0.75


def test_an_answers_worth_and_calibration_are_shown_and_kept(
    predictions: Path, tmp_path: Path
) -> None:
    words = ("--resamples", 50, "--prevalence", 0.1, "--out", tmp_path / "out")
    result = run(predictions, *words)
    assert "10 %: PPV" in result.stdout
    assert "Is it as sure as it is right?" in result.stdout
    saved = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    shares = [row["prevalence"] for row in saved["predictive_values"]["yes"]]
    assert shares == [0.01, 0.05, 0.1, 0.2]
    assert [p["name"] for p in saved["operating_points"]] == [
        "sensitivity=0.95",
        "specificity=0.95",
    ]
    assert saved["calibration"][0]["group"] == "all"
    assert (tmp_path / "out" / "decision-curve.png").is_file()


def test_calibration_is_shown_by_source(predictions: Path, manifest: Path) -> None:
    words = ("--manifest", manifest, "--split", "test", "--resamples", 50, "--json")
    groups = json.loads(run(predictions, *words).stdout)["calibration"]
    assert [(g["group"], g["n"]) for g in groups] == [("all", 40), ("even", 20), ("odd", 20)]


def test_the_kind_of_limits_can_be_chosen(predictions: Path) -> None:
    words = ("--resamples", 50, "--json")
    methods = {
        kind: json.loads(run(predictions, *words, "--interval", kind).stdout)["metrics"][
            "accuracy"
        ]["method"]
        for kind in ("auto", "percentile", "bca")
    }
    assert methods["auto"].startswith("Wilson")
    assert methods["percentile"] == "percentiles of resampled patients"
    assert methods["bca"] == "BCa limits of resampled patients"


def test_a_prevalence_is_a_share(predictions: Path) -> None:
    result = run(predictions, "--prevalence", 5)
    assert result.exit_code == 2
    assert "must be between 0 and 1, got 5" in result.output
