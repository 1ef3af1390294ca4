from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.training.conftest import draw_spots, spot_recipe
from typer.testing import CliRunner

from hilum.cli import app, main

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("line")
    draw_spots(folder)
    (folder / "recipe.yaml").write_text(spot_recipe().to_yaml())
    words = ["train", str(folder / "recipe.yaml"), "training.epochs=2", "--json"]
    words += ["--manifest", str(folder / "manifest.csv"), "--out", str(folder / "run")]
    done = RUNNER.invoke(app, [*words, "--cache", str(folder / "cache")])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["epochs"] == 2
    return folder


def test_training_leaves_curves(trained: Path) -> None:
    assert (trained / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_is_evaluated_exported_screened_and_reported(trained: Path) -> None:
    manifest = str(trained / "manifest.csv")
    words = ["evaluate", str(trained / "run"), "--manifest", manifest, "--split", "test", "--json"]
    done = RUNNER.invoke(app, [*words, "--out", str(trained / "evaluation")])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["n_images"] == 24
    assert next(iter(figures["baselines"])) == "source_majority"

    bundle = str(trained / "bundle")
    done = RUNNER.invoke(app, ["export", str(trained / "run"), "--out", bundle, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["parity"]["logits"] < 1e-4

    words = ["evaluate", bundle, "--manifest", manifest, "--json", "--resamples", "50"]
    done = RUNNER.invoke(app, words)
    assert done.exit_code == 0, done.output
    again = json.loads(done.stdout)["metrics"]["accuracy"]["estimate"]
    assert again == figures["metrics"]["accuracy"]["estimate"]

    films = [str(trained / f"{number:03d}.png") for number in (0, 1)]
    heat = trained / "screening"
    words = ["screen", *films, "--bundle", bundle, "--heatmaps", str(heat), "--force", "--json"]
    done = RUNNER.invoke(app, words)
    assert done.exit_code == 0, done.output
    (heat / "screenings.json").write_text(done.stdout)

    page = trained / "report.html"
    done = RUNNER.invoke(app, ["report", str(trained), "--out", str(page), "--title", "a <b>"])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert "Research use only" in text
    assert "a &lt;b&gt;" in text
    assert text.count('<svg class="figure"') >= 8
    assert text.count("data:image/jpeg;base64,") == 2 * 3


def test_models_prints_the_counts_of_the_papers() -> None:
    done = RUNNER.invoke(app, ["models", "--classes", "1", "--channels", "3", "--json"])
    counts = {row["name"]: row["parameters"] for row in json.loads(done.stdout)}
    assert counts["resnet50"] == 23_510_081
    assert counts["inception_v3"] == 21_787_617
    assert {"input_size", "channels", "classes"} <= set(json.loads(done.stdout)[0])


def test_models_prints_a_table() -> None:
    assert "57,007,937" in RUNNER.invoke(app, ["models"]).stdout


def failing(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> int:
    monkeypatch.setattr("sys.argv", ["hilum", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_wrong_recipe_ends_with_1_and_a_sentence(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(trained / "recipe.yaml"), "training.epoch=2"]
    words += ["--manifest", str(trained / "manifest.csv"), "--out", str(trained / "other")]
    assert failing(monkeypatch, words) == 1
    assert "unknown key. Did you mean 'epochs'?" in capsys.readouterr().err


def test_nothing_to_report_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(monkeypatch, ["report", str(tmp_path), "--out", str(tmp_path / "r.html")]) == 1
    assert "nothing to report" in capsys.readouterr().err


def test_the_record_of_a_run_names_no_place_that_hilum_lies_in(trained: Path) -> None:
    record = json.loads((trained / "run" / "run.json").read_text())
    assert record["command"][0] == "hilum"


def test_a_missing_option_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failing(monkeypatch, ["train", "recipe.yaml"]) == 2


@pytest.mark.parametrize("command", ["prepare", "train", "evaluate", "export", "screen", "report",
                                     "models", "phantoms", "doctor"])  # fmt: skip
def test_every_command_explains_itself(command: str) -> None:
    done = RUNNER.invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.stdout


def test_the_version_is_printed() -> None:
    assert RUNNER.invoke(app, ["--version"]).stdout.startswith("hilum 0.")
