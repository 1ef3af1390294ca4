from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.errors import BundleError

pytest.importorskip("torch")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["cost", "--no-gpu", *map(str, arguments)])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hilum.models.cost import untrained_bundle

    folder = tmp_path_factory.mktemp("cost") / "small"
    return untrained_bundle("small_cnn", folder, channels=1, size=32).folder


def test_bundles_and_networks_stand_in_one_table(tmp_path: Path, bundle: Path) -> None:
    done = run(
        bundle, "--network", "small_cnn", "--size", 48, "--channels", 1, "--images", 2,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Exporting small_cnn, untrained." in done.stderr
    for wanted in ("small", "small_cnn at 48", "untrained", "multiply-adds", "of 2 images"):
        assert wanted in done.stdout
    with (tmp_path / "out" / "cost.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["small", "small_cnn at 48"]
    assert int(rows[1]["multiply_adds"]) > int(rows[0]["multiply_adds"]) > 0
    assert rows[0]["gpu_median_ms"] == ""


def test_json_has_every_number_and_the_machine(tmp_path: Path, bundle: Path) -> None:
    done = run(bundle, "--images", 3, "--threads", 1, "--out", tmp_path, "--json")
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "cost.json").read_text())
    assert found["models"][0]["cpu"]["rounds"] == 3
    assert found["machine"]["threads"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "name a bundle, or a network"), (("--network", "x", "--channels", 2), "takes 1 or 3")],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: tuple, message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path / "nothing")
    assert isinstance(done.exception, BundleError)
