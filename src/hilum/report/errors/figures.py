"""The pictures of the errors that stand alone: the contact sheet and the rates of all groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.report.contact_sheet import Cell, draw_sheet
from hilum.report.drawing import GREY, INK, Mark, blank, quiet, save, short
from hilum.report.errors.maps import Seen

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["VALUES", "draw_error_sheet", "draw_rates"]

VALUES = 8
"""Values of a column that are drawn, those of most images first."""

_SIDE = 170
_ROW_INCHES = 0.235


def draw_error_sheet(
    films: Sequence[Seen], title: str, marks: Mapping[str, Mark], out: Path
) -> None:
    """Draw the films called wrongly, each beside its maps where there are any.

    Args:
        films: At least one that was read; those that were not are left out.
        title: Of the sheet.
        marks: Of the classes.
        out: PNG file to write.

    References:
        Paper 2, figure 8.
    """
    explained = any(seen.evidence for seen in films)
    cells = [_cell(seen, marks, explained=explained) for seen in films if seen.film is not None]
    across = 2 if explained else min(6, max(3, len(cells)))
    draw_sheet(cells, title, marks, out, across=across)


def _cell(seen: Seen, marks: Mapping[str, Mark], *, explained: bool) -> Cell:
    about = seen.about
    pictures = [seen.film] if seen.film is not None else []
    if seen.evidence is not None:
        pictures += [seen.evidence.called, seen.evidence.true]
    tiles = [_square(picture) for picture in pictures]
    if explained and seen.evidence is None:
        tiles += [np.full_like(tiles[0], 255)] * 2
    share, rest = about["probability_called"], about["probability_true"]
    said = f"{about['rank']}. {short(about['true'])} called {short(about['called'])}"
    caption = f"{said}: {share:.2f}, true class {rest:.2f}" if explained else f"{said}\n{share:.2f}"
    both = (marks[about["true"]], marks[about["called"]])
    return Cell(np.concatenate(tiles, axis=1), both, caption.replace(r"\$", "$"))


def _square(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture in RGB, whole, on a black square."""
    image = Image.fromarray(picture).convert("RGB")
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (_SIDE, _SIDE))
    square.paste(image, ((_SIDE - image.width) // 2, (_SIDE - image.height) // 2))
    return np.asarray(square)


def draw_rates(groups: Sequence[dict[str, Any]], overall: float, out: Path) -> None:
    """Draw the error rate of each group with its limits, beside what its classes would give.

    Args:
        groups: As the record holds them, at least one.
        overall: The error rate of all images.
        out: PNG file to write.
    """
    parts = _halves(groups) if len(groups) > 2 else [groups]
    tallest = max(_rows(part) for part in parts)
    figure = blank(6.6 * len(parts), 1.1 + _ROW_INCHES * tallest)
    places = figure.subplots(1, len(parts), squeeze=False, sharex=True)[0]
    for axes, part in zip(places, parts, strict=True):
        _draw_panel(axes, part, overall, tallest)
        axes.set_xlim(-0.01, _widest(groups) + 0.02)
    handles, names = places[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower left", ncols=2, fontsize=8, frameon=False)
    title = "Errors by what images share (point and 95 % limits)"
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=INK)
    save(figure, out)


def _widest(groups: Sequence[dict[str, Any]]) -> float:
    values = [value for group in groups for value in group["values"][:VALUES]]
    return float(max(value["rate"] if value["high"] is None else value["high"] for value in values))


def _rows(groups: Sequence[dict[str, Any]]) -> float:
    return sum(min(len(group["values"]), VALUES) + 1.5 for group in groups)


def _halves(groups: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    """Cut the groups where the longer of the two panels is shortest."""
    cuts = range(1, len(groups))
    cut = min(cuts, key=lambda at: max(_rows(groups[:at]), _rows(groups[at:])))
    return [groups[:cut], groups[cut:]]


def _draw_panel(axes: Axes, groups: Sequence[dict[str, Any]], overall: float, rows: float) -> None:
    names: list[tuple[float, str]] = []
    y = 0.0
    for group in groups:
        axes.text(-0.02, y, short(group["column"]), transform=axes.get_yaxis_transform(),
                  ha="right", va="center", fontsize=9, fontweight="bold", color=INK)  # fmt: skip
        for value in group["values"][:VALUES]:
            y += 1
            _draw_rate(axes, y, value)
            names.append((y, f"{short(value['value'])}   n = {value['images']:,}"))
        y += 1.5
    axes.axvline(overall, color=GREY, linewidth=1, linestyle=":", label=f"all: {overall:.1%}")
    axes.plot([], [], "|", color=GREY, ms=9, label="its classes would give")
    axes.set_yticks([place for place, _ in names], [name for _, name in names], fontsize=8)
    axes.set(ylim=(rows - 0.5, -0.8), xlabel="Share of images called wrongly")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.grid(axis="x", alpha=0.25)
    quiet(axes)


def _draw_rate(axes: Axes, y: float, value: dict[str, Any]) -> None:
    if value["low"] is not None:
        axes.plot([value["low"], value["high"]], [y, y], color="#0072B2", linewidth=1.6)
    axes.plot(value["rate"], y, "o", color="#0072B2", ms=5)
    axes.plot(value["expected"], y, "|", color=GREY, ms=9)
