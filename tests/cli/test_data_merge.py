from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.data.manifest import Manifest
from hilum.errors import LeakageError, ManifestError

HEAD = "path,patient_id,source,label,split\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "merge", *map(str, arguments)])


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "nih.csv").write_text(f"{HEAD}a.png,1,nih,normal,train\nb.png,2,nih,normal,test\n")
    (tmp_path / "ricord.csv").write_text(f"{HEAD}c.png,1,ricord,covid,train\n")
    return tmp_path / "nih.csv", tmp_path / "ricord.csv"


def test_two_manifests_become_one_with_a_table_of_counts(
    tmp_path: Path, parts: tuple[Path, Path]
) -> None:
    done = run(*parts, "--out", tmp_path / "all.csv")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "split  source  covid  normal",
        "train  nih         0       1",
        "train  ricord      1       0",
        "test   nih         0       1",
    ]
    assert "all.csv (3 images)" in done.stderr
    assert len(Manifest.read(tmp_path / "all.csv", check_files=False)) == 3


def test_the_counts_are_there_for_machines_too(tmp_path: Path, parts: tuple[Path, Path]) -> None:
    done = run(*parts, "--out", tmp_path / "all.parquet", "--json")
    result = json.loads(done.stdout)
    assert (result["images"], len(result["counts"])) == (3, 3)


def test_labels_are_renamed(tmp_path: Path, parts: tuple[Path, Path]) -> None:
    done = run(*parts, "--out", tmp_path / "all.csv", "--relabel", "covid=pneumonia")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split() == ["split", "source", "normal", "pneumonia"]


def test_labels_that_do_not_match_stop_it_and_nothing_is_written(
    tmp_path: Path, parts: tuple[Path, Path]
) -> None:
    parts[1].write_text(f"{HEAD}c.png,1,ricord,positive,train\n")
    done = run(*parts, "--out", tmp_path / "all.csv")
    assert isinstance(done.exception, ManifestError)
    assert "'positive' (ricord) stand beside 'normal' (nih)" in str(done.exception)
    assert not (tmp_path / "all.csv").exists()


def test_a_leak_stops_it_unless_it_is_asked_for(tmp_path: Path, parts: tuple[Path, Path]) -> None:
    parts[1].write_text(f"{HEAD}c.png,1,nih,covid,test\n")
    done = run(*parts, "--out", tmp_path / "all.csv")
    assert isinstance(done.exception, LeakageError)
    asked = run(*parts, "--out", tmp_path / "all.csv", "--leaks")
    assert asked.exit_code == 0
    assert "note: 1 patient(s) stand in more than one split" in asked.stderr
    dropped = run(*parts, "--out", tmp_path / "all.csv", "--drop-split")
    assert dropped.exit_code == 0
    prefixed = run(*parts, "--out", tmp_path / "all.csv", "--source-prefix")
    assert "ricord:nih" in prefixed.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "all.xlsx"), "name ending in .csv or .parquet"),
        (("--out", "all.csv", "--relabel", "covid"), "expected OLD=NEW, got 'covid'"),
        (("--out", "all.csv", "--relabel", "a="), "expected OLD=NEW"),
        (("--out", "all.csv", "--relabel", "a=b", "--relabel", "a=c"), "two new names"),
    ],
)
def test_slips_are_usage_errors(
    parts: tuple[Path, Path], words: tuple[str, ...], said: str
) -> None:
    done = run(*parts, *words)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_one_manifest_is_a_usage_error(tmp_path: Path, parts: tuple[Path, Path]) -> None:
    done = run(parts[0], "--out", tmp_path / "all.csv")
    assert done.exit_code == 2
    assert "expected two or more manifests" in done.stderr
