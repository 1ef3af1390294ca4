"""A film at the size reports show it, and evidence laid over it as heat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.preprocessing import to_uint8
from hilum.data.radiograph import Radiograph
from hilum.screening.colours import heat_colours
from hilum.screening.heatmap import Heatmap

__all__ = ["SIDE", "Grey", "heated", "shown"]

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


def heated(grey: Grey, heat: Heatmap, strength: float = 1.0) -> Grey:
    """Lay heat over a film; what the network did not see is darker.

    Args:
        grey: As `shown` returns it, shape (h, w).
        heat: Of the same shape.
        strength: How hot the map's greatest value is drawn, in [0, 1]: below 1 for a map that
            stands beside a stronger one.

    Returns:
        RGB, shape (h, w, 3).
    """
    top, left, height, width = heat.region
    light = np.full(grey.shape, _OUTSIDE, np.float32)
    light[max(top, 0) : top + height, max(left, 0) : left + width] = 1.0
    film = np.repeat((grey * light)[..., None], 3, axis=2)
    share = heat.heat * np.float32(strength)
    faded = np.clip((share - _FAINTEST) / (1 - _FAINTEST), 0, 1)[..., None]
    opacity = _STRONGEST * faded**0.75
    colours = heat_colours()[np.rint(share * 255).astype(np.uint8)]
    drawn: Grey = np.rint(film * (1 - opacity) + colours * opacity).astype(np.uint8)
    return drawn
