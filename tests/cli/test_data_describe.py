from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.errors import ManifestError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "describe", *map(str, arguments)])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 256, (40, 30), np.uint8)).save(tmp_path / name)
    rows = "a.png,1,nih,normal,train\nb.png,1,nih,covid,test\n"
    (tmp_path / "manifest.csv").write_text(f"path,patient_id,source,label,split\n{rows}")
    return tmp_path / "manifest.csv"


def test_a_leaking_manifest_is_described_and_the_leak_is_said(
    tmp_path: Path, manifest: Path
) -> None:
    done = run(manifest, "--out", tmp_path / "out", "--title", "Two films")
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'out' / 'index.html'}: 2 images of 1 patients" in done.stdout
    assert "Note: 1 patient(s) stand in more than one split" in done.stdout
    assert "Research use only" in done.stdout
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<title>Two films</title>" in page
    assert f"hilum data describe {manifest} --out" in page


def test_json_prints_what_describe_json_holds(tmp_path: Path, manifest: Path) -> None:
    done = run(manifest, "--out", tmp_path / "out", "--json", "--examples", 0, "--seed", 7)
    assert done.exit_code == 0
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "out" / "describe.json").read_text())
    assert (printed["seed"], printed["images"], printed["examples"]) == (
        7,
        2,
        {"covid": [], "normal": []},
    )


def test_files_that_cannot_be_read_are_noted_and_the_exit_code_is_3(
    tmp_path: Path, manifest: Path
) -> None:
    (tmp_path / "b.png").write_bytes(b"no picture")
    done = run(manifest, "--out", tmp_path / "out")
    assert done.exit_code == 3
    assert f"could not read {tmp_path / 'b.png'}: " in done.stderr
    assert (tmp_path / "out" / "index.html").exists()


def test_missing_files_are_no_failure(tmp_path: Path, manifest: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).unlink()
    done = run(manifest, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "0 of 2 files looked for are there; 0 films were read." in done.stdout


def test_what_is_no_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,label\na.png,normal\n")
    done = run(tmp_path / "m.csv", "--out", tmp_path / "out")
    assert isinstance(done.exception, ManifestError)
    assert not (tmp_path / "out").exists()
