"""Pictures and files of a calibration: each class before and after, and what acting is worth.

Drawn as in `figures`: Figure objects only, colours that readers with colour-blindness tell apart,
and the number of films in every title.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hilum.data.atomic import replacing
from hilum.evaluation.confidence import ClassReliability, class_reliability
from hilum.evaluation.decisions import DecisionCurve, decision_curve
from hilum.evaluation.predictions import Predictions
from hilum.report.destination import made_folder
from hilum.report.drawing import Target, blank, can_draw, save, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hilum.screening.recalibrate import Recalibrated

__all__ = ["decision_curves", "reliability_before_after", "write_calibration"]

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"


def reliability_before_after(
    before: Predictions, after: Predictions, out: Target, *, how: str = "after"
) -> None:
    """Draw for each class how often it is true over how often it is said, before and after.

    Args:
        before: What the model said.
        after: What it says of the same films once calibrated.
        out: PNG file to write, or an open binary file.
        how: Title of the lower row.
    """
    k = len(before.classes)
    classes = [1] if k == 2 else list(range(k))
    figure = blank(max(4.6, 3.4 * len(classes)), 7.0)
    grid = figure.subplots(2, len(classes), sharex=True, sharey=True, squeeze=False)
    for row, (said, title) in enumerate(((before, "before"), (after, how))):
        for column, c in enumerate(classes):
            bins = class_reliability(said, c)
            _diagram(grid[row, column], bins, (BLUE, ORANGE)[row])
            grid[row, column].set_title(f"{short(bins.label)}, {title}", fontsize=10)
        grid[row, 0].set_ylabel("Share truly of the class")
    for axes in grid[1]:
        axes.set_xlabel("Probability said")
    people = int(before.patient_index().max()) + 1
    figure.suptitle(
        f"Is what is said of a class as often true?  n = {len(before):,} films of {people:,} "
        "patients; 95 % limits",
        fontsize=11,
    )
    save(figure, out)


def _diagram(axes: Axes, bins: ClassReliability, colour: str) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
    edges, count = np.array(bins.edges), np.array(bins.count)
    heights = 0.25 * count / max(1, count.max())
    axes.bar(edges[:-1], heights, np.diff(edges), align="edge", color="#e3e3e3", edgecolor="white")
    some = [b for b, n in enumerate(bins.count) if n]
    x, y, low, high = (
        np.array([values[b] for b in some], dtype=float)
        for values in (bins.said, bins.true, bins.low, bins.high)
    )
    errors = np.maximum(0, np.stack([y - low, high - y]))
    axes.errorbar(x, y, yerr=errors, fmt="o-", color=colour, ms=4, linewidth=1.4, elinewidth=0.8)
    for b in some:
        axes.text(edges[b] + 0.05, 0.012, f"{count[b]}", ha="center", fontsize=6, color="#444444")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))


def decision_curves(curves: Sequence[DecisionCurve], out: Target) -> None:
    """Draw the net benefit of acting on the model beside treating everyone and no one.

    Args:
        curves: One a class, of the same films; at least one.
        out: PNG file to write, or an open binary file.
    """
    figure = blank(max(5.4, 3.9 * len(curves)), 4.2)
    grid = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, curve in zip(grid, curves, strict=True):
        t = np.array(curve.thresholds)
        if curve.low:
            axes.fill_between(t, curve.low, curve.high, color=BLUE, alpha=0.18, linewidth=0)
        axes.plot(t, curve.model, label="act on the model", color=BLUE)
        axes.plot(t, curve.treat_all, label="act on everyone", color=ORANGE, linestyle="--")
        axes.axhline(0, color=GREY, linewidth=1, linestyle=":", label="act on no one")
        top = max(curve.prevalence, *curve.model, *curve.high, 0.02)
        axes.set(xlim=(0, 1), ylim=(-0.3 * top, 1.1 * top), xlabel="Probability from which to act")
        where = " here" if curve.from_data else ""
        axes.set_title(f"{short(curve.label)}, {curve.prevalence:.1%} have it{where}", fontsize=10)
        axes.grid(alpha=0.25)
    grid[0].set_ylabel("Net benefit: true positives a film")
    grid[0].legend(fontsize=8, framealpha=0.9)
    first = curves[0]
    figure.suptitle(
        f"Decision curve  n = {first.n:,} films of {first.patients:,} patients", fontsize=11
    )
    save(figure, out)


def write_calibration(folder: str | Path, found: Recalibrated) -> list[Path]:
    """Write calibration.json and, with matplotlib, pictures before and after and decision curves.

    Args:
        folder: Made if it does not exist.
        found: What `recalibrate` returned.

    Raises:
        DataError: If the folder cannot be made.
    """
    folder = made_folder(folder)
    before, after = found.said_before, found.said_after
    pictures = _pictures(folder, found) if can_draw() else []
    values = {
        **found.to_dict(),
        "reliability": {
            name: [class_reliability(said, c).to_dict() for c in range(len(after.classes))]
            for name, said in (("before", before), ("after", after))
        },
    }
    with replacing(folder / "calibration.json") as file:
        file.write(f"{json.dumps(values, indent=2, allow_nan=False)}\n".encode())
    return [folder / "calibration.json", *pictures]


def _pictures(folder: Path, found: Recalibrated) -> list[Path]:
    before, after = found.said_before, found.said_after
    how = f"logits / {found.temperature:.3g}" if found.method == "temperature" else "unchanged"
    paths = [folder / "reliability-before-after.png"]
    reliability_before_after(before, after, paths[0], how=how)
    k = len(after.classes)
    sided = [c for c in ([1] if k == 2 else range(k)) if 0 < (after.labels == c).sum() < len(after)]
    if sided:
        paths.append(folder / "decision-curve.png")
        decision_curves([decision_curve(after, c) for c in sided], paths[-1])
    return paths
