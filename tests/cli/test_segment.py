"""`hilum segment` from the command line, with the segmenter that ships."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hilum.cli import app
from hilum.data.phantom import write_cohort
from hilum.errors import BundleError, DataError
from hilum.screening.lungs import SHIPPED

run = CliRunner().invoke


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve phantom subjects, a film each, with the lungs beside the heart as masks."""
    folder = tmp_path_factory.mktemp("phantoms") / "cohort"
    write_cohort(folder, patients=12, size=160, images_per_patient=(1, 1))
    return folder / "manifest.csv"


@pytest.fixture
def unmasked(cohort: Path, tmp_path: Path) -> Path:
    """The same films without masks, and one that is not there."""
    with cohort.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = ["path", "patient_id", "source", "label"]
    with (tmp_path / "unmasked.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        for row in rows[:4]:
            table.writerow({**row, "path": str(cohort.parent / row["path"])})
        table.writerow({**rows[4], "path": "gone.png"})
    return tmp_path / "unmasked.csv"


def test_measure_prints_dice_by_source_with_intervals(cohort: Path) -> None:
    done = run(app, ["segment", "measure", "--manifest", str(cohort), "--split", "all"])
    assert done.exit_code == 0, done.output
    assert "hospital-a: Dice 0." in done.output
    assert "all sources: Dice 0." in done.output
    assert "Research use only" in done.output


def test_measure_gives_json_with_every_film_the_worst_first(cohort: Path) -> None:
    command = ["segment", "measure", str(SHIPPED), "--manifest", str(cohort), "--films", "--json"]
    done = run(app, command)
    found = json.loads(done.stdout)
    dice = [film["dice"] for film in found["films"]]
    assert dice == sorted(dice)
    assert sum(row["films"] for row in found["by_source"][:-1]) == len(dice)
    assert all(row["dice"]["estimate"] > 0.7 for row in found["by_source"])


def test_measure_needs_masks_that_people_drew(unmasked: Path, tmp_path: Path) -> None:
    text = unmasked.read_text(encoding="utf-8").replace("gone.png", str(unmasked))
    (tmp_path / "all.csv").write_text(text, encoding="utf-8")
    command = ["segment", "measure", "--manifest", str(tmp_path / "all.csv"), "--split", "all"]
    with pytest.raises(DataError, match="Expected films with a lung mask"):
        run(app, command, catch_exceptions=False)


def test_masks_writes_what_it_can_and_says_what_it_cannot(unmasked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(app, ["segment", "masks", "--manifest", str(unmasked), "--out", str(out)])
    assert done.exit_code == 3
    assert "could not read gone.png" in done.stderr
    with (out / "lung_masks.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert all((out / row["mask"]).is_file() for row in rows if row["good"] == "True")


def test_masks_gives_json(cohort: Path, tmp_path: Path) -> None:
    command = ["segment", "masks", "--manifest", str(cohort), "--out", str(tmp_path / "out")]
    done = run(app, [*command, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["drawn_by_people"] == 12


def test_train_refuses_a_manifest_without_masks_at_once(unmasked: Path, tmp_path: Path) -> None:
    text = unmasked.read_text(encoding="utf-8").replace("gone.png", str(unmasked))
    (tmp_path / "all.csv").write_text(text, encoding="utf-8")
    command = ["segment", "train", "--manifest", str(tmp_path / "all.csv")]
    with pytest.raises(DataError, match="no image has been put in any split"):
        run(app, [*command, "--out", str(tmp_path / "out")], catch_exceptions=False)


def test_train_refuses_a_folder_that_is_taken(cohort: Path, tmp_path: Path) -> None:
    command = ["segment", "train", "--manifest", str(cohort), "--out", str(tmp_path)]
    with pytest.raises(BundleError, match="already something at"):
        run(app, command, catch_exceptions=False)


def test_help_names_the_three_commands() -> None:
    done = run(app, ["segment", "--help"])
    assert all(name in done.stdout for name in ("train", "measure", "masks"))
