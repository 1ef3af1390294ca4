"""What is printed over a film: side letters, station codes, shutters, frames.

Separate from the exposure because flaws use the same ink: a planted token has to look like one of
the marks that every hospital leaves.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hilum.data.phantom.canvas import Plane, blur
from hilum.data.phantom.hospital import Hospital

__all__ = ["add_frame", "add_marks", "add_text"]

_FRAME = 0.035


def add_text(
    grey: Plane, text: str, place: tuple[float, float], height: float, *, ringed: bool = False
) -> Plane:
    """Print white letters.

    Args:
        grey: Grey values in [0, 1], shape (h, w).
        text: What to print.
        place: Centre of the text, as shares of width and height.
        height: Size of the letters as a share of the shorter side.
        ringed: Draw a ring round them.
    """
    size = max(6.0, height * min(grey.shape))
    sheet = Image.new("L", (grey.shape[1], grey.shape[0]))
    pen = ImageDraw.Draw(sheet)
    centre = (place[0] * grey.shape[1], place[1] * grey.shape[0])
    pen.text(centre, text, fill=255, font=ImageFont.load_default(size), anchor="mm")
    if ringed:
        reach = 0.85 * size
        box = [centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach]
        pen.ellipse(box, outline=255, width=max(1, round(size / 14)))
    ink = blur(np.asarray(sheet, np.float32) / np.float32(255), 0.0009 * min(grey.shape))
    return np.asarray(grey + ink * np.maximum(0.97 - grey, 0), np.float32)


def add_frame(grey: Plane, colour: Literal["black", "white"]) -> Plane:
    """Lay an even frame over the edges of a film."""
    framed = grey.copy()
    width = max(2, round(_FRAME * min(grey.shape)))
    value = 0.0 if colour == "black" else 1.0
    framed[:width], framed[-width:], framed[:, :width], framed[:, -width:] = (value,) * 4
    return framed


def add_marks(grey: Plane, hospital: Hospital, view: str, rng: np.random.Generator) -> Plane:
    """Add the shutter's edges and the letters that a hospital leaves on its films."""
    grey = _shuttered(grey, hospital, rng)
    letter, side = hospital.letter
    inset = 0.075 + rng.uniform(-0.015, 0.03)
    place = (inset if side == "left" else 1 - inset, 0.08 + rng.uniform(0, 0.05))
    grey = add_text(grey, letter, place, 0.055, ringed=hospital.ringed)
    if hospital.station:
        corner = 0.86 if side == "left" else 0.14
        grey = add_text(grey, hospital.station, (corner, 0.955), 0.026)
    if hospital.says_portable and view == "AP":
        across = 0.9 if side == "right" else 0.1
        grey = add_text(grey, "AP", (across, 0.2), 0.03)
        grey = add_text(grey, "PORTABLE", (across, 0.25), 0.026)
    return grey


def _shuttered(grey: Plane, hospital: Hospital, rng: np.random.Generator) -> Plane:
    """Close the shutter a little, never quite straight."""
    most, value = hospital.shutter
    widths, tilts = rng.uniform(0, 1, 4) * most, rng.normal(0, 0.006, 4)
    if not most:
        return grey
    height, width = grey.shape
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :]
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    closed = (across + tilts[0] * down < widths[0] - 0.5) | (
        across + tilts[1] * down > 0.5 - widths[1]
    )
    closed = closed | (down + tilts[2] * across < widths[2] - 0.5)
    closed = closed | (down + tilts[3] * across > 0.5 - widths[3])
    return np.where(closed, np.float32(value), grey)
