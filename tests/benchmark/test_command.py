"""`hilum bench`, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hilum.benchmark.results import Results, write_results
from hilum.cli import app

ROOT = Path(__file__).resolve().parents[2]
NO_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "lightning", "timm", "safetensors",
                                      "onnx", "sklearn", "openvino", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from hilum.cli import app
sys.argv = ["hilum", *sys.argv[1:]]
app()
"""


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", NO_TORCH, "bench", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_quick_run_measures_writes_and_draws_where_torch_cannot_be_found(tmp_path: Path) -> None:
    done = bench("film", "reading", "cold", "--quick", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    values = json.loads((tmp_path / "speed.json").read_text())
    assert {row["group"] for row in values["rows"]} == {"film", "reading", "cold"}
    assert all(row["ours"] > 0 for row in values["rows"])
    assert values["command"].startswith("hilum bench film reading cold --quick")
    assert [group["name"] for group in values["groups"]] == ["cold", "film", "reading"]
    assert (tmp_path / "speed.svg").read_text().startswith("<?xml")
    assert "every class's map beside none" in done.stdout


def test_against_peers_that_are_not_there_every_row_says_how_to_get_them() -> None:
    done = bench("engine", "maps", "training", "evaluation", "--against", "peers", "--quick",
                 "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    missing = {row["missing"] for row in rows if row["ours"] is None}
    assert missing == {"pip install 'hilum[train]'", "pip install 'hilum[bench]'"}
    assert [row["claim"] for row in rows if row["ours"] is not None] == [
        "100 images, 2,000 resamples, all that `hilum evaluate` computes"
    ]


@pytest.mark.slow
def test_an_archive_is_timed_with_one_worker_and_several() -> None:
    done = bench("archive", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["rows"][0]
    assert row["unit"] == "films/s"
    assert row["ours"] > 0


def test_a_missed_target_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from hilum.benchmark.cases import film

    monkeypatch.setattr(film, "COST", 0.0)
    done = CliRunner().invoke(app, ["bench", "film", "--quick"])
    assert done.exit_code == 0
    assert "NO   at most 0 times" in done.stdout


def test_a_table_is_printed_from_a_file(results: Results, tmp_path: Path) -> None:
    write_results(tmp_path, results)
    done = CliRunner().invoke(app, ["bench", "--table", str(tmp_path / "speed.json")])
    assert done.exit_code == 0
    assert "| engine | one film from a cold process | 0.52 s |" in done.stdout


def test_groups_and_a_table_cannot_both_be_asked_for(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "cold", "--table", str(tmp_path / "speed.json")])
    assert done.exit_code == 2
    assert "it measures nothing; give it alone" in done.stderr


def test_a_folder_of_films_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "reading", "--films", str(tmp_path / "no")])
    assert done.exit_code == 2
    assert "is no folder" in done.stderr


def test_studies_are_named_and_their_modules_are_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    for name in ("gate", "gate-distance", "coverage", "duplicates", "planted-flaws"):
        assert name in done.stdout
        assert (ROOT / "benchmarks" / f"bench_{name.replace('-', '_')}.py").is_file()
