"""`hilum calibrate`: a new bundle, from validation films and never from test films."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import Result
from PIL import Image
from tests.screening.conftest import Tiny
from typer.testing import CliRunner

from hilum.cli import app
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.errors import BundleError, DataError
from hilum.evaluation import Predictions
from hilum.evaluation.temperature import fit_temperature
from hilum.screening.batch import predict_manifest
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord
from hilum.screening.threshold import Threshold

CLASSES = ("well", "ill")
FILMS = 60


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


def made_bundle(folder: Path, **changed: object) -> Bundle:
    """Return a bundle whose network is far too sure: it calls bright films ill."""
    network = Tiny(np.array([[30.0, -30.0]], np.float32), np.zeros(1, np.float32))
    parts = {
        "name": "tiny", "created": "2026-01-01T00:00:00+00:00", "hilum_version": "0.1.0",
        "task": "binary", "classes": CLASSES,
        "architecture": Architecture(name="tiny", channels=1, outputs=1),
        "preprocessing": Preprocessing(size=16, top=0.0, equalization="none"),
        "training": {"manifest_sha256": "0" * 64},
        "measured": {"validation": {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 60},
                                    "ece": {"value": 0.2, "low": 0.1, "high": 0.3, "n": 60}}},
    } | changed  # fmt: skip
    record = BundleRecord(**parts)  # type: ignore[arg-type]
    return write_bundle(folder, record, model_onnx=network.onnx(), weights=b"weights")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return made_bundle(tmp_path / "bundle").folder


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Sixty validation films, brighter if ill but for noise, and as many others."""
    rng = np.random.default_rng(0)
    rows = []
    for split in ("train", "val", "test"):
        for i in range(FILMS):
            ill = i % 2
            grey = int(np.clip(128 + 25 * (2 * ill - 1) + rng.normal(0, 30), 1, 254))
            pixels = np.clip(grey + rng.normal(0, 3, (64, 64)), 0, 255).astype(np.uint8)
            path = f"{split}{i}.png"
            Image.fromarray(pixels).save(tmp_path / path)
            rows.append((path, f"{split}{i // 2}", "here", CLASSES[ill], split))
    columns = ["path", "patient_id", "source", "label", "split"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    Manifest.from_frame(frame, tmp_path).write(tmp_path / "manifest.csv")
    return tmp_path / "manifest.csv"


def validation(bundle: Path, manifest: Path) -> Predictions:
    return predict_manifest(bundle, Manifest.read(manifest).select(split="val"))


def test_a_new_bundle_is_as_sure_as_it_should_be(
    bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    result = run(bundle, "--manifest", manifest, "--out", tmp_path / "new")
    assert result.exit_code == 0, result.output
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    said = validation(bundle, manifest)
    new = Bundle.load(tmp_path / "new").record
    assert new.temperature == pytest.approx(fit_temperature(said.labels, said.probabilities))
    assert new.temperature > 1.5
    again = validation(tmp_path / "new", manifest)
    assert fit_temperature(again.labels, again.probabilities) == pytest.approx(1, abs=0.01)
    assert "Before: overconfident" in result.stdout


def test_the_bundle_says_where_its_numbers_come_from(
    bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    words = ("--target", "sensitivity=0.9", "--target", "specificity=0.9", "--abstain", "0.9,0.9")
    words += ("--default", "sensitivity=0.9")
    result = run(bundle, "--manifest", manifest, "--out", tmp_path / "new", *words, "--json")
    assert result.exit_code == 0, result.output
    record = Bundle.load(tmp_path / "new").record
    sha256 = Manifest.read(manifest).sha256
    found = record.measured["calibration"]
    assert (found["manifest_sha256"], found["split"]) == (sha256, "val")
    assert (found["n_images"], found["n_patients"]) == (60, 30)
    assert found["calibrated_bundle"] == Bundle.load(bundle).id
    assert (
        found["after"]["negative_log_likelihood"]["value"]
        < (found["before"]["negative_log_likelihood"]["value"])
    )
    assert "ece" not in record.measured["validation"]
    assert record.default_threshold == "sensitivity=0.9"
    assert f"split val of manifest {sha256[:12]}, 60 films" in (
        record.thresholds["sensitivity=0.9"].source
    )
    assert set(record.measured["abstain_bands"]) == {"ill"}
    assert json.loads(result.stdout)["temperature"] == record.temperature


def test_a_stored_threshold_reaches_in_screening_what_it_was_chosen_for(
    bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    words = ("--target", "sensitivity=0.9")
    run(bundle, "--manifest", manifest, "--out", tmp_path / "new", *words)
    rule = Bundle.load(tmp_path / "new").record.thresholds["sensitivity=0.9"]
    again = validation(tmp_path / "new", manifest)
    called = again.probabilities[again.labels == 1, 1] >= rule.value
    assert called.mean() >= 0.9
    stated = Bundle.load(tmp_path / "new").record.measured["operating_points"]["sensitivity=0.9"]
    assert stated["sensitivity"]["value"] == pytest.approx(called.mean())


def test_thresholds_of_the_old_temperature_do_not_survive(manifest: Path, tmp_path: Path) -> None:
    rules = {"argmax": Threshold(), "old": Threshold(kind="at_least", label="ill", value=0.3)}
    old = made_bundle(tmp_path / "b", thresholds=rules, default_threshold="old").folder
    result = run(old, "--manifest", manifest, "--out", tmp_path / "new")
    record = Bundle.load(tmp_path / "new").record
    assert list(record.thresholds) == ["argmax"]
    assert record.default_threshold == "argmax"
    assert "held for the old temperature: old" in " ".join(result.stdout.split())
    run(old, "--manifest", manifest, "--out", tmp_path / "kept", "--method", "none")
    assert Bundle.load(tmp_path / "kept").record.default_threshold == "old"


def test_calibrating_twice_multiplies(bundle: Path, manifest: Path, tmp_path: Path) -> None:
    run(bundle, "--manifest", manifest, "--out", tmp_path / "one")
    run(tmp_path / "one", "--manifest", manifest, "--out", tmp_path / "two")
    one, two = (Bundle.load(tmp_path / name).record.temperature for name in ("one", "two"))
    assert two == pytest.approx(one, rel=0.01)


def test_pictures_and_figures_are_written_on_request(
    bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    words = ("--manifest", manifest, "--out", tmp_path / "new", "--report", tmp_path / "report")
    assert run(bundle, *words).exit_code == 0
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {"calibration.json", "reliability-before-after.png", "decision-curve.png"}
    values = json.loads((tmp_path / "report" / "calibration.json").read_text())
    assert sum(values["reliability"]["before"][1]["count"]) == 60


@pytest.mark.parametrize("split", ["test", "Test", " test"])
def test_the_test_split_is_refused(
    bundle: Path, manifest: Path, tmp_path: Path, split: str
) -> None:
    result = run(bundle, "--manifest", manifest, "--split", split, "--out", tmp_path / "new")
    assert result.exit_code == 2
    assert "its score look better than it is" in " ".join(result.output.split())
    assert not (tmp_path / "new").exists()


def test_the_split_it_was_trained_on_is_refused(manifest: Path, tmp_path: Path) -> None:
    training = {"manifest_sha256": Manifest.read(manifest).sha256}
    old = made_bundle(tmp_path / "b", training=training).folder
    result = run(old, "--manifest", manifest, "--split", "train", "--out", tmp_path / "new")
    assert isinstance(result.exception, DataError)
    assert "was trained on this split" in str(result.exception)


def test_films_that_are_all_right_have_no_temperature(
    bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    lines = manifest.read_text().splitlines()
    said = validation(bundle, manifest)
    right = set(said.images[said.decisions == said.labels].tolist())
    kept = [lines[0], *(line for line in lines[1:] if line.split(",")[0] in right)]
    (manifest.parent / "right.csv").write_text("\n".join(kept) + "\n")
    words = ("--manifest", manifest.parent / "right.csv", "--out", tmp_path / "new")
    result = run(bundle, *words)
    assert isinstance(result.exception, DataError)
    assert "No temperature can be fitted" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "recall=0.9"), "Expected sensitivity=0.95"),
        (("--target", "sick:youden"), "the classes are well, ill"),
        (("--abstain", "0.95"), "expected two shares"),
        (("--abstain", "0.95,2"), "expected two shares in (0, 1)"),
        (("--prevalence", "5"), "must be between 0 and 1"),
    ],
)
def test_wishes_that_mean_nothing_are_usage_errors(
    bundle: Path, manifest: Path, tmp_path: Path, words: tuple[str, str], message: str
) -> None:
    result = run(bundle, "--manifest", manifest, "--out", tmp_path / "new", *words)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_the_bundle_itself_and_what_is_there_are_never_replaced(
    bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    result = run(bundle, "--manifest", manifest, "--out", bundle)
    assert result.exit_code == 2
    (tmp_path / "taken").mkdir()
    result = run(bundle, "--manifest", manifest, "--out", tmp_path / "taken")
    assert isinstance(result.exception, BundleError)
    assert "already something" in str(result.exception)


def test_an_unknown_default_is_refused_before_anything_is_written(
    bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    words = ("--manifest", manifest, "--out", tmp_path / "new", "--default", "youden")
    result = run(bundle, *words)
    assert isinstance(result.exception, BundleError)
    assert "no threshold called 'youden'" in str(result.exception)
    assert not (tmp_path / "new").exists()
