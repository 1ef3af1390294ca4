"""`hilum check-table` on a table, an evaluation and the papers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from hilum.cli import app
from hilum.errors import DataError

TABLE = "name,n_positive,n_negative,recall,specificity\ngood,200,200,0.815,0.995\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check-table", *(str(a) for a in arguments)])


def write(folder: Path, text: str) -> Path:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return folder / "t.csv"


def test_a_table_that_can_be_ends_with_0(tmp_path: Path) -> None:
    done = run(write(tmp_path, TABLE))
    assert done.exit_code == 0
    assert "good  possible: 1 confusion matrix, [[163, 37], [1, 199]]" in done.stdout


def test_a_table_that_cannot_be_ends_with_4_and_says_why(tmp_path: Path) -> None:
    done = run(write(tmp_path, f"{TABLE}bad,200,200,0.989,\n"))
    assert done.exit_code == 4
    assert "bad   CANNOT BE" in done.stdout
    assert "recall 0.989 is no k/200" in done.stdout
    assert "something in this table cannot be" in done.stderr


def test_json_holds_every_row_with_its_findings(tmp_path: Path) -> None:
    done = run(write(tmp_path, f"{TABLE}bad,200,200,0.989,\n"), "--json")
    values = json.loads(done.stdout)
    assert done.exit_code == 4
    assert values["rows"][0]["example"] == [[163, 37], [1, 199]]
    assert values["rows"][1]["findings"][0]["numbers"] == ["recall"]


@pytest.mark.parametrize("paper", ["p1", "p2", "p3", "p4"])
def test_the_papers_are_checked_by_name(paper: str) -> None:
    done = run(paper)
    assert done.exit_code == 4
    assert "CANNOT BE" in done.stdout


def test_a_faulty_table_is_refused_with_its_place(tmp_path: Path) -> None:
    done = run(write(tmp_path, TABLE.replace("0.995", "lots")))
    assert isinstance(done.exception, DataError)
    assert "row 2, column specificity" in str(done.exception)
