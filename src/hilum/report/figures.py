"""Pictures of an evaluation and of a training run, one PNG each.

Drawn with matplotlib's Figure objects and never with pyplot, so that they need no display, hold no
global state and may be made in any thread. Colours are Okabe and Ito's, which readers with
colour-blindness tell apart; every title says how many images and patients stand behind it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import DataError
from hilum.evaluation.calibration import reliability_bins
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.ranking import precision_recall_points, roc_points
from hilum.evaluation.record import Evaluation
from hilum.report.drawing import Target, blank, save, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "confusion_matrix",
    "precision_recall",
    "reliability_diagram",
    "roc_curves",
    "training_curves",
]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", ":", "-.")
_GREY = "#767676"

Array = NDArray[np.float64]


def roc_curves(predictions: Predictions, evaluation: Evaluation, out: Target) -> None:
    """Draw each class's ROC curve against the rest; for two classes the positive one's.

    Args:
        predictions: What was scored.
        evaluation: Its figures, for the legend.
        out: PNG file to write, or an open binary file.
    """
    figure, axes = _square()
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=":", label="chance")
    for c in _drawn(predictions):
        x, y = roc_points(predictions.labels == c, predictions.probabilities[:, c])
        axes.plot(x, y, label=_entry(evaluation, c, "auroc", "AUROC"), **_line(predictions, c))
    unseen = evaluation.baselines.get("source_majority")
    if unseen is not None and unseen.unavailable is None:
        score = unseen.metrics["macro_auroc"].text()
        axes.plot([], [], " ", label=f"never looking, source only: AUROC {score}")
    axes.set(xlabel="False positive rate (1 - specificity)", ylabel="Sensitivity (recall)")
    _title(axes, "ROC", evaluation)
    axes.legend(loc="lower right", fontsize=8, framealpha=0.9)
    save(figure, out)


def precision_recall(predictions: Predictions, evaluation: Evaluation, out: Target) -> None:
    """Draw precision over recall; dotted lines show each class's share, which is chance.

    Args:
        predictions: What was scored.
        evaluation: Its figures, for the legend.
        out: PNG file to write, or an open binary file.
    """
    figure, axes = _square()
    for c in _drawn(predictions):
        positive = predictions.labels == c
        line = _line(predictions, c)
        x, y = precision_recall_points(positive, predictions.probabilities[:, c])
        axes.step(
            np.r_[0.0, x],
            np.r_[y[:1], y],
            where="pre",
            label=_entry(evaluation, c, "average_precision", "AP"),
            **line,
        )
        axes.axhline(positive.mean(), color=line["color"], linewidth=0.8, linestyle=":")
    axes.plot([], [], color=_GREY, linewidth=0.8, linestyle=":", label="chance: share of images")
    axes.set(xlabel="Recall (sensitivity)", ylabel="Precision (positive predictive value)")
    _title(axes, "Precision and recall", evaluation)
    axes.legend(loc="lower left", fontsize=8, framealpha=0.9)
    save(figure, out)


def confusion_matrix(evaluation: Evaluation, out: Target) -> None:
    """Draw the confusion matrix: counts, and shares of each true class as shades.

    Args:
        evaluation: What to draw.
        out: PNG file to write, or an open binary file.
    """
    counts = evaluation.confusion
    k = len(evaluation.classes)
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    side = min(14.0, max(5.0, 2.6 + 0.9 * k))
    figure = blank(side, side * 0.9)
    axes = figure.subplots()
    picture = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    size = 10 if k <= 6 else 7 if k <= 12 else 5
    for true in range(k):
        for called in range(k):
            share = shares[true, called]
            text = f"{counts[true, called]:,}" + (f"\n{share:.0%}" if rows[true, 0] else "")
            colour = "white" if share > 0.5 else "black"
            axes.text(called, true, text, ha="center", va="center", color=colour, fontsize=size)
    names = [short(name) for name in evaluation.classes]
    slant: dict[str, Any] = (
        {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if k > 2 else {}
    )
    axes.set_xticks(range(k), names, **slant)
    axes.set_yticks(range(k), [f"{n}\nn = {c:,}" for n, c in zip(names, rows[:, 0], strict=True)])
    axes.set(xlabel="Decision", ylabel="Truth")
    _title(axes, "Confusion matrix", evaluation)
    bar = figure.colorbar(picture, ax=axes, fraction=0.046, pad=0.03, format="{x:.0%}")
    bar.set_label("Share of the true class")
    save(figure, out)


def reliability_diagram(predictions: Predictions, evaluation: Evaluation, out: Target) -> None:
    """Draw accuracy over confidence of the most probable class, with the images in each bin.

    Args:
        predictions: What was scored.
        evaluation: Its figures, for the calibration error.
        out: PNG file to write, or an open binary file.
    """
    bins = reliability_bins(predictions.labels, predictions.probabilities)
    figure = blank(5.4, 6.0)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    middle, width = (bins.edges[:-1] + bins.edges[1:]) / 2, np.diff(bins.edges)
    axes.bar(middle, bins.accuracy, width, color=_COLOURS[5], edgecolor="white", label="accuracy")
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=":", label="perfect")
    axes.plot(bins.confidence, bins.accuracy, "o", color=_COLOURS[0], ms=4, label="bin mean")
    axes.set(ylabel="Share that is right", xlim=(0, 1), ylim=(0, 1.02))
    below.bar(middle, bins.count, width, color=_GREY, edgecolor="white")
    below.set(xlabel="Confidence in the most probable class", ylabel="Images")
    ece = evaluation.metrics["ece"].text()
    _title(axes, f"Reliability, calibration error {ece}", evaluation)
    axes.legend(loc="upper left", fontsize=8, framealpha=0.9)
    save(figure, out)


def training_curves(metrics_csv: Path, out: Target) -> None:
    """Draw a run's losses, validation metrics and learning rate over epochs.

    Args:
        metrics_csv: A run's metrics.csv, one row an epoch. `train_loss` and `val_loss` go in one
            panel, other `val_` columns in the next, `learning_rate` or `lr` in the last.
        out: PNG file to write, or an open binary file.

    Raises:
        DataError: If the file is missing, has no rows or no column `epoch`.
    """
    columns = _epochs(Path(metrics_csv))
    epoch = columns.pop("epoch")
    losses = [name for name in ("train_loss", "val_loss") if name in columns]
    scores = [name for name in columns if name.startswith("val_") and name != "val_loss"]
    rates = [name for name in ("learning_rate", "lr") if name in columns]
    panels = [
        (n, t) for n, t in ((losses, "Loss"), (scores, "Validation"), (rates, "Learning rate")) if n
    ]
    if not panels:
        raise DataError(f"{metrics_csv} has no column to draw: no loss, metric or learning rate")
    figure = blank(4.6 * len(panels), 3.8)
    places = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (names, title) in zip(places, panels, strict=True):
        _panel(axes, epoch, {name: columns[name] for name in names})
        axes.set(title=title)
        if names is rates and np.all(columns[names[0]] > 0):
            axes.set_yscale("log")
    save(figure, out)


def _panel(axes: Axes, epoch: Array, lines: dict[str, Array]) -> None:
    from matplotlib.ticker import MaxNLocator

    marker = "o" if epoch.size < 30 else ""
    for number, (name, values) in enumerate(lines.items()):
        label = short(name if "loss" in name else name.removeprefix("val_"))
        axes.plot(epoch, values, marker=marker, ms=3, label=label, **_style(number))
    axes.set(xlabel="Epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7)


def _epochs(path: Path) -> dict[str, Array]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the training metrics {path}: {error}") from error
    if not rows or "epoch" not in rows[0]:
        raise DataError(f"{path} must have a column `epoch` and at least one row")
    return {name: np.array([_number(row[name]) for row in rows]) for name in rows[0] if name}


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return float("nan")


def _square() -> tuple[Figure, Axes]:
    figure = blank(5.4, 5.4)
    axes: Axes = figure.subplots()
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(alpha=0.25)
    return figure, axes


def _drawn(predictions: Predictions) -> list[int]:
    """Return the classes that have a curve: with images of them, and of others."""
    k = len(predictions.classes)
    counts = np.bincount(predictions.labels, minlength=k)
    wanted = [1] if k == 2 else range(k)
    return [c for c in wanted if 0 < counts[c] < len(predictions)]


def _style(number: int) -> dict[str, Any]:
    colour = _COLOURS[number % len(_COLOURS)]
    return {"color": colour, "linestyle": _DASHES[number // len(_COLOURS) % len(_DASHES)]}


def _line(predictions: Predictions, c: int) -> dict[str, Any]:
    return _style(0 if len(predictions.classes) == 2 else c)


def _entry(evaluation: Evaluation, c: int, metric: str, name: str) -> str:
    label = evaluation.classes[c]
    return f"{short(label)}: {name} {evaluation.per_class[label][metric].text()}"


def _title(axes: Axes, text: str, evaluation: Evaluation) -> None:
    images, patients = evaluation.n_images, evaluation.n_patients
    axes.set_title(f"{text}\nn = {images:,} images of {patients:,} patients", fontsize=11)
