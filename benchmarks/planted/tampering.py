"""What can be done to the pixels of one film: stamps, frames, tones, blur, compression.

Each takes a shot and returns another; what moves pixels moves the masks with them.
"""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.planted.shots import Shot
from hilum.data.phantom.stamps import add_text

__all__ = [
    "compressed", "cropped", "framed", "leads", "lettered", "resampled", "softened", "squared",
    "textured_outside", "toned", "trimmed",
]  # fmt: skip


def lettered(shot: Shot, text: str, place: tuple[float, float], height: float) -> Shot:
    """Print white letters, centred on `place`, shares of the middle square."""
    grey = add_text(_plane(shot), text, _in_square(shot, place), height)
    return _with(shot, grey * 255)


def squared(shot: Shot, place: tuple[float, float], side: float) -> Shot:
    """Lay a bright square, its centre and side as shares of the middle square."""
    pixels = shot.pixels.copy()
    height, width = pixels.shape
    half = max(2, round(side * min(height, width) / 2))
    across, down = _in_square(shot, place)
    y, x = round(down * height), round(across * width)
    pixels[max(0, y - half) : y + half, max(0, x - half) : x + half] = 250
    return replace(shot, pixels=pixels)


def leads(shot: Shot, rng: np.random.Generator) -> Shot:
    """Stick ECG electrodes on shoulders and upper belly, with their wires."""
    picture = Image.fromarray(shot.pixels)
    pen = ImageDraw.Draw(picture)
    width, height = picture.size
    radius = max(2.0, 0.03 * min(width, height))
    for place in ((0.13, 0.12), (0.87, 0.12), (0.12, 0.86), (0.88, 0.86)):
        x, y = _in_square(shot, place)
        at = (x + rng.normal(0, 0.012)) * width, (y + rng.normal(0, 0.012)) * height
        pen.line([at, (0.5 * width + (at[0] - 0.5 * width) * 1.2, 1.05 * height)], fill=225)
        pen.ellipse([at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius], fill=252)
    return replace(shot, pixels=np.asarray(picture))


def framed(shot: Shot, level: int) -> Shot:
    """Lay an even frame of one grey level round the middle square."""
    pixels = shot.pixels.copy()
    height, width = pixels.shape
    side = min(height, width)
    top, left, edge = (height - side) // 2, (width - side) // 2, max(3, round(0.05 * side))
    inside = np.zeros(pixels.shape, bool)
    inside[top + edge : top + side - edge, left + edge : left + side - edge] = True
    pixels[~inside] = level
    return replace(shot, pixels=pixels)


def toned(shot: Shot, gain: float, offset: float) -> Shot:
    """Make every grey level gain x level + offset."""
    return _with(shot, shot.pixels * np.float32(gain) + np.float32(offset))


def softened(shot: Shot, radius: float) -> Shot:
    """Blur with a Gaussian of a radius in pixels."""
    picture = Image.fromarray(shot.pixels).filter(ImageFilter.GaussianBlur(radius))
    return replace(shot, pixels=np.asarray(picture))


def compressed(shot: Shot, quality: int) -> Shot:
    """Pass the pixels through a JPEG; the file itself stays what it was."""
    stream = io.BytesIO()
    Image.fromarray(shot.pixels).save(stream, format="JPEG", quality=quality)
    stream.seek(0)
    return replace(shot, pixels=np.asarray(Image.open(stream).convert("L")))


def resampled(shot: Shot, side: int) -> Shot:
    """Lose the detail that a picture with this shorter side cannot hold."""
    picture = Image.fromarray(shot.pixels)
    share = side / min(picture.size)
    small = picture.resize(
        (round(picture.width * share), round(picture.height * share)), Image.Resampling.BOX
    )
    return replace(shot, pixels=np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC)))


def trimmed(shot: Shot, aspect: float) -> Shot:
    """Cut the film to an aspect (width over height), about its centre."""
    height, width = shot.pixels.shape
    wide, high = min(width, round(height * aspect)), min(height, round(width / aspect))
    y, x = (height - high) // 2, (width - wide) // 2
    return _cut(shot, (y, y + high), (x, x + wide))


def cropped(shot: Shot, share: float) -> Shot:
    """Cut a share of each side away."""
    height, width = shot.pixels.shape
    y, x = round(share * height), round(share * width)
    return _cut(shot, (y, height - y), (x, width - x))


def enlarged(shot: Shot, factor: float) -> Shot:
    """Resize the film."""
    size = tuple(round(side * factor) for side in shot.pixels.shape[::-1])
    planes = [Image.fromarray(plane) for plane in (shot.pixels, shot.lungs, shot.lesion)]
    film = planes[0].resize((size[0], size[1]), Image.Resampling.BICUBIC)
    lungs, lesion = (np.asarray(mask.resize((size[0], size[1]))) for mask in planes[1:])
    return replace(shot, pixels=np.asarray(film), lungs=lungs > 0, lesion=lesion > 0)


def textured_outside(shot: Shot, strength: float) -> Shot:
    """Brighten what lies outside the lungs in a soft pattern of stripes."""
    height, width = shot.pixels.shape
    waves = np.sin(np.arange(height)[:, None] * (2 * np.pi / (0.09 * height)))
    pattern = strength * (1 + np.broadcast_to(waves, (height, width)))
    return _with(shot, shot.pixels + pattern * ~_widened(shot.lungs))


def _in_square(shot: Shot, place: tuple[float, float]) -> tuple[float, float]:
    """Return a place in the middle square, which networks see, as shares of width and height."""
    height, width = shot.pixels.shape
    side = min(height, width)
    across, down = ((width - side) / 2 + place[0] * side), ((height - side) / 2 + place[1] * side)
    return across / width, down / height


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    grown = Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(9))
    return np.asarray(grown) > 0


def _cut(shot: Shot, rows: tuple[int, int], columns: tuple[int, int]) -> Shot:
    place = slice(*rows), slice(*columns)
    return replace(
        shot, pixels=shot.pixels[place], lungs=shot.lungs[place], lesion=shot.lesion[place]
    )


def _plane(shot: Shot) -> NDArray[np.float32]:
    return shot.pixels.astype(np.float32) / np.float32(255)


def _with(shot: Shot, grey: NDArray[np.floating]) -> Shot:
    return replace(shot, pixels=np.rint(np.clip(grey, 0, 255)).astype(np.uint8))
