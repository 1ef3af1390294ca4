"""Pictures that are no chest radiograph, drawn: what the gate's network learns to refuse.

Sketches, not simulations: enough of a hand, a skull or a slice for a network of 96 pixels to learn
that bright bones on black, a ring, or lines of print are not two lungs in a body. Nothing here is a
picture of a person, and nothing real is learnt from, so that real pictures can judge the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["SKETCHES", "draw_stranger"]

Picture = NDArray[np.uint8]
_SIDE = 192
_Draw = ImageDraw.ImageDraw


class _Sheet:
    """A square of grey levels to draw on, in coordinates from 0 to 1."""

    def __init__(self, rng: np.random.Generator, ground: float) -> None:
        self.rng = rng
        self.image = Image.new("L", (_SIDE, _SIDE), _grey(ground))

    def blob(self, x: float, y: float, wide: float, high: float, grey: float) -> None:
        """Fill an ellipse of half axes `wide` and `high`."""
        box = [(x - wide) * _SIDE, (y - high) * _SIDE, (x + wide) * _SIDE, (y + high) * _SIDE]
        ImageDraw.Draw(self.image).ellipse(box, fill=_grey(grey))

    def block(self, x: float, y: float, wide: float, high: float, grey: float) -> None:
        """Fill a rectangle with round corners, of half sides `wide` and `high`."""
        box = [(x - wide) * _SIDE, (y - high) * _SIDE, (x + wide) * _SIDE, (y + high) * _SIDE]
        radius = min(wide, high) * _SIDE / 2
        ImageDraw.Draw(self.image).rounded_rectangle(box, radius, fill=_grey(grey))

    def rod(self, start: tuple[float, float], end: tuple[float, float], wide: float,
            grey: float) -> None:  # fmt: skip
        """Draw a thick line with round ends."""
        points = [(x * _SIDE, y * _SIDE) for x, y in (start, end)]
        ImageDraw.Draw(self.image).line(points, fill=_grey(grey), width=max(1, int(wide * _SIDE)))
        for x, y in (start, end):
            self.blob(x, y, wide / 2, wide / 2, grey)

    def bone(self, start: tuple[float, float], end: tuple[float, float], wide: float) -> None:
        """Draw a long bone: bright walls, a darker marrow, thicker ends."""
        wall = self.rng.uniform(0.7, 1.0)
        self.rod(start, end, wide, wall)
        for point in (start, end):
            self.blob(*point, wide * 0.75, wide * 0.6, wall * 0.95)
        self.rod(start, end, wide * 0.45, wall * self.rng.uniform(0.6, 0.85))

    def soft(self, radius: float) -> None:
        """Blur what was drawn so far."""
        self.image = self.image.filter(ImageFilter.GaussianBlur(radius))

    def array(self, grain: float = 0.03) -> Picture:
        """Return the drawing with uneven exposure and grain."""
        grey = np.asarray(self.image, np.float64) / 255
        grey = grey * (0.8 + 0.4 * _cloud(self.rng, 3)) + grain * self.rng.standard_normal(
            grey.shape
        )
        return _levels(grey)


def _two(
    rng: np.random.Generator, low: float | tuple[float, float], high: float | tuple[float, float]
) -> tuple[float, float]:
    """Draw a point or two sizes between `low` and `high`."""
    x, y = rng.uniform(low, high, 2)
    return float(x), float(y)


def _grey(value: float) -> int:
    return int(np.clip(value, 0, 1) * 255)


def _levels(grey: NDArray[np.float64]) -> Picture:
    return np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)


def _cloud(rng: np.random.Generator, cells: int) -> NDArray[np.float64]:
    """Return smooth noise in [0, 1] with about `cells` hills a side."""
    coarse = rng.random((cells + 1, cells + 1)) * 255
    picture = Image.fromarray(coarse.astype(np.uint8)).resize(
        (_SIDE, _SIDE), Image.Resampling.BICUBIC
    )
    return np.asarray(picture, np.float64) / 255


def _hand(rng: np.random.Generator) -> Picture:
    sheet = _Sheet(rng, rng.uniform(0, 0.12))
    x, y = rng.uniform(0.4, 0.6), rng.uniform(0.55, 0.72)
    tips = [
        (x + reach * math.sin(angle), y - reach * math.cos(angle))
        for angle, reach in zip(
            np.linspace(-0.75, 0.6, 5) + rng.normal(0, 0.06),
            np.array([0.38, 0.5, 0.55, 0.5, 0.4]) * rng.uniform(0.8, 1.05),
            strict=True,
        )
    ]
    flesh = rng.uniform(0.25, 0.45)
    sheet.block(x, y + 0.05, 0.17, 0.16, flesh)
    sheet.block(x, y + 0.4, 0.1, 0.3, flesh)
    for tip in tips:
        sheet.rod((x, y), tip, rng.uniform(0.07, 0.1), flesh)
    sheet.soft(2)
    for tip in tips:
        joints = [0.3, 0.62, 0.82, 1.0]
        for near, far in zip([0.05, *joints[:-1]], joints, strict=True):
            start = (x + (tip[0] - x) * (near + 0.02), y + (tip[1] - y) * (near + 0.02))
            sheet.bone(start, (x + (tip[0] - x) * far, y + (tip[1] - y) * far), 0.035)
    for offset in (-0.04, 0.045):
        sheet.bone((x + offset, y + 0.1), (x + offset * 1.2, 1.1), 0.06)
    sheet.soft(0.8)
    return sheet.array()


def _limb(rng: np.random.Generator) -> Picture:
    sheet = _Sheet(rng, rng.uniform(0, 0.12))
    middle, lean = rng.uniform(0.35, 0.65), rng.uniform(-0.15, 0.15)
    thick, joint = rng.uniform(0.22, 0.5), rng.uniform(0.25, 0.75)
    sheet.rod((middle - lean, -0.1), (middle, joint), thick, rng.uniform(0.25, 0.5))
    sheet.rod((middle, joint), (middle + lean, 1.1), thick * 0.9, rng.uniform(0.25, 0.5))
    sheet.soft(3)
    bone = thick * rng.uniform(0.25, 0.45)
    if rng.random() < 0.75:
        sheet.bone((middle - lean, -0.1), (middle, joint - 0.02), bone)
        sheet.bone((middle, joint + 0.03), (middle + lean, 1.1), bone)
    else:
        sheet.bone((middle - lean, -0.1), (middle + lean, 1.1), bone)
    if rng.random() < 0.6:
        sheet.bone((middle + bone, joint + 0.06), (middle + lean + bone * 1.3, 1.1), bone * 0.4)
    sheet.soft(1)
    return sheet.array()


def _skull(rng: np.random.Generator) -> Picture:
    sheet = _Sheet(rng, rng.uniform(0, 0.15))
    x, y = rng.uniform(0.42, 0.58), rng.uniform(0.36, 0.5)
    wide, high = rng.uniform(0.26, 0.42), rng.uniform(0.3, 0.4)
    side = rng.random() < 0.5
    sheet.rod((x + 0.1 * side, y), (x + 0.12 * side, 1.1), rng.uniform(0.2, 0.3), 0.35)
    sheet.blob(x, y, wide, high, rng.uniform(0.8, 1))
    sheet.blob(x, y, wide * 0.93, high * 0.93, rng.uniform(0.4, 0.65))
    jaw = x - wide * 0.5 if side else x
    sheet.block(jaw, y + high * 0.9, wide * 0.5, 0.1, rng.uniform(0.6, 0.8))
    for offset in (-1, 1):
        eye = jaw if side else x + offset * wide * 0.42
        sheet.blob(eye, y + 0.1, wide * 0.24, 0.07, rng.uniform(0.15, 0.4))
    sheet.blob(jaw, y + 0.2, 0.05, 0.07, 0.25)
    for tooth in np.linspace(-0.1, 0.1, 7):
        sheet.block(jaw + tooth, y + high * 0.88, 0.011, 0.035, 0.95)
    for level in np.linspace(y + high * 0.8, 1.05, 6):
        sheet.block(x + 0.12 * side, level, 0.06, 0.03, 0.75)
    sheet.soft(rng.uniform(1, 2))
    return sheet.array()


def _abdomen(rng: np.random.Generator) -> Picture:
    sheet = _Sheet(rng, rng.uniform(0.35, 0.6))
    middle = rng.uniform(0.45, 0.55)
    for level in np.linspace(-0.02, 0.75, 7):
        sheet.block(middle, level, 0.075, 0.045, rng.uniform(0.7, 0.85))
    if rng.random() < 0.7:
        low = rng.uniform(0.65, 0.85)
        for side in (-1, 1):
            sheet.blob(middle + side * 0.25, low, 0.16, 0.15, rng.uniform(0.65, 0.8))
            sheet.blob(middle + side * 0.12, low + 0.25, 0.07, 0.06, 0.3)
            sheet.blob(middle + side * 0.33, low + 0.25, 0.08, 0.08, 0.8)
        sheet.block(middle, low + 0.05, 0.1, 0.1, 0.75)
    sheet.soft(3)
    for _ in range(int(rng.integers(4, 14))):
        sheet.blob(*_two(rng, 0.1, 0.85), *_two(rng, 0.02, 0.09), rng.uniform(0.1, 0.35))
    for offset in (-0.5, 0.5):
        if rng.random() < 0.6:
            sheet.block(middle + offset, 0.5, 0.06, 0.8, 0.05)
    sheet.soft(2)
    return sheet.array()


def _slice(rng: np.random.Generator) -> Picture:
    """An axial slice: a body on black, with lungs, with organs, or a head."""
    sheet = _Sheet(rng, 0.0)
    wide, high = rng.uniform(0.36, 0.47), rng.uniform(0.25, 0.4)
    kind = rng.integers(3)
    if kind == 2:
        wide, high = rng.uniform(0.28, 0.36), rng.uniform(0.34, 0.45)
        sheet.blob(0.5, 0.5, wide, high, 1.0)
        sheet.blob(0.5, 0.5, wide * 0.9, high * 0.91, rng.uniform(0.35, 0.55))
        for offset in (-1, 1):
            sheet.blob(0.5 + offset * 0.06, 0.48, 0.03, 0.1, rng.uniform(0.15, 0.3))
        sheet.soft(1)
        return sheet.array()
    sheet.blob(0.5, 0.5, wide, high, rng.uniform(0.3, 0.45))
    sheet.blob(0.5, 0.5, wide * 0.9, high * 0.88, rng.uniform(0.45, 0.6))
    if kind == 0:
        for offset in (-1, 1):
            sheet.blob(0.5 + offset * wide * 0.47, 0.5, wide * 0.33, high * 0.68,
                       rng.uniform(0, 0.15))  # fmt: skip
        sheet.blob(0.5 + rng.uniform(-0.03, 0.08), 0.46, 0.11, 0.1, 0.6)
    else:
        sheet.blob(0.35, 0.47, wide * 0.4, high * 0.55, rng.uniform(0.55, 0.75))
        for _ in range(int(rng.integers(3, 9))):
            sheet.blob(*_two(rng, 0.35, 0.68), *_two(rng, 0.02, 0.07), rng.random())
    sheet.blob(0.5, 0.5 + high * 0.62, 0.06, 0.05, 0.95)
    for angle in np.linspace(0, 2 * math.pi, 13):
        sheet.blob(0.5 + wide * 0.82 * math.cos(angle), 0.5 + high * 0.8 * math.sin(angle),
                   0.03, 0.015, 0.9)  # fmt: skip
    if rng.random() < 0.4:
        sheet.block(0.5, 0.5 + high + 0.06, 0.45, 0.012, 0.5)
    sheet.soft(1)
    return sheet.array()


def _lateral(rng: np.random.Generator) -> Picture:
    """A chest from the side: one merged lung, the spine behind it, the breast bone before it."""
    sheet = _Sheet(rng, rng.uniform(0.05, 0.3))
    sheet.block(0.5, 0.55, rng.uniform(0.36, 0.48), 0.6, rng.uniform(0.5, 0.7))
    sheet.rod((0.35, 0.05), (0.1, -0.1), 0.25, 0.7)
    sheet.soft(3)
    sheet.blob(0.5, 0.45, rng.uniform(0.24, 0.34), rng.uniform(0.32, 0.4), rng.uniform(0.15, 0.35))
    sheet.blob(0.42, 0.85, 0.4, rng.uniform(0.1, 0.2), rng.uniform(0.65, 0.8))
    sheet.blob(rng.uniform(0.3, 0.4), 0.58, 0.15, 0.14, rng.uniform(0.5, 0.65))
    bend = rng.uniform(-0.06, 0.06)
    for level in np.linspace(0.02, 1.0, 13):
        x = 0.74 + bend * math.sin(3 * level)
        sheet.block(x, level, 0.055, 0.03, rng.uniform(0.5, 0.75))
    sheet.rod((0.2, 0.25), (0.16, 0.6), 0.03, 0.75)
    for level in np.linspace(0.2, 0.7, 6):
        sheet.rod((0.75, level), (0.3, level + 0.22), 0.015, 0.5)
    sheet.soft(rng.uniform(1.5, 3))
    return sheet.array()


def _spine(rng: np.random.Generator) -> Picture:
    sheet = _Sheet(rng, rng.uniform(0.05, 0.4))
    wide, bend = rng.uniform(0.07, 0.14), rng.uniform(-0.12, 0.12)
    sheet.block(0.5, 0.5, rng.uniform(0.2, 0.5), 0.6, rng.uniform(0.35, 0.55))
    sheet.soft(4)
    count = int(rng.integers(5, 9))
    for level in np.linspace(0, 1, count):
        x = 0.5 + bend * math.sin(3 * level)
        sheet.block(x, level, wide, 0.36 / count, rng.uniform(0.75, 0.95))
        sheet.blob(x + wide * 1.4, level + 0.02, wide * 0.7, 0.15 / count, 0.7)
    sheet.soft(1.5)
    return sheet.array()


def _breast(rng: np.random.Generator) -> Picture:
    sheet = _Sheet(rng, rng.uniform(0, 0.05))
    sheet.blob(-0.05, rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.75), rng.uniform(0.35, 0.5), 0.4)
    sheet.soft(3)
    for _ in range(int(rng.integers(5, 20))):
        sheet.blob(*_two(rng, (0, 0.25), (0.4, 0.75)), *_two(rng, 0.02, 0.1),
                   rng.uniform(0.5, 0.85))  # fmt: skip
    sheet.soft(4)
    return sheet.array()


def _fan(rng: np.random.Generator) -> Picture:
    """Ultrasound: speckle in a fan, with letters beside it."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE] / _SIDE
    x, y = columns - 0.5, rows + rng.uniform(0, 0.3)
    far, angle = np.hypot(x, y), np.abs(np.arctan2(x, y))
    speckle = rng.rayleigh(0.3, (_SIDE, _SIDE)) * (0.3 + _cloud(rng, int(rng.integers(4, 12))))
    inside = (angle < rng.uniform(0.4, 0.9)) & (far < rng.uniform(0.9, 1.2)) & (far > 0.15)
    sheet = _Sheet(rng, 0.0)
    sheet.image = Image.fromarray(_levels(np.where(inside, speckle, 0)))
    _write(ImageDraw.Draw(sheet.image), rng, 8, 255)
    sheet.soft(0.7)
    return np.asarray(sheet.image)


