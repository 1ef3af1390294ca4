"""From any Pillow picture to one grey channel, and how coloured it was.

Radiographs are often saved as RGB with three equal channels. A photograph is not one; it is turned
grey all the same, and its colourfulness is reported for the screening gate to judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops

from hilum.data.reading.scale import Grey, effective_white

__all__ = ["GreyPicture", "colour_warning", "grey_picture"]

COLOURED = 10.0
"""Colourfulness in grey levels above which a reader is warned."""

_SAMPLES = 256  # pixels along each side looked at when colour is measured
_ON_BLACK = "transparent pixels shown on black"


@dataclass(frozen=True, slots=True)
class GreyPicture:
    """One channel of grey values (height, width), and how it came about."""

    pixels: Grey
    white: int = 255
    colourfulness: float | None = None
    history: tuple[str, ...] = ()


def grey_picture(picture: Image.Image) -> GreyPicture:
    """Turn a loaded picture into grey levels.

    Colour becomes luma (ITU-R BT.601), which leaves grey pixels exactly as they are. Transparency
    is shown on black. Deep pixels keep their depth; see `effective_white`.

    Raises:
        ValueError: If the picture has a mode without a plain grey meaning, such as CMYK.
    """
    if picture.mode.startswith("I"):
        return _deep(picture)
    if picture.mode in ("1", "L"):
        return _plain(picture if picture.mode == "L" else picture.convert("L"))
    if picture.mode == "P" or (picture.mode == "RGB" and "transparency" in picture.info):
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode in ("LA", "RGB", "RGBA", "YCbCr"):
        return _coloured(picture)
    raise ValueError(f"its colour mode is {picture.mode}")


def colour_warning(colourfulness: float | None) -> tuple[str, ...]:
    """Return a warning if the picture was clearly coloured."""
    if colourfulness is None or colourfulness <= COLOURED:
        return ()
    warning = (
        f"The picture is coloured: its channels differ by {colourfulness:.1f} grey levels on "
        "average, and those of a radiograph hardly do. It was turned grey."
    )
    return (warning,)


def _plain(grey: Image.Image) -> GreyPicture:
    hole = grey.info.get("transparency")
    if not isinstance(hole, int):
        return GreyPicture(np.asarray(grey))
    shown = grey.point([0 if level == hole else level for level in range(256)])
    return GreyPicture(np.asarray(shown), history=(_ON_BLACK,))


def _deep(picture: Image.Image) -> GreyPicture:
    values = np.asarray(picture)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels do not fit 16 bits")
    pixels: Grey = values.astype(np.uint16)
    history = []
    hole = picture.info.get("transparency")
    if isinstance(hole, int):
        pixels = np.where(pixels == hole, np.uint16(0), pixels)
        history.append(_ON_BLACK)
    white = effective_white(int(pixels.max()))
    history.append(f"16-bit file, largest value {int(pixels.max())}: white taken as {white}")
    return GreyPicture(pixels, white, history=tuple(history))


def _coloured(picture: Image.Image) -> GreyPicture:
    colourfulness, history = None, []
    if picture.mode != "LA":
        colourfulness = _colourfulness(picture)
        history.append("colour turned to luma")
    grey = picture.getchannel(0) if picture.mode == "YCbCr" else picture.convert("L")
    if picture.mode in ("LA", "RGBA"):
        alpha = picture.getchannel("A")
        if np.asarray(alpha).min() == 255:
            history.append("opaque alpha channel dropped")
        else:
            grey = ImageChops.multiply(grey, alpha)
            history.append(_ON_BLACK)
    return GreyPicture(np.asarray(grey), colourfulness=colourfulness, history=tuple(history))


def _colourfulness(picture: Image.Image) -> float:
    """Return the mean of max(R, G, B) - min(R, G, B) over a grid of pixels, in grey levels."""
    width, height = picture.size
    few = picture.resize((min(width, _SAMPLES), min(height, _SAMPLES)), Image.Resampling.NEAREST)
    red, green, blue = (np.asarray(channel) for channel in few.convert("RGB").split())
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    return float((highest - lowest).mean())
