"""The record that every figure trusts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hilum.errors import PredictionsError
from hilum.evaluation import Predictions

GOOD = {
    "images": ["a.png", "b.png", "c.png"],
    "patient_ids": ["1", "2", "1"],
    "labels": [0, 1, 1],
    "classes": ["normal", "covid"],
    "probabilities": [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]],
}


def made(**changes: object) -> Predictions:
    return Predictions(**{**GOOD, **changes})  # type: ignore[arg-type]


def test_it_holds_arrays_that_cannot_be_changed() -> None:
    predictions = made(sources=["x", "x", "y"])
    assert len(predictions) == 3
    assert predictions.classes == ("normal", "covid")
    assert predictions.probabilities.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        predictions.labels[0] = 1


def test_the_decision_is_the_first_of_the_most_probable_classes() -> None:
    assert made().decisions.tolist() == [0, 1, 0]


def test_a_patient_is_source_and_number_where_sources_are_known() -> None:
    assert made().patient_index().tolist() == [0, 1, 0]
    assert made(sources=["x", "x", "y"]).patient_index().tolist() == [0, 1, 2]


def test_rounding_just_past_one_is_clipped() -> None:
    p = [[1 + 1e-7, -1e-7], [0, 1], [1, 0]]
    assert made(probabilities=p).probabilities[0].tolist() == [1.0, 0.0]


def test_the_positive_class_can_be_put_second() -> None:
    turned = made().with_positive("normal")
    assert turned.classes == ("covid", "normal")
    assert turned.labels.tolist() == [1, 0, 0]
    assert turned.probabilities[0].tolist() == [0.1, 0.9]
    assert made().with_positive("covid").classes == ("normal", "covid")


def test_rows_can_be_taken_by_mask() -> None:
    part = made(sources=["x", "x", "y"]).take(np.array([True, False, True]))
    assert part.images.tolist() == ["a.png", "c.png"]
    assert part.sources is not None
    assert part.sources.tolist() == ["x", "y"]


def test_what_is_written_is_read_back_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 3)
    names = ['with,comma "and quotes"', "äöü.png", "line\nbreak.png"]
    first = made(images=names, classes=["a", "b", "c"], probabilities=p, sources=["x", "y", "y"])
    first.write(tmp_path / "p.csv")
    again = Predictions.read(tmp_path / "p.csv")
    for name in ("images", "patient_ids", "labels", "probabilities", "sources"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    assert again.classes == first.classes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probabilities": [[2.0, -1.0]] * 3}, "pass them through softmax or sigmoid first"),
        ({"probabilities": [[np.nan, 1.0]] * 3}, "must be in \\[0, 1\\], got nan"),
        ({"probabilities": [[0.5, 0.6]] * 3}, "must sum to 1, got 1.1 to 1.1"),
        ({"probabilities": [0.1, 0.2, 0.3]}, "must have shape \\(3, 2\\), got \\(3,\\)"),
        ({"labels": [0, 1, 2]}, "labels must be in \\[0, 2\\), got 0 to 2"),
        ({"labels": [0.0, 1.0, 1.0]}, "labels must be class indices of shape \\(n,\\), got float"),
        ({"labels": []}, "at least one image, got none"),
        ({"classes": ["a", "a"]}, "at least two different names"),
        ({"classes": ["a"]}, "at least two different names"),
        ({"classes": ["a", "view"]}, "cannot be called like a column: view"),
        ({"images": ["a", "a", "b"]}, "Every image may stand once"),
        ({"patient_ids": ["1"]}, "patient_ids must have shape \\(3,\\) like labels, got \\(1,\\)"),
        ({"sources": ["x"]}, "sources must have shape \\(3,\\) like labels, got \\(1,\\)"),
    ],
)
def test_what_cannot_be_scored_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**changes)


def test_a_positive_class_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="two classes, one of them 'flu', got normal, covid"):
        made().with_positive("flu")


def written(folder: Path, *rows: str) -> Path:
    path = folder / "rounded.csv"
    path.write_text("\n".join(["image,patient_id,label,normal,pneumonia,covid", *rows]))
    return path


def test_probabilities_written_with_two_decimals_are_taken_and_made_to_sum_to_one(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "a,1,normal,0.33,0.33,0.33", "b,2,covid,0.05,0.05,0.91")
    found = Predictions.read(path)
    assert found.probabilities[0] == pytest.approx([1 / 3] * 3)
    assert np.allclose(found.probabilities.sum(axis=1), 1)


def test_a_sum_that_rounding_does_not_explain_is_still_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a,1,normal,0.33,0.33,0.30", "b,2,covid,0.05,0.05,0.90")
    with pytest.raises(PredictionsError, match="row 2: .* sum to 0.96, not to 1 .within 0.015"):
        Predictions.read(path)
    exact = written(tmp_path, "a,1,normal,0.3333,0.3333,0.3300", "b,2,covid,0.05,0.05,0.90")
    with pytest.raises(PredictionsError, match="sum to 0.9966, not to 1 .within 0.001"):
        Predictions.read(exact)