def _write(pen: _Draw, rng: np.random.Generator, lines: int, grey: int) -> None:
    for _ in range(lines):
        text = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz 0123456789"), 24))
        place = (int(rng.integers(0, _SIDE)), int(rng.integers(0, _SIDE)))
        pen.text(place, text, fill=grey)


def _page(rng: np.random.Generator) -> Picture:
    """Print, tables and charts, dark on light or light on dark."""
    image = Image.new("L", (_SIDE, _SIDE), int(rng.integers(200, 256)))
    pen, ink = ImageDraw.Draw(image), int(rng.integers(0, 90))
    left, gap = int(rng.integers(5, 30)), int(rng.integers(5, 14))
    for y in range(int(rng.integers(4, 40)), _SIDE - 8, gap):
        x = left
        while x < _SIDE - left and rng.random() < 0.96:
            length = int(rng.integers(4, 22))
            pen.rectangle([x, y, x + length, y + gap // 2], fill=ink + int(rng.integers(0, 60)))
            x += length + int(rng.integers(2, 6))
    if rng.random() < 0.6:
        corner = rng.integers(0, 110, 2)
        box = [*map(int, corner), *map(int, corner + rng.integers(30, 80, 2))]
        pen.rectangle(box, fill=int(rng.integers(80, 255)), outline=ink)
        points = [(int(x), int(rng.integers(box[1], box[3]))) for x in range(box[0], box[2], 6)]
        pen.line(points, fill=ink, width=2)
    _write(pen, rng, int(rng.integers(0, 6)), ink)
    grey = np.asarray(image, np.float64) / 255
    return _levels(grey * (0.85 + 0.3 * _cloud(rng, 2)) + 0.02 * rng.standard_normal(grey.shape))


def _leaves(rng: np.random.Generator) -> Picture:
    """Overlapping discs and blocks of all sizes: the statistics of a photograph."""
    sheet = _Sheet(rng, rng.random())
    for size in np.sort(rng.pareto(1.5, int(rng.integers(5, 90))) * 0.02 + 0.02)[::-1]:
        shape = sheet.blob if rng.random() < 0.6 else sheet.block
        wide = min(size, 0.6)
        shape(*_two(rng, 0, 1), wide, wide * rng.uniform(0.3, 1.6), rng.random())
        if rng.random() < 0.05:
            sheet.soft(rng.uniform(0.5, 3))
    sheet.soft(rng.uniform(0.3, 1.5))
    return sheet.array(grain=rng.uniform(0, 0.06))


def _scene(rng: np.random.Generator) -> Picture:
    """Hills of noise at every scale under a sky: landscapes, textures, surfaces."""
    grey, steep = np.zeros((_SIDE, _SIDE)), rng.uniform(0.4, 1.3)
    for octave in range(7):
        grey += _cloud(rng, 2 ** (octave + 1)) * 2 ** (-steep * octave)
    grey = (grey - grey.min()) / np.ptp(grey)
    if rng.random() < 0.5:
        horizon = int(rng.integers(40, 150))
        grey[:horizon] = np.linspace(rng.random(), rng.random(), horizon)[:, None]
    return _levels(grey * rng.uniform(0.7, 1.2) + rng.uniform(-0.1, 0.2))


def _face(rng: np.random.Generator) -> Picture:
    """A head and shoulders, two dark eyes: the photograph most like two lungs in a body."""
    sheet = _Sheet(rng, rng.random())
    sheet.blob(0.5, 1.05, 0.45, 0.35, rng.random())
    sheet.blob(0.5, 0.42, rng.uniform(0.2, 0.34), rng.uniform(0.28, 0.4), rng.uniform(0.5, 0.9))
    sheet.blob(0.5, 0.15, 0.3, 0.14, rng.uniform(0, 0.5))
    for offset in (-0.11, 0.11):
        sheet.blob(0.5 + offset, 0.4, 0.05, 0.02, rng.uniform(0, 0.3))
    sheet.block(0.5, 0.6, 0.08, 0.015, 0.3)
    sheet.soft(rng.uniform(1, 3))
    return sheet.array()


def _noise(rng: np.random.Generator) -> Picture:
    side = int(np.exp(rng.uniform(np.log(2), np.log(_SIDE))))
    coarse = Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))
    how = rng.choice([Image.Resampling.NEAREST, Image.Resampling.BICUBIC])
    return np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling(int(how))))


