"""`hilum data baseline`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.errors import ConfigError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "baseline", *map(str, arguments)])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    n = 120
    label = [("normal", "pneumonia", "covid")[i % 3] for i in range(n)]
    frame = pl.DataFrame(
        {
            "path": [f"{i}.png" for i in range(n)],
            "patient_id": [f"p{i}" for i in range(n)],
            "source": ["italy" if x == "covid" else "nih" for x in label],
            "label": label,
            "split": ["train" if i < 60 else "test" for i in range(n)],
            "sex": [("M", "F")[i // 3 % 2] for i in range(n)],
        }
    )
    frame.write_csv(tmp_path / "m.csv")
    return tmp_path / "m.csv"


def test_every_rule_is_a_row_and_the_last_lines_say_what_it_means(manifest: Path) -> None:
    done = run(manifest, "--resamples", "100")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "Tested on split test: 60 images of 60 patients (covid 20, normal 20, pneumonia 20)."
    )
    assert lines[3].split("  ")[0] == "looks only at"
    assert [line.split("  ")[0] for line in lines[4:8]] == [
        "nothing at all", "source", "sex", "all together",
    ]  # fmt: skip
    assert "right for 40 of 60 test images" in lines[-2]
    assert lines[-1] == "Research use only."


def test_one_label_against_the_rest_has_sensitivity_and_specificity(manifest: Path) -> None:
    done = run(manifest, "--positive", "covid", "--column", "source", "--resamples", "100")
    row = next(line for line in done.stdout.splitlines() if line.startswith("source"))
    assert row.split("  ")[-1].strip() == "1.000 (0.912-1.000)"
    assert "sensitivity, covid" in done.stdout
    assert "all together" not in done.stdout


def test_json_holds_every_figure_with_its_interval(manifest: Path) -> None:
    record = json.loads(run(manifest, "--json", "--resamples", "100").stdout)
    rule = next(rule for rule in record["rules"] if rule["looks_at"] == "source")
    accuracy = rule["metrics"]["accuracy"]
    assert accuracy["estimate"] == pytest.approx(2 / 3)
    assert accuracy["low"] < 2 / 3 < accuracy["high"]
    assert record["manifest"] == str(manifest)


def test_an_unknown_column_is_refused(manifest: Path) -> None:
    refused = run(manifest, "--column", "scanner")
    assert isinstance(refused.exception, ConfigError)
    assert "no column 'scanner'" in str(refused.exception)
