"""`hilum phantoms`: what it writes and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from hilum.cli.phantoms import phantoms
from hilum.errors import ConfigError, DataError

app = typer.Typer()
app.command()(phantoms)

FEW = ["--patients", "4", "--size", "64", "--hospitals", "2", "--workers", "1"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_it_prints_where_the_manifest_is_and_counts_by_label_and_split(tmp_path: Path) -> None:
    result = run(tmp_path / "new", *FEW)
    assert result.exit_code == 0
    assert str(tmp_path / "new" / "manifest.csv") in result.stdout
    assert "train" in result.stdout
    assert "Phantoms are drawn" in result.stderr


def test_json_holds_the_counts(tmp_path: Path) -> None:
    result = run(tmp_path / "new", *FEW, "--json", "--flaw", "marker=0.5")
    report = json.loads(result.stdout)
    assert report["images"] == sum(row["images"] for row in report["counts"])
    assert report["flaws"] == ["marker=0.5"]
    assert Path(report["manifest"]).is_file()


def test_classes_and_flaws_are_taken_from_the_line(tmp_path: Path) -> None:
    out = tmp_path / "new"
    line = ["--classes", "normal,nodule", "--flaw", "marker", "--flaw", "confounded=0.9"]
    assert run(out, *FEW, *line).exit_code == 0
    made = json.loads((out / "phantoms.json").read_text())
    assert made["classes"] == ["normal", "nodule"]
    assert made["flaws"] == {"marker": None, "confounded": 0.9}


def test_a_strength_that_is_no_number_is_a_usage_error(tmp_path: Path) -> None:
    result = run(tmp_path / "new", *FEW, "--flaw", "marker=strong")
    assert result.exit_code == 2
    assert "name=number" in result.stderr


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        (["--patients", "1"], ConfigError, "patients must be at least 3"),
        (["--flaw", "markr"], ConfigError, "Did you mean 'marker'"),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    tmp_path: Path, line: list[str], error: type[Exception], message: str
) -> None:
    result = run(tmp_path / "new", *FEW, *line)
    assert isinstance(result.exception, error)
    assert message in str(result.exception)


def test_a_second_run_into_the_same_folder_needs_force(tmp_path: Path) -> None:
    assert run(tmp_path / "new", *FEW).exit_code == 0
    assert isinstance(run(tmp_path / "new", *FEW).exception, DataError)
    assert run(tmp_path / "new", *FEW, "--force").exit_code == 0
