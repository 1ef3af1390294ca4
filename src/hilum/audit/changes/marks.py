"""Marks pasted on a film: what technicians, scanners and cables leave on it.

Each is put near a corner of the square that a network sees of the film, the corner drawn at
random, so that it tells nothing of the film it is on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hilum.audit.perturb import Change, View

__all__ = ["PASTED"]

Pixels = NDArray[np.uint8]
Point = tuple[float, float]

_INK = 247
_LETTER, _WORD, _SQUARE = 0.055, 0.045, 0.05
"""Heights as shares of the shorter side."""

_WORDS = ("PORTABLE", "ERECT", "SUPINE", "ICU", "AP", "PA", "ER", "BED 4")


def _pasted(
    draw: Callable[[ImageDraw.ImageDraw, float, Point, np.random.Generator], None],
) -> Callable[[View], Pixels]:
    """Return a change that draws a mark near a corner in white ink."""

    def apply(view: View) -> Pixels:
        sheet = Image.fromarray(view.pixels)
        side = min(view.pixels.shape)
        draw(ImageDraw.Draw(sheet), side, _corner(view.pixels.shape, view.rng), view.rng)
        return np.asarray(np.maximum(view.pixels, np.asarray(sheet)))

    return apply


def _corner(shape: tuple[int, ...], rng: np.random.Generator) -> Point:
    """Return (x, y) a tenth to a fifth of the shorter side from the centre square's sides."""
    side = min(shape)
    down, across = rng.choice([-1.0, 1.0], 2) * (0.5 - rng.uniform(0.1, 0.2, 2))
    return shape[1] / 2 + across * side, shape[0] / 2 + down * side


def _write(pen: ImageDraw.ImageDraw, text: str, at: Point, size: float) -> None:
    pen.text(at, text, fill=_INK, font=ImageFont.load_default(max(6.0, size)), anchor="mm")


def _letter(pen: ImageDraw.ImageDraw, side: float, at: Point, rng: np.random.Generator) -> None:
    _write(pen, str(rng.choice(["L", "R"])), at, _LETTER * side)


def _word(pen: ImageDraw.ImageDraw, side: float, at: Point, rng: np.random.Generator) -> None:
    _write(pen, str(rng.choice(_WORDS)), at, _WORD * side)


def _square(pen: ImageDraw.ImageDraw, side: float, at: Point, rng: np.random.Generator) -> None:
    del rng  # its corner is all that chance decides
    half = _SQUARE * side / 2
    pen.rectangle((at[0] - half, at[1] - half, at[0] + half, at[1] + half), fill=_INK)


def _electrodes(pen: ImageDraw.ImageDraw, side: float, at: Point, rng: np.random.Generator) -> None:
    """Draw two electrodes and the cable from one to the other."""
    turn = rng.uniform(0, 2 * np.pi)
    other = at[0] + 0.1 * side * np.cos(turn), at[1] + 0.1 * side * np.sin(turn)
    pen.line((*at, *other), fill=_INK, width=max(1, round(0.006 * side)))
    for x, y in (at, other):
        reach = max(1.5, 0.016 * side)
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=_INK)


PASTED = (
    Change("paste-letter", "with a side letter pasted", _pasted(_letter)),
    Change("paste-word", "with a word pasted", _pasted(_word)),
    Change("paste-square", "with a bright square pasted", _pasted(_square)),
    Change("paste-electrodes", "with two electrodes and a cable pasted", _pasted(_electrodes)),
)
