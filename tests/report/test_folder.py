"""The folder an evaluation is kept in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import DataError
from hilum.evaluation import Evaluation, Predictions
from hilum.report.folder import write_evaluation

Score = Callable[..., tuple[Predictions, Evaluation]]

FILES = {
    "evaluation.json",
    "metrics.csv",
    "predictions.csv",
    "roc.png",
    "precision-recall.png",
    "confusion.png",
    "reliability.png",
}


def test_everything_is_written_and_listed(score: Score, tmp_path: Path) -> None:
    written = write_evaluation(tmp_path / "new" / "folder", *score())
    assert {path.name for path in written} == FILES
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == FILES


def test_the_record_says_what_was_scored(score: Score, tmp_path: Path) -> None:
    predictions, evaluation = score()
    write_evaluation(tmp_path, predictions, evaluation, {"scored": "x.csv"})
    values = json.loads((tmp_path / "evaluation.json").read_text())
    assert values == {"scored": "x.csv", **evaluation.to_dict()}


def test_the_copy_of_the_predictions_is_exact(score: Score, tmp_path: Path) -> None:
    predictions, evaluation = score()
    write_evaluation(tmp_path, predictions, evaluation)
    again = Predictions.read(tmp_path / "predictions.csv")
    np.testing.assert_array_equal(again.probabilities, predictions.probabilities)


def test_other_files_are_left_alone_and_old_ones_replaced(score: Score, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    (tmp_path / "evaluation.json").write_text("old")
    write_evaluation(tmp_path, *score())
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert json.loads((tmp_path / "evaluation.json").read_text())


def test_a_folder_that_cannot_be_made_is_refused(score: Score, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="Cannot make the folder"):
        write_evaluation(tmp_path / "file" / "below", *score())
