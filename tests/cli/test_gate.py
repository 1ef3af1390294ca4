"""`hilum gate` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from typer.testing import CliRunner

from hilum.cli import app
from hilum.data.phantom import draw_phantom

runner = CliRunner()


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a phantom, turned a number of times."""

    def write(name: str, turns: int = 0) -> Path:
        pixels = draw_phantom(np.random.default_rng(11), size=256).pixels
        Image.fromarray(np.ascontiguousarray(np.rot90(pixels, turns))).save(tmp_path / name)
        return tmp_path / name

    return write


def test_check_says_what_to_do_and_leaves_with_code_4(film: Callable[..., Path]) -> None:
    right, wrong = film("right.png"), film("wrong.png", 2)
    done = runner.invoke(app, ["gate", "check", str(right), str(wrong)])
    assert done.exit_code == 4
    assert "right.png: accepted" in done.stdout
    assert "turn it by 180 degrees" in done.stdout
    assert runner.invoke(app, ["gate", "check", str(right)]).exit_code == 0


def test_check_prints_json_and_names_what_it_could_not_read(
    film: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    command = ["gate", "check", str(film("film.png")), str(tmp_path / "broken.png"), "--json"]
    done = runner.invoke(app, command)
    assert done.exit_code == 3
    assert "could not read" in done.stderr
    (row,) = json.loads(done.stdout)["films"]
    assert row["accepted"]
    assert row["measured"]["chest"] > 0.5


def test_fit_refuses_a_share_that_is_none(tmp_path: Path) -> None:
    command = ["gate", "fit", "b", "--manifest", "m", "--out", "o", "--accepted", "1.5"]
    done = runner.invoke(app, command)
    assert done.exit_code == 2
    assert "between 0 and 1" in done.stderr


@pytest.mark.slow
def test_fit_gives_a_bundle_the_distances_of_its_films(tmp_path: Path) -> None:
    from tests.training.conftest import spot_recipe

    from hilum.data.cache import build_cache
    from hilum.data.manifest import Manifest
    from hilum.screening.bundle import Bundle
    from hilum.training import export_run, fit

    rng, rows = np.random.default_rng(0), []
    for number in range(90):
        path = tmp_path / f"{number}.png"
        picture = rng.integers(0, 90, (64, 64)).astype(np.uint8)
        picture[10:40, 10:40] += np.uint8(120 * (number % 2))
        Image.fromarray(picture).save(path)
        label = ("none", "bright")[number % 2]
        split = ("train", "val", "test")[number // 2 % 3]
        rows.append((path.name, f"p{number}", "here", label, split))
    columns = ("path", "patient_id", "source", "label", "split")
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(tmp_path / "m.csv")
    manifest = Manifest.read(tmp_path / "m.csv")
    recipe = spot_recipe(classes=["none", "bright"])
    build_cache(manifest, recipe.preprocessing, tmp_path / "cache", workers=1)
    from hilum.data.cache import PreparedCache

    fit(recipe, manifest, PreparedCache.open(tmp_path / "cache"), tmp_path / "run")
    export_run(tmp_path / "run", tmp_path / "bundle")
    command = ["gate", "fit", str(tmp_path / "bundle"), "--manifest", str(tmp_path / "m.csv")]
    done = runner.invoke(app, [*command, "--out", str(tmp_path / "judged"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    features = Bundle.load(tmp_path / "judged").record.gate["features"]
    assert (told["films"], told["held_out"]) == (30, 30)
    assert told["limit"] == features["limit"]
    assert told["held_out_accepted"] == 30
