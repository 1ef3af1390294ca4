from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.report import study
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.errors import DataError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a bundle `tiny`, manifest.csv, evaluation.json and audit.json."""
    films = study.manifest(tmp_path)
    films.write(tmp_path / "manifest.csv")
    made = study.bundle(tmp_path / "tiny", films)
    (tmp_path / "evaluation.json").write_text(json.dumps(study.evaluation(films)))
    (tmp_path / "audit.json").write_text(json.dumps(study.audit(made.id, jpeg="pass")))
    return tmp_path


def everything(folder: Path) -> list[object]:
    return [
        folder / "tiny", "--manifest", folder / "manifest.csv",
        "--evaluation", folder, "--audit", folder / "audit.json",
    ]  # fmt: skip


def test_a_checklist_is_printed_and_the_open_items_are_counted(folder: Path) -> None:
    done = run("checklist", "claim", *everything(folder))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("# CLAIM 2024 update: tiny")
    assert "of 44 items wait for people" in done.stderr


def test_the_file_decides_the_format(folder: Path) -> None:
    done = run("checklist", "tripod-ai", *everything(folder), "--out", folder / "new" / "c.json")
    assert done.stdout.strip() == str(folder / "new" / "c.json")
    found = json.loads((folder / "new" / "c.json").read_text())
    assert len(found["items"]) == 52
    assert found["counts"]["reported"] > 0


def test_a_table_has_a_row_an_item(folder: Path) -> None:
    done = run("checklist", "claim", folder / "tiny", "--format", "csv")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["item"] for row in rows] == [str(n) for n in range(1, 45)]


def test_a_card_is_written_with_the_audit_in_it(folder: Path) -> None:
    done = run("card", *everything(folder), "--out", folder / "card.md")
    assert done.exit_code == 0, done.output
    page = (folder / "card.md").read_text()
    assert page.startswith("# Model card: tiny")
    assert "| PASS | The jpeg check |" in page


def test_a_card_is_json_for_machines(folder: Path) -> None:
    done = run("card", folder / "tiny", "--format", "json")
    assert json.loads(done.stdout)["name"] == "tiny"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("checklist", "consort", "x"), "claim"),
        (("checklist", "claim", "tiny", "--out", "c.pdf"), "end in .md, .json or .csv"),
        (("card", "tiny", "--out", "c.csv"), "a card is .md or .json"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    arguments: tuple[str, ...], message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_folder_is_no_file_to_write(folder: Path) -> None:
    done = run("checklist", "claim", folder / "tiny", "--format", "md", "--out", folder)
    assert done.exit_code == 2
    assert "is a folder; name a file" in done.stderr.replace("\n", " ")


def test_what_is_neither_bundle_nor_run_is_refused(folder: Path) -> None:
    done = run("checklist", "claim", folder)
    assert isinstance(done.exception, DataError)
    assert "neither bundle.json nor run.json" in str(done.exception)


def test_an_evaluation_that_cannot_be_read_is_refused(folder: Path) -> None:
    (folder / "evaluation.json").write_text("[1]")
    done = run("card", folder / "tiny", "--evaluation", folder)
    assert isinstance(done.exception, DataError)
    assert "Expected an object in" in str(done.exception)
    missing = run("card", folder / "tiny", "--audit", folder / "nothing.json")
    assert "cannot be read" in str(missing.exception)