def _pattern(rng: np.random.Generator) -> Picture:
    """Ramps, stripes, checks and rings: test images."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE] / _SIDE
    angle, often = rng.uniform(0, math.pi), rng.uniform(0.3, 12)
    along = rows * math.sin(angle) + columns * math.cos(angle)
    across = rows * math.cos(angle) - columns * math.sin(angle)
    far = np.hypot(rows - rng.random(), columns - rng.random())
    choices = (
        along - along.min(),
        0.5 + 0.5 * np.sin(2 * math.pi * often * along),
        0.5 + 0.5 * np.sign(np.sin(9 * often * along) * np.sin(9 * often * across)),
        0.5 + 0.5 * np.sin(2 * math.pi * often * far),
        np.clip(1.2 - often * far, 0, 1),
    )
    grey = choices[int(rng.integers(len(choices)))]
    return _levels(grey + rng.uniform(0, 0.1) * rng.standard_normal(grey.shape))


SKETCHES: dict[str, Callable[[np.random.Generator], Picture]] = {
    "hand": _hand,
    "limb": _limb,
    "skull": _skull,
    "abdomen": _abdomen,
    "slice": _slice,
    "lateral": _lateral,
    "spine": _spine,
    "breast": _breast,
    "ultrasound": _fan,
    "page": _page,
    "leaves": _leaves,
    "scene": _scene,
    "face": _face,
    "noise": _noise,
    "pattern": _pattern,
}
"""Name to a function that draws such a picture, uint8 of shape (192, 192)."""


def draw_stranger(rng: np.random.Generator, kind: str | None = None) -> Picture:
    """Draw a picture that is no chest radiograph.

    Args:
        rng: Where it comes from.
        kind: One of `SKETCHES`; None for any.

    Returns:
        Grey levels, uint8 of shape (192, 192).

    Raises:
        ValueError: If there is no such kind.
    """
    if kind is not None and kind not in SKETCHES:
        raise ValueError(f"kind must be one of {', '.join(SKETCHES)}, got {kind!r}")
    name = kind or list(SKETCHES)[int(rng.integers(len(SKETCHES)))]
    return SKETCHES[name](rng)
