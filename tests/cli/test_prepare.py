from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.errors import CacheError, ManifestError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["prepare", *map(str, arguments)])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 256, (40, 30), np.uint8)).save(tmp_path / name)
    text = "path,patient_id,source,label\na.png,1,nih,normal\nb.png,2,nih,covid\n"
    (tmp_path / "manifest.csv").write_text(text)
    return tmp_path / "manifest.csv"


def test_the_options_become_the_cache_s_preprocessing(tmp_path: Path, manifest: Path) -> None:
    options = ("--size", 32, "--top", 0.08, "--square", "pad", "--equalize")
    done = run(manifest, "--out", tmp_path / "cache", *options)
    assert done.exit_code == 0
    assert "2 prepared, 0 reused, 0 failed" in done.stdout
    wanted = Preprocessing(size=32, top=0.08, square="pad", equalization="histogram")
    cache = PreparedCache.open(tmp_path / "cache")
    assert cache.preprocessing == wanted
    assert cache.locate(Manifest.read(manifest)).tolist() == [0, 1]


def test_images_that_fail_are_noted_and_the_exit_code_is_3(tmp_path: Path, manifest: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"no picture")
    done = run(manifest, "--out", tmp_path / "cache", "--clahe", "--json")
    assert done.exit_code == 3
    report = json.loads(done.stdout)
    assert (report["images"], report["prepared"], report["reused"]) == (2, 1, 0)
    assert report["failed"][0]["path"] == str(tmp_path / "b.png")
    assert f"could not read {tmp_path / 'b.png'}" in done.stderr


def test_only_twenty_failures_are_noted(tmp_path: Path) -> None:
    lines = "".join(f"{number}.png\n" for number in range(25))
    (tmp_path / "list.txt").write_text(lines)
    done = run(tmp_path / "list.txt", "--out", tmp_path / "cache")
    assert done.exit_code == 3
    assert done.stderr.count("could not read") == 20
    assert "... and 5 more" in done.stderr


def test_two_equalisers_at_once_are_a_usage_error(tmp_path: Path, manifest: Path) -> None:
    done = run(manifest, "--out", tmp_path / "cache", "--equalize", "--clahe")
    assert done.exit_code == 2
    assert not (tmp_path / "cache").exists()


def test_a_faulty_manifest_stops_the_command(tmp_path: Path, manifest: Path) -> None:
    manifest.write_text("path,patient_id,source,label\na.png,,nih,normal\n")
    done = run(manifest, "--out", tmp_path / "cache")
    assert isinstance(done.exception, ManifestError)
    assert "row 2: patient_id is empty" in str(done.exception)


def test_a_cache_of_other_pictures_stops_the_command(tmp_path: Path, manifest: Path) -> None:
    run(manifest, "--out", tmp_path / "cache", "--size", 32)
    done = run(manifest, "--out", tmp_path / "cache", "--size", 48)
    assert isinstance(done.exception, CacheError)
    assert "Choose another folder" in str(done.exception)
