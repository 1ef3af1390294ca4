"""A colour map for heat, made so that equal steps of heat look like equal steps of colour.

The path runs through the OKLab space from violet through red and orange to pale yellow: lightness
rises all the way, so that the map reads in grey print and to colour-blind eyes, and the 256
colours lie at equal distances along it, so that no edge is seen where the heat has none.

References:
    Ottosson, "A perceptual color space for image processing", 2020 (OKLab).
    Kovesi, "Good Colour Maps: How to Design Them", arXiv 1509.03700, 2015.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["heat_colours", "oklab"]

_LIGHTNESS = (0.42, 0.92)
_HUE_DEGREES = (300.0, 465.0)
_CHROMA = ((0.0, 0.17), (0.2, 0.2), (0.45, 0.185), (0.7, 0.135), (1.0, 0.115))
"""Chroma at shares of the way: below what sRGB can show everywhere, and without a corner, which
would be seen as an edge in the heat."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@cache
def heat_colours() -> NDArray[np.uint8]:
    """Return the colours of heat 0 to 255, sRGB, shape (256, 3)."""
    share = np.linspace(0.0, 1.0, 1024)
    lab = _path(share)
    # Walk along the path at equal OKLab distances instead of equal shares.
    steps = np.sqrt((np.diff(lab, axis=0) ** 2).sum(axis=1))
    walked = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    lab = _path(np.interp(np.linspace(0.0, 1.0, 256), walked, share))
    colours = np.rint(np.clip(_to_srgb(lab), 0.0, 1.0) * 255).astype(np.uint8)
    colours.flags.writeable = False
    return colours


def oklab(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return sRGB colours (n, 3) as OKLab lightness, a and b."""
    scaled = colours / 255.0
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def _path(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the OKLab points at `share` in [0, 1] of the way, shape (n, 3)."""
    lightness = _LIGHTNESS[0] + share * (_LIGHTNESS[1] - _LIGHTNESS[0])
    hue = np.deg2rad(_HUE_DEGREES[0] + share * (_HUE_DEGREES[1] - _HUE_DEGREES[0]))
    return _point(lightness, _smooth_chroma(share), hue)


def _point(
    lightness: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)


def _smooth_chroma(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chroma at `share` of the way: a cubic through `_CHROMA`."""
    places, values = np.array(_CHROMA).T
    return np.asarray(np.polyval(np.polyfit(places, values, 3), share))


def _to_linear(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    roots = lab @ np.linalg.inv(_TO_LAB).T
    return np.asarray(roots**3 @ np.linalg.inv(_TO_LMS).T)


def _to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.clip(_to_linear(lab), 0.0, 1.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
