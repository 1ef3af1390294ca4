"""A film laid a little differently: shifted, or turned.

What comes into view is filled with the pixels at the edge; the direction is drawn at random.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.audit.perturb import Change, View

__all__ = ["SHIFTS", "TURNS"]

Pixels = NDArray[np.uint8]


def _shifted(view: View, share: float) -> Pixels:
    height, width = view.pixels.shape
    turn = view.rng.uniform(0, 2 * np.pi)
    down, across = (round(share * width * part) for part in (np.sin(turn), np.cos(turn)))
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - across, 0, width - 1)
    return np.asarray(view.pixels[rows][:, columns])


def _turned(view: View, degrees: float) -> Pixels:
    margin = int(np.ceil(max(view.pixels.shape) * np.sin(np.radians(degrees)) / 2)) + 1
    sheet = Image.fromarray(np.pad(view.pixels, margin, mode="edge"))
    way = float(view.rng.choice([-1.0, 1.0]))
    turned = np.asarray(sheet.rotate(way * degrees, Image.Resampling.BILINEAR))
    return np.ascontiguousarray(turned[margin:-margin, margin:-margin])


SHIFTS = tuple(
    (
        percent,
        Change(
            f"shift-{percent}",
            f"shifted by {percent} % of the width",
            partial(_shifted, share=percent / 100),
        ),
    )
    for percent in (2, 5, 10)
)
"""(percent of the width, change)."""

TURNS = tuple(
    (
        degrees,
        Change(
            f"turn-{degrees}", f"turned by {degrees} degrees", partial(_turned, degrees=degrees)
        ),
    )
    for degrees in (3, 6)
)
"""(degrees, change)."""
