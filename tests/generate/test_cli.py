"""The commands, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from PIL import Image
from tests.generate.conftest import Discs, disc_values
from typer.testing import CliRunner

from hilum.cli import app


def call(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["generate", *map(str, words)], catch_exceptions=False)
    return done.exit_code, done.stdout


def test_train_says_what_came_of_it(discs: Discs, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(disc_values()))
    words = ["--manifest", discs.manifest_file, "--cache", tmp_path / "cache"]
    words += ["--out", tmp_path / "run", "--json"]
    code, said = call("train", tmp_path / "r.yaml", "training.epochs=1", *words)
    assert code == 0
    assert json.loads(said)["epochs"] == 1
    assert json.loads(said)["best"]["val_kl"] > 0


@pytest.mark.parametrize("prior", ["standard", "fitted"])
def test_sample_writes_films_a_sheet_and_a_manifest(
    trained: Path, tmp_path: Path, prior: str
) -> None:
    out = tmp_path / "drawn"
    code, said = call("sample", trained, "--out", out, "--count", "5", "--prior", prior)
    assert code == 0
    assert "5 films of 16 pixels" in said
    assert len(list((out / "images").glob("*.png"))) == 5
    assert json.loads((out / "origin.json").read_text())["prior"] == prior
    assert (out / "manifest.csv").exists()
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.width > 3 * 16


def test_the_fitted_prior_draws_other_films(trained: Path, tmp_path: Path) -> None:
    for prior in ("standard", "fitted"):
        call("sample", trained, "--out", tmp_path / prior, "--count", "1", "--prior", prior)
    one, other = (tmp_path / p / "images" / "00000.png" for p in ("standard", "fitted"))
    assert one.read_bytes() != other.read_bytes()


def test_reconstruct_measures_all_films_of_the_split(
    discs: Discs, trained: Path, tmp_path: Path
) -> None:
    words = ["--manifest", discs.manifest_file, "--cache", tmp_path / "cache", "--json"]
    code, said = call("reconstruct", trained, *words, "--out", tmp_path / "r.png")
    found = json.loads(said)
    assert code == 0
    assert found["films"] == 24
    assert found["rmse"] < 0.7 * found["rmse_of_mean_film"]
    assert (tmp_path / "r.png").exists()


def test_interpolate_draws_a_walk(discs: Discs, trained: Path, tmp_path: Path) -> None:
    first, last = discs.manifest.paths()[:2]
    code, said = call("interpolate", trained, first, last, "--out", tmp_path / "walk.png")
    assert code == 0
    assert "8 films" in said
    assert (tmp_path / "walk.png").exists()


def test_copies_of_an_honest_autoencoder_raise_no_alarm(
    discs: Discs, trained: Path, tmp_path: Path
) -> None:
    words = ["--manifest", discs.manifest_file, "--cache", tmp_path / "cache", "--count", "40"]
    code, said = call("copies", trained, *words, "--out", tmp_path / "copies", "--json")
    found = json.loads(said)
    assert code == (4 if any(report["copied"] for report in found.values()) else 0)
    assert found["pixels"]["n_held_out"] == 24
    assert (tmp_path / "copies" / "nearest.png").exists()


def test_help_lists_every_command() -> None:
    code, said = call("--help")
    assert code == 0
    for name in ("train", "sample", "reconstruct", "interpolate", "copies", "helps"):
        assert name in said
