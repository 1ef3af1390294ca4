"""Tables for the screen and for a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest

from hilum.evaluation import Evaluation, Predictions, evaluate
from hilum.report.tables import evaluation_text, metrics_csv

Score = Callable[..., tuple[Predictions, Evaluation]]


def test_never_looking_is_shown_before_the_model(score: Score) -> None:
    text = evaluation_text(score()[1], width=120)
    never, model = text.index("commonest label of the image's source"), text.index("This model")
    assert never < model < text.index("Gained by looking") < text.index("Each class")
    assert "60 images of 60 patients, 95% limits" in text
    assert "Research use only" in text


def test_numbers_stand_with_their_limits(score: Score) -> None:
    evaluation = score()[1]
    text = evaluation_text(evaluation, width=120)
    value, limits = evaluation.metrics["accuracy"].text(percent=True).split(" (")
    assert value in text
    assert f"({limits}" in text


def test_80_columns_hold_every_number_whole(score: Score) -> None:
    text = evaluation_text(score(tuple("abcdef"))[1], width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


def test_names_with_brackets_are_no_markup(score: Score) -> None:
    assert "[red]x[/red]" in evaluation_text(score(("[red]x[/red]", "b"))[1], width=140)


def test_an_unknown_source_is_said_in_the_first_row() -> None:
    predictions = Predictions(list("ab"), list("12"), [0, 1], ["x", "y"], np.eye(2))
    text = evaluation_text(evaluate(predictions, resamples=10), width=140)
    assert "not available: no source column" in text
    assert "Only 2 patients" in text


def test_figures_without_value_or_limits_say_why() -> None:
    predictions = Predictions(list("ab"), list("12"), [0, 0], ["x", "y"], [[0.9, 0.1], [0.4, 0.6]])
    text = evaluation_text(evaluate(predictions, resamples=10), width=400)
    assert "recall of y, average precision of y: undefined: no image of y." in text


def test_the_csv_has_every_figure_once_and_no_nan(score: Score) -> None:
    evaluation = score(("x", "y", "z"))[1]
    text = metrics_csv(evaluation)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["of"] == "source_majority"
    keys = [(row["of"], row["metric"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert ("class y", "recall") in keys
    assert ("all classes", "ece") in keys
    assert "nan" not in text
    accuracy = rows[keys.index(("all classes", "accuracy"))]
    assert float(accuracy["estimate"]) == evaluation.metrics["accuracy"].estimate
    assert accuracy["n"] == "60"


@pytest.mark.parametrize("k", [2, 9])
def test_any_number_of_classes_can_be_shown(score: Score, k: int) -> None:
    names = tuple(f"class{c}" for c in range(k))
    text = evaluation_text(score(names)[1], width=200)
    assert all(name in text for name in names)
