"""`hilum data build` and `hilum data list`, as they are typed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.data.manifest import Manifest
from hilum.data.sources import sources
from hilum.errors import ConfigError, DataError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "train_COVIDx8B.txt").write_text(
        "a a.png negative rsna\nCOVID 1 COVID(1).png positive sirm\nb b.png positive ricord\n"
    )
    (tmp_path / "train").mkdir()
    for name in ("a.png", "COVID-1.png", "stray.png"):
        (tmp_path / "train" / name).touch()
    return tmp_path


def test_a_build_writes_the_manifest_and_the_reckoning_and_prints_it(root: Path) -> None:
    out = root / "m.csv"
    done = run("build", "covidx", "--root", root, "--out", out)
    assert done.exit_code == 0
    assert f"Written: {out} (2 images) and {root / 'm.reconciliation.json'}." in done.stderr
    assert "covidx 8B: 3 rows listed" in done.stdout
    assert "missing 1: train/b.png" in done.stdout
    assert "train/COVID(1).png is train/COVID-1.png" in done.stdout
    assert "extra 1 that no list names: train/stray.png" in done.stdout
    assert Manifest.read(out).frame["label"].to_list() == ["negative", "positive"]


def test_json_is_the_whole_reckoning_and_nothing_else(root: Path) -> None:
    done = run("build", "covidx", "--root", root, "--out", root / "m.parquet", "--json")
    record = json.loads(done.stdout)
    assert record["missing"] == [["train/b.png", "ricord"]]
    assert record == json.loads((root / "m.reconciliation.json").read_text())


def test_lists_only_needs_no_root(root: Path) -> None:
    options = ("--labels", root / "labels", "--lists-only", "--version", "CXR-2")
    done = run("build", "covidx", *options, "--out", root / "m.csv")
    assert done.exit_code == 0
    assert len(Manifest.read(root / "m.csv", check_files=False)) == 3


def test_strict_fails_and_writes_nothing(root: Path) -> None:
    done = run("build", "covidx", "--root", root, "--out", root / "m.csv", "--strict")
    assert isinstance(done.exception, DataError)
    assert not (root / "m.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "m.txt", "--root", "."), "expected a name ending in .csv or .parquet"),
        (("--out", "m.csv"), "name the folder of images with --root"),
        (("--out", "m.csv", "--labels", "."), "name the folder of images with --root"),
        (("--out", "m.csv", "--root", ".", "--set", "colour"), "expected KEY=VALUE"),
        (("--root", "."), "--out"),
    ],
)
def test_slips_in_what_is_typed_are_told_with_exit_code_2(
    arguments: tuple[str, ...], said: str
) -> None:
    done = run("build", "covidx", *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_an_option_reaches_the_data_set_which_refuses_what_it_does_not_know(root: Path) -> None:
    done = run("build", "covidx", "--root", root, "--out", root / "m.csv", "--set", "colour=blue")
    assert isinstance(done.exception, ConfigError)
    assert "no option 'colour'" in str(done.exception)


def test_the_list_names_every_set() -> None:
    done = run("list")
    first = [line.split()[0] for line in done.stdout.splitlines() if line]
    assert {*sources} <= {*first}


def test_one_set_is_told_in_full() -> None:
    done = run("list", "covidx")
    for part in ("versions  1 2 3", "(8B by default)", "CXR-2 is 8B", "1. git clone", "ANON191"):
        assert part in done.stdout


def test_cards_are_json() -> None:
    cards = json.loads(run("list", "--json").stdout)
    assert sorted(card["name"] for card in cards) == [*sources]
    assert json.loads(run("list", "hannover", "--json").stdout)[0]["images"] == 243


def test_8b_from_the_published_lists_takes_seconds(shared_data: Path, tmp_path: Path) -> None:
    began = time.perf_counter()
    labels = shared_data / "formats"
    done = run("build", "covidx", "--labels", labels, "--lists-only", "--out", tmp_path / "m.csv")
    assert done.exit_code == 0
    assert time.perf_counter() - began < 10
    assert "13,794      2,158" in done.stdout
