"""`hilum data lint`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.errors import DataError, ManifestError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "lint", *map(str, arguments)])


def write(folder: Path, *, confounded: bool) -> Path:
    n = 240
    people = [i // 2 for i in range(n)]
    label = [("normal", "covid")[p // 2 % 2] for p in people]
    source = [("east", "west")[p % 2] for p in people]
    frame = pl.DataFrame(
        {
            "path": [f"{i}.png" for i in range(n)],
            "patient_id": [f"p{p}" for p in people],
            "source": [f"the {x} hospital" for x in label] if confounded else source,
            "label": label,
            "split": [("train", "test")[p // 4 % 2] for p in people],
        }
    )
    frame.write_csv(folder / "m.csv")
    return folder / "m.csv"


def test_what_falsifies_a_result_exits_with_4_and_the_zero_pixel_line(tmp_path: Path) -> None:
    done = run(write(tmp_path, confounded=True), "--no-images")
    assert done.exit_code == 4
    assert "every covid image (120) comes from other sources than every other" in done.stdout
    assert "not looked at: the image files, as --no-images was given" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(
        "A rule that never looks at a picture, only at the source, is right for 120 of 120 test"
    )


def test_a_clean_set_exits_with_0(tmp_path: Path) -> None:
    done = run(write(tmp_path, confounded=False), "--no-images")
    assert done.exit_code == 0
    assert "Nothing was found that would falsify a result on these images." in done.stdout


def test_images_that_are_not_there_are_not_looked_at(tmp_path: Path) -> None:
    done = run(write(tmp_path, confounded=False))
    assert "H107 no listed file is there: these are lists only" in done.stdout
    assert "not looked at: the image files, as none of them is there" in done.stdout


def test_json_is_the_whole_report_and_nothing_else(tmp_path: Path) -> None:
    done = run(write(tmp_path, confounded=True), "--no-images", "--json", "--out", tmp_path / "o")
    record = json.loads(done.stdout)
    assert record["falsifies"] is True
    assert record["zero_pixel"].startswith("A rule that never looks")
    assert {key: record[key] for key in record if key != "zero_pixel"} == json.loads(
        (tmp_path / "o").read_text()
    )
    assert f"Written: {tmp_path / 'o'}." in done.stderr


def test_the_rule_that_made_the_split_is_checked(tmp_path: Path) -> None:
    (tmp_path / "ids.py").write_text("HELD = ['p5' 'p4', 'p6']")
    done = run(write(tmp_path, confounded=False), "--no-images", "--held-out", tmp_path / "ids.py")
    assert done.exit_code == 4
    assert "line 1: p5p4 is p5 and p4 without a comma" in done.stdout


def test_a_faulty_manifest_is_linted_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,label\na.png,x\na.png,y\n")
    done = run(tmp_path / "m.csv")
    assert done.exit_code == 4
    assert "H101 2 required columns missing" in done.stdout
    assert "H109 1 file listed under more than one label" in done.stdout
    assert "never looks" not in done.stdout


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"path,label\nM\xfcller.png,x\n")
    refused = run(tmp_path / "m.csv")
    assert isinstance(refused.exception, ManifestError)
    assert "line 2" in str(refused.exception)
    assert run(tmp_path / "m.csv", "--encoding", "latin-1").exit_code == 4
    assert isinstance(run(tmp_path / "gone.csv").exception, ManifestError)


def test_a_list_of_ids_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = run(write(tmp_path, confounded=False), "--held-out", tmp_path / "gone.txt")
    assert isinstance(done.exception, DataError)


def test_the_real_set_is_linted_as_its_readme_reads(shared_data: Path) -> None:
    done = run(shared_data / "cxr" / "manifest.csv", "--no-images")
    assert done.exit_code == 4
    said = "every covid image (986) comes from other sources than every other image (1,407)"
    assert said in done.stdout
    assert "It tells covid from the rest with sensitivity 1.000" in done.stdout


@pytest.mark.parametrize("option", ["--workers", "--held-out", "--encoding", "--cache"])
def test_the_help_names_what_can_be_set(option: str) -> None:
    assert option in run("--help").stdout
