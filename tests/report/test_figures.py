"""Pictures: they are PNGs, hold what they should, and are the same each time."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.errors import DataError
from hilum.evaluation import Evaluation, Predictions, evaluate
from hilum.report import figures

Scored = tuple[Predictions, Evaluation]
Score = Callable[..., Scored]

DRAWN = {
    "roc": figures.roc_curves,
    "precision-recall": figures.precision_recall,
    "reliability": figures.reliability_diagram,
    "confusion": lambda _, evaluation, out: figures.confusion_matrix(evaluation, out),
}


def size(picture: bytes | Path) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
        assert image.format == "PNG"
        assert round(image.info["dpi"][0]) == 150
        assert len(np.unique(np.asarray(image.convert("L")))) > 10
        return image.size


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c"), tuple("abcdefghij")])
def test_each_picture_is_a_png(score: Score, tmp_path: Path, name: str, classes: tuple) -> None:
    DRAWN[name](*score(classes), tmp_path / "picture.png")
    assert min(size(tmp_path / "picture.png")) >= 600
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_figures_give_the_same_bytes_in_a_stream(score: Score, name: str) -> None:
    streams = io.BytesIO(), io.BytesIO()
    for stream in streams:
        DRAWN[name](*score(), stream)
    assert streams[0].getvalue() == streams[1].getvalue()
    size(streams[0].getvalue())


@pytest.mark.parametrize("name", DRAWN)
def test_names_are_text_and_never_mathematics(score: Score, name: str) -> None:
    DRAWN[name](*score(("a$b$", "_x^2", "a name that is longer than any label")), io.BytesIO())


@pytest.mark.parametrize("name", DRAWN)
def test_one_class_alone_can_be_drawn(name: str) -> None:
    predictions = Predictions(list("ab"), list("12"), [1, 1], ["x", "y"], [[0.2, 0.8], [0.6, 0.4]])
    DRAWN[name](predictions, evaluate(predictions, resamples=5), io.BytesIO())


def texts(score: Score, monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, out: kept.append(figure))
    DRAWN[name](*score(), io.BytesIO())
    shown = [axes.get_title() for axes in kept[0].axes]
    for axes in kept[0].axes:
        legend = axes.get_legend()
        shown += [text.get_text() for text in legend.get_texts()] if legend else []
        shown += [text.get_text() for text in axes.texts]
    return "\n".join(shown)


@pytest.mark.parametrize("name", DRAWN)
def test_titles_say_how_many_stand_behind(
    score: Score, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert "n = 60 images of 60 patients" in texts(score, monkeypatch, name)


def test_the_legend_gives_areas_with_limits_and_the_score_of_never_looking(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = texts(score, monkeypatch, "roc")
    _, evaluation = score()
    assert f"covid: AUROC {evaluation.per_class['covid']['auroc'].text()}" in shown
    assert "never looking, source only: AUROC" in shown


def test_the_confusion_matrix_shows_counts_and_shares(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, evaluation = score()
    count = evaluation.confusion[0, 0]
    assert f"{count}\n{count / 20:.0%}" in texts(score, monkeypatch, "confusion")


METRICS = "epoch,train_loss,val_loss,val_accuracy,val_recall_x,learning_rate\n"


@pytest.mark.parametrize("rows", ["1,0.9,0.8,0.5,nan,0.001\n", "1,1,1,1,,0\n2,1,1,1,,0.1\n"])
def test_training_curves_are_a_png(tmp_path: Path, rows: str) -> None:
    (tmp_path / "metrics.csv").write_text(METRICS + rows)
    figures.training_curves(tmp_path / "metrics.csv", tmp_path / "curves.png")
    width, height = size(tmp_path / "curves.png")
    assert width > 2 * height


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch,train_loss\n", "must have a column `epoch` and at least one row"),
        ("step,train_loss\n1,2\n", "must have a column `epoch` and at least one row"),
        ("epoch,time\n1,2\n", "no column to draw"),
    ],
)
def test_training_metrics_that_cannot_be_drawn_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        figures.training_curves(tmp_path / "metrics.csv", tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()


def test_missing_training_metrics_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read the training metrics"):
        figures.training_curves(tmp_path / "metrics.csv", tmp_path / "curves.png")


def test_pyplot_is_never_imported(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(METRICS + "1,0.9,0.8,0.5,0.5,0.001\n")
    code = (
        "import sys; from pathlib import Path; from hilum.report.figures import training_curves\n"
        "assert 'matplotlib' not in sys.modules\n"
        "training_curves(Path('metrics.csv'), Path('curves.png'))\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
