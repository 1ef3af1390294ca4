from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from hilum.cli import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["errors", *map(str, arguments)])


@pytest.fixture
def table(tmp_path: Path) -> tuple[Path, Path]:
    """Four films, the second and the third called wrongly."""
    rows = ["path,patient_id,source,label,split,sex"]
    for number in range(4):
        Image.fromarray(np.full((40, 30), 50 + number, np.uint8)).save(tmp_path / f"{number}.png")
        label = "normal" if number < 2 else "covid"
        rows.append(f"{number}.png,{number},{'ab'[number % 2]},{label},test,{'FM'[number % 2]}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    said = "image,patient_id,label,normal,covid\n0.png,0,normal,0.9,0.1\n1.png,1,normal,0.4,0.6\n"
    said += "2.png,2,covid,0.8,0.2\n3.png,3,covid,0.3,0.7\n"
    (tmp_path / "p.csv").write_text(said)
    return tmp_path / "p.csv", tmp_path / "manifest.csv"


def test_the_errors_are_named_the_most_confident_first(
    tmp_path: Path, table: tuple[Path, Path]
) -> None:
    predictions, manifest = table
    done = run(predictions, "--manifest", manifest, "--out", tmp_path / "out", "--shuffles", 100)
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'out' / 'index.html'}" in done.stdout
    assert "2 of 4 images are called wrongly: 50.0\u00a0%" in done.stdout
    first, second = (done.stdout.index(name) for name in ("1. 2.png", "2. 1.png"))
    assert first < second
    assert "Research use only" in done.stdout
    assert f"hilum errors {predictions}" in (tmp_path / "out" / "index.html").read_text()


def test_json_prints_what_errors_json_holds(tmp_path: Path, table: tuple[Path, Path]) -> None:
    predictions, manifest = table
    done = run(
        predictions, "--manifest", manifest, "--split", "test", "--out", tmp_path / "out",
        "--count", 1, "--positive", "normal", "--threshold", 0.85, "--shuffles", 100, "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "out" / "errors.json").read_text())
    assert printed["decision"] == "normal from a probability of 0.85 on, else covid"
    assert (printed["split"], len(printed["films"]), printed["errors"]["wrong"]) == ("test", 1, 1)


def test_a_film_that_cannot_be_shown_gives_exit_code_3(
    tmp_path: Path, table: tuple[Path, Path]
) -> None:
    predictions, manifest = table
    (tmp_path / "2.png").write_bytes(b"no picture")
    done = run(predictions, "--manifest", manifest, "--out", tmp_path / "out")
    assert done.exit_code == 3
    assert f"could not show {tmp_path / '2.png'}: " in done.stderr
    assert (tmp_path / "out" / "index.html").exists()


def test_a_file_in_place_of_the_folder_is_a_usage_error(table: tuple[Path, Path]) -> None:
    predictions, manifest = table
    done = run(predictions, "--manifest", manifest, "--out", predictions)
    assert done.exit_code == 2
    assert "name a folder" in done.stderr
