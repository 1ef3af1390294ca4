"""Films on the disk to be read: phantoms, and real ones where a folder of them is named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.phantom import draw_phantom

__all__ = ["archive_of", "drawn", "enlarged", "kinds_of_film", "written"]

QUALITY = 90
_REAL = (".png", ".jpg", ".jpeg")


def drawn(count: int, side: int) -> list[NDArray[np.uint8]]:
    """Return phantoms of a side in pixels, each shape (side, side)."""
    rng = np.random.default_rng(0)
    return [draw_phantom(rng, size=side).pixels.astype(np.uint8) for _ in range(count)]


def enlarged(
    pixels: NDArray[np.uint8], size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a film as wide and high as `size`, with the noise of a detector."""
    large = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    noisy = np.asarray(large) + rng.normal(0, 1, size[::-1])
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def written(folder: Path, pictures: Sequence[NDArray[np.uint8]], kind: str) -> list[Path]:
    """Write pictures as PNG or JPEG files; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.{kind}" for number in range(len(pictures))]
    for path, pixels in zip(paths, pictures, strict=True):
        Image.fromarray(pixels).save(path, quality=QUALITY)  # which a PNG has no use for
    return paths


def kinds_of_film(
    folder: Path, *, films: int, small: int, large: tuple[int, int], real: Path | None = None
) -> dict[str, list[Path]]:
    """Write films of every kind, and find real ones; by what they are.

    Args:
        folder: To write to.
        films: Of each kind.
        small: Side of small films in pixels.
        large: Width and height of large films in pixels.
        real: Folder that is searched for PNG and JPEG files of real films.
    """
    rng = np.random.default_rng(0)
    little = drawn(films, small)
    big = [enlarged(pixels, large, rng) for pixels in little]
    sides = {"small": f"{small} x {small}", "large": f"{large[1]} x {large[0]}"}
    found = {} if real is None else _real_films(real, films)
    for name, pictures in (("small", little), ("large", big)):
        for kind in ("png", "jpeg"):
            label = f"{kind.upper()}, {sides[name]} pixels"
            found[label] = written(folder / name, pictures, kind)
    return found


def _real_films(folder: Path, most: int) -> dict[str, list[Path]]:
    """Return real films by format, colours and size; at most so many of each kind."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _REAL:
            with Image.open(path) as picture:
                side = f"{picture.height} x {picture.width}"
                label = f"{picture.format}, {picture.mode}, {side} pixels, real films"
            if len(found.setdefault(label, [])) < most:
                found[label].append(path)
    return {label: paths for label, paths in found.items() if len(paths) == most}


def archive_of(folder: Path, films: int, *, side: int, distinct: int = 12) -> Path:
    """Write JPEG phantoms into a folder, few distinct ones under many names; return it."""
    folder.mkdir(parents=True)
    first = []
    for number, pixels in enumerate(drawn(min(distinct, films), side)):
        first.append(folder / f"{number:07d}.jpg")
        Image.fromarray(pixels).save(first[-1], quality=QUALITY)
    for number in range(len(first), films):
        place = folder / f"{number // 1000:04d}"
        place.mkdir(exist_ok=True)
        os.link(first[number % len(first)], place / f"{number:07d}.jpg")
    return folder
