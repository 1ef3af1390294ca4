"""The film and each method's map on it.

Every map has a scale of its own, from nothing to its greatest value: the methods measure different
things, and only the places can be compared. The frame is the cell of the network's grid in which a
map is strongest on average, which is where peaks are measured from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hilum.audit.agreement import MethodMap
from hilum.data.preprocessing import Preprocessing, to_uint8
from hilum.data.radiograph import Radiograph
from hilum.screening.colours import heat_colours
from hilum.screening.heatmap import Heatmap, heatmaps

__all__ = ["SIDE", "draw_map", "scale_colours", "shown"]

SIDE = 400
"""Length of a film's longer side in pixels, as it is shown."""

_STRONGEST = 0.65
_FAINTEST = 0.18
_OUTSIDE = 0.45

Grey = NDArray[np.uint8]


def shown(film: Radiograph) -> Grey:
    """Return a film's grey levels, its longer side `SIDE` pixels."""
    picture = Image.fromarray(np.ascontiguousarray(to_uint8(film)))
    scale = SIDE / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def draw_map(grey: Grey, one: MethodMap, preprocessing: Preprocessing) -> Image.Image:
    """Return a film with a method's map laid over it, darker where the network sees nothing.

    Args:
        grey: As `shown` returns it.
        one: The map; an empty one leaves the film as it is.
        preprocessing: How the film was prepared.
    """
    shape = (grey.shape[0], grey.shape[1])
    (heat,) = heatmaps(one.values[None], preprocessing, shape)
    picture = Image.fromarray(_heated(grey, heat))
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


def _heated(grey: Grey, heat: Heatmap) -> Grey:
    top, left, height, width = heat.region
    light = np.full(grey.shape, _OUTSIDE, np.float32)
    light[max(top, 0) : top + height, max(left, 0) : left + width] = 1.0
    film = np.repeat((grey * light)[..., None], 3, axis=2)
    faded = np.clip((heat.heat - _FAINTEST) / (1 - _FAINTEST), 0, 1)[..., None]
    opacity = _STRONGEST * faded**0.75
    colours = heat_colours()[np.rint(heat.heat * 255).astype(np.uint8)]
    heated: Grey = np.rint(film * (1 - opacity) + colours * opacity).astype(np.uint8)
    return heated


def scale_colours(steps: int = 16) -> Iterator[str]:
    """Yield the colours of the scale from nothing to the greatest value, as CSS takes them.

    Args:
        steps: How many.
    """
    for place in np.linspace(0, 255, steps).round().astype(int).tolist():
        red, green, blue = heat_colours()[place].tolist()
        yield f"rgb({red} {green} {blue})"
