"""A contact sheet: films side by side in one PNG, each with the letters of its classes.

The letters and a coloured bar stand on the film, so that a film cut out of the sheet still says
what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.report.drawing import INK, Mark, Target, blank, legend, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Cell", "draw_sheet"]

_GAP_PX = 8
_BAR_PX = 6
_CAPTION_PX = 26
_LETTER_PX = 21
_INCH_PX = 150


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One place of a contact sheet.

    Args:
        picture: Grey (h, w) or RGB (h, w, 3), the same shape in every cell.
        marks: Of the classes written on it, the first also as a bar above it.
        caption: Written below it, if any cell has one.
    """

    picture: NDArray[np.uint8]
    marks: tuple[Mark, ...]
    caption: str = ""


def draw_sheet(
    cells: Sequence[Cell], title: str, marks: Mapping[str, Mark], out: Target, *, across: int = 8
) -> None:
    """Draw pictures side by side.

    Args:
        cells: At least one, in the order wanted.
        title: Of the sheet.
        marks: By class; those that occur are named below.
        out: PNG file to write, or an open binary file.
        across: Cells in a row.
    """
    height, width = cells[0].picture.shape[:2]
    caption = _CAPTION_PX if any(cell.caption for cell in cells) else 0
    down = -(-len(cells) // across)
    step_y, step_x = height + _GAP_PX + caption, width + _GAP_PX
    wall = np.full((down * step_y + _BAR_PX, across * step_x, 3), 255, np.uint8)
    places = [(*divmod(number, across), cell) for number, cell in enumerate(cells)]
    for row, column, cell in places:
        picture = cell.picture if cell.picture.ndim == 3 else cell.picture[..., None]
        wall[row * step_y + _BAR_PX :, column * step_x :][:height, :width] = picture
    figure = blank(wall.shape[1] / _INCH_PX + 0.2, wall.shape[0] / _INCH_PX + 0.95)
    axes = figure.subplots()
    axes.imshow(wall, interpolation="lanczos")
    axes.set_axis_off()
    for row, column, cell in places:
        _badges(axes, column * step_x, row * step_y, width, cell.marks)
        axes.text(
            column * step_x, row * step_y + _BAR_PX + height + 2, cell.caption.replace("$", r"\$"),
            ha="left", va="top", fontsize=7, color=INK,
        )  # fmt: skip
    figure.suptitle(title.replace("$", r"\$"), fontsize=11, x=0.01, ha="left", color=INK)
    drawn = {mark for cell in cells for mark in cell.marks}
    legend(figure, [name for name, mark in marks.items() if mark in drawn], marks)
    save(figure, out)


def _badges(axes: Axes, x: float, y: float, width: int, marks: Sequence[Mark]) -> None:
    from matplotlib.patches import Rectangle

    for place, mark in enumerate(marks):
        if place == 0:
            bar = mark.bar() | {"linewidth": 0}
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), width, _BAR_PX, **bar))
        axes.text(
            x + 3 + place * _LETTER_PX,
            y + 9,
            mark.letter,
            ha="left",
            va="top",
            fontsize=8,
            fontweight="bold",
            color=mark.on_fill,
            bbox={"facecolor": mark.fill, "edgecolor": "white", "linewidth": 0.6, "pad": 1.6},
        )
