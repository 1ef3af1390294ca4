"""`hilum report` from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hilum.cli import app, main
from hilum.evaluation import Predictions, evaluate
from hilum.report.folder import write_evaluation

RUNNER = CliRunner()


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    labels = np.arange(40) % 2
    p = np.clip(0.3 + 0.4 * labels + 0.2 * np.sin(np.arange(40)), 0, 1)
    names = [str(i) for i in range(40)]
    said = Predictions(names, names, labels, ("no", "yes"), np.stack([1 - p, p], axis=1))
    write_evaluation(tmp_path / "evaluation", said, evaluate(said, resamples=50))
    return tmp_path / "evaluation"


def test_a_report_is_written_and_its_place_printed(evaluation: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report.html"
    done = RUNNER.invoke(app, ["report", str(evaluation), "--out", str(out), "--title", "a & b"])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == f"The report is in {out}."
    assert "<h1>a &amp; b</h1>" in out.read_text()
    assert (tmp_path / "new" / "report.json").is_file()
    assert list((tmp_path / "new" / "tables").glob("*.csv"))


def test_a_folder_is_no_page(evaluation: Path, tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["report", str(evaluation), "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "is a folder" in done.output


def test_an_empty_folder_ends_with_1_and_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    words = ["hilum", "report", str(tmp_path / "empty"), "--out", str(tmp_path / "r.html")]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "There is nothing to report" in capsys.readouterr().err
