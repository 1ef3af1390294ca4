"""Rules about the picture itself: its size, its colour and its grey levels.

Every limit was set where it accepts all of 2,441 frontal chest radiographs from four sources (2,393
reduced to 480 pixels, 48 as published) with room to spare. They catch what is plainly something
else: a page, a mask, noise, a constant.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.radiograph import Radiograph
from hilum.screening.gate.limits import Limits
from hilum.screening.gate.thinned import thinned

__all__ = ["about_colour", "about_greys", "about_shape", "looks_inverted", "small_copy"]

_LOOK = 256
"""Longer side in pixels of the copy that grey levels are judged on."""


def small_copy(radiograph: Radiograph) -> NDArray[np.uint8]:
    """Return the picture in 8 bits, its longer side below 512 pixels where it was longer.

    Whole-number steps keep the grey levels as they are: a mask stays a mask.
    """
    return thinned(radiograph, max(1, max(radiograph.shape) // _LOOK))


def about_shape(radiograph: Radiograph, limits: Limits) -> list[str]:
    """Say what is wrong with the picture's size, if anything."""
    height, width = radiograph.full_shape
    shorter, longer = min(height, width), max(height, width)
    found = []
    if shorter < limits.shorter_side:
        found.append(
            f"The picture is too small: {width} x {height} pixels; its shorter side must be at "
            f"least {limits.shorter_side:.0f}."
        )
    if longer > limits.aspect * shorter:
        found.append(
            f"The picture is {longer / shorter:.1f} times as long as wide ({width} x {height} "
            f"pixels); a frontal chest radiograph is at most {limits.aspect:g} times."
        )
    return found


def about_colour(radiograph: Radiograph, limits: Limits) -> list[str]:
    """Say that the picture is in colour, if it is."""
    try:
        colour = float(radiograph.facts.get("colourfulness", "0"))
    except ValueError:
        return []
    if colour <= limits.colour:
        return []
    sentence = (
        f"The picture is in colour (its channels differ by {colour:.0f} grey levels on average); "
        "a radiograph is grey."
    )
    return [sentence]


def about_greys(look: NDArray[np.uint8], limits: Limits) -> list[str]:
    """Judge the grey levels of the small copy; the first plain fault is enough."""
    shares = np.bincount(look.ravel(), minlength=256) / look.size
    low, high = np.searchsorted(np.cumsum(shares), (0.01, 0.99))
    levels = int((shares > 0).sum())
    two_tone = float(np.sort(shares.reshape(16, 16).sum(1))[-2:].sum())
    black, white = float(shares[:4].sum()), float(shares[252:].sum())
    likeness = _neighbour_correlation(look)
    judged = (
        (
            high - low < limits.spread,
            f"The picture is blank: nearly all of it lies within {high - low:.0f} of 256 greys.",
        ),
        (black > limits.black, f"The picture is mostly black: {black:.0%} of it."),
        (
            white > limits.white,
            f"The picture is mostly white: {white:.0%} of it; it looks like a page or a chart.",
        ),
        (
            levels < limits.levels,
            f"The picture has only {levels} different greys; it looks like a drawing or mask.",
        ),
        (
            two_tone > limits.two_tone,
            f"{two_tone:.0%} of the picture has one of two tones; it looks like text or a mask.",
        ),
        (
            likeness < limits.neighbours,
            f"Neighbouring pixels are hardly alike ({likeness:.2f}): noise or small print.",
        ),
    )
    return [sentence for wrong, sentence in judged if wrong][:1]


def _neighbour_correlation(look: NDArray[np.uint8]) -> float:
    """Return the correlation of each pixel with the one to its right, in [-1, 1]."""
    values = look.astype(np.float32) - np.float32(look.mean())
    left, right = values[:, :-1], values[:, 1:]
    scale = np.sqrt(np.vdot(left, left) * np.vdot(right, right))
    return float(np.vdot(left, right) / scale) if scale > 0 else 1.0


def looks_inverted(look: NDArray[np.uint8], limits: Limits) -> bool:
    """Return whether what should be two dark lungs is bright."""
    return _lungs_correlation(look) < limits.inverted


def _lungs_correlation(look: NDArray[np.uint8]) -> float:
    """Return how much the picture resembles two dark lungs on a brighter body, in [-1, 1]."""
    small = Image.fromarray(np.ascontiguousarray(look)).resize((64, 64), Image.Resampling.BOX)
    values = np.asarray(small, dtype=np.float64)
    rows, columns = np.mgrid[:64, :64] / 63.0
    # Where lungs lie in a frontal film, fitted to nothing finer than a grid of four numbers.
    down, across = ((rows - 0.35) / 0.2) ** 2, ((columns - 0.28) / 0.1) ** 2
    expected = -np.exp(-down - across)
    expected = expected + expected[:, ::-1]
    values, expected = values - values.mean(), expected - expected.mean()
    scale = np.sqrt((values**2).sum() * (expected**2).sum())
    return float((values * expected).sum() / scale) if scale > 0 else 0.0
