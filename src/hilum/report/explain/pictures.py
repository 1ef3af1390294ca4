"""The film and each method's map on it.

Every map has a scale of its own, from nothing to its greatest value: the methods measure different
things, and only the places can be compared. The frame is the cell of the network's grid in which a
map is strongest on average, which is where peaks are measured from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from hilum.audit.agreement import MethodMap
from hilum.data.preprocessing import Preprocessing
from hilum.report.heated import Grey, heated
from hilum.screening.colours import heat_colours
from hilum.screening.heatmap import heatmaps

__all__ = ["draw_map", "scale_colours"]


def draw_map(grey: Grey, one: MethodMap, preprocessing: Preprocessing) -> Image.Image:
    """Return a film with a method's map laid over it, darker where the network sees nothing.

    Args:
        grey: As `shown` returns it.
        one: The map; an empty one leaves the film as it is.
        preprocessing: How the film was prepared.
    """
    shape = (grey.shape[0], grey.shape[1])
    (heat,) = heatmaps(one.values[None], preprocessing, shape)
    picture = Image.fromarray(heated(grey, heat))
    if one.place is not None:
        _frame(picture, one, one.place, heat.region)
    return picture


def _frame(
    picture: Image.Image,
    one: MethodMap,
    place: tuple[float, float],
    region: tuple[int, int, int, int],
) -> None:
    """Draw the outline of a cell of the network's grid, white on black to be seen on any grey."""
    top, left, height, width = region
    tall, wide = height / one.grid[0], width / one.grid[1]
    y, x = top + place[0] * height, left + place[1] * width
    pen = ImageDraw.Draw(picture)
    for inside, colour, thick in ((0, "black", 4), (1, "white", 2)):
        box = (x - wide / 2 + inside, y - tall / 2 + inside,
               x + wide / 2 - inside, y + tall / 2 - inside)  # fmt: skip
        pen.rectangle(box, outline=colour, width=thick)


def scale_colours(steps: int = 16) -> Iterator[str]:
    """Yield the colours of the scale from nothing to the greatest value, as CSS takes them.

    Args:
        steps: How many.
    """
    for place in np.linspace(0, 255, steps).round().astype(int).tolist():
        red, green, blue = heat_colours()[place].tolist()
        yield f"rgb({red} {green} {blue})"
