"""The folder a comparison of two models is kept in: figures, a table, and one picture."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hilum.data.atomic import replacing
from hilum.evaluation.compare import Comparison
from hilum.evaluation.record import Estimate
from hilum.report.destination import made_folder
from hilum.report.drawing import Target, blank, can_draw, save, short

__all__ = ["comparison_csv", "comparison_picture", "write_comparison"]

BLUE, GREY = "#0072B2", "#767676"

_DRAWN = ("accuracy", "balanced_accuracy", "macro_auroc")
_DRAWN_OF_CLASS = ("recall", "specificity", "auroc")


def write_comparison(
    folder: str | Path, found: Comparison, about: Mapping[str, Any] | None = None
) -> list[Path]:
    """Write comparison.json, comparison.csv and, with matplotlib, comparison.png.

    Args:
        folder: Made if it does not exist; other files in it are left alone.
        found: What was compared.
        about: Where the predictions come from; put first in comparison.json.

    Raises:
        DataError: If the folder cannot be made.
    """
    folder = made_folder(folder)
    text = json.dumps({**(about or {}), **found.to_dict()}, indent=2, allow_nan=False)
    suffixes = ["json", "csv"]
    if can_draw():
        comparison_picture(found, folder / "comparison.png")
        suffixes.append("png")
    with replacing(folder / "comparison.csv") as file:
        file.write(comparison_csv(found).encode())
    with replacing(folder / "comparison.json") as file:
        file.write(f"{text}\n".encode())
    return [folder / f"comparison.{suffix}" for suffix in suffixes]


def comparison_csv(found: Comparison) -> str:
    """Return every figure of both models and its difference as CSV text."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    fields = list(Estimate.__dataclass_fields__)
    writer.writerow(["of", "metric", "which", *fields])
    groups = {"all classes": found.metrics}
    groups |= {f"class {label}": row for label, row in found.per_class.items()}
    for group, rows in groups.items():
        for name, row in rows.items():
            for which, value in (("a", row.a), ("b", row.b), ("a minus b", row.difference)):
                cells = value.to_dict()
                writer.writerow([group, name, which, *(cells[field] for field in fields)])
    return file.getvalue()


def comparison_picture(found: Comparison, out: Target) -> None:
    """Draw each difference with its limits; those that hold zero show nothing.

    Args:
        found: What was compared.
        out: PNG file to write, or an open binary file.
    """
    rows = [(name, found.metrics[name].difference) for name in _DRAWN]
    for label, figures in found.per_class.items():
        rows += [(f"{name} of {short(label)}", figures[name].difference)
                 for name in _DRAWN_OF_CLASS]  # fmt: skip
    rows = [(name, value) for name, value in rows if value.estimate is not None]
    figure = blank(7.2, 1.6 + 0.32 * max(1, len(rows)))
    axes = figure.subplots()
    axes.axvline(0, color=GREY, linewidth=1, linestyle=":")
    for place, (_, value) in enumerate(rows):
        colour = GREY
        if value.low is not None and value.high is not None:
            colour = GREY if value.low <= 0 <= value.high else BLUE
            axes.hlines(place, value.low, value.high, color=colour, linewidth=1.6)
        axes.scatter(value.estimate or 0.0, place, color=colour, s=26, zorder=3)
    area = "AUROC" if len(found.classes) == 2 else "macro AUROC"
    names = [
        name.replace("macro_auroc", area).replace("_", " ").replace("auroc", "AUROC")
        for name, _ in rows
    ]
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.invert_yaxis()
    a, b = (short(name) for name in found.names)
    axes.set_xlabel(f"{b} better    <    difference    >    {a} better")
    axes.set_title(
        f"{a} minus {b}\nn = {found.n_images:,} films of {found.n_patients:,} patients; "
        f"grey: no difference shown",
        fontsize=10,
    )
    axes.grid(axis="x", alpha=0.25)
    save(figure, out)
