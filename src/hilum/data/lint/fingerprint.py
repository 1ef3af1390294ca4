"""What lint keeps of one image file: sizes, hashes and a thumbnail, in a record of fixed size.

The picture's flat borders are cut off, it is brought to 64 x 64, and its grey levels are replaced
by their ranks, so that padding, scaling, brightness, contrast, gamma and equalisation hardly change
what follows. A hash says which of the first 8 x 8 cosine coefficients lie above their median, a
longer one the first 16 x 16. Both are kept of the picture, of its mirror image and of the parts
that people crop to, because no hash survives a crop of 5 %. Which hash and which radius was
measured on real films: see `benchmarks/bench_duplicates.py`.

References:
    Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010 (pHash).
"""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.lint.compression import cosines, earlier_steps, jpeg_tables, quality_of
from hilum.data.preprocessing import to_uint8
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.data.reading.sniff import Format

__all__ = [
    "FORMATS",
    "PRINT",
    "SIDE",
    "VERSION",
    "WINDOWS",
    "Window",
    "fingerprint",
    "hashes_of",
    "ranked",
    "thumbnail",
    "window_of",
]

VERSION = 1
"""Raised whenever the same file would give another record."""

SIDE = 64
"""Side of a thumbnail in pixels."""

Window = Literal["whole", "top", "bottom", "left", "right", "upper", "inner", "square", "mirror"]
WINDOWS: tuple[Window, ...] = get_args(Window)
"""Parts that are hashed: the whole; without its top (as COVID-Net crops), bottom, left or right
8 %; without top and sides; without 5 % all round; the centre square; the mirror image."""

_MARGINS: dict[Window, tuple[float, float, float, float]] = {
    "top": (0, 0.08, 0, 0),
    "bottom": (0, 0, 0, 0.08),
    "left": (0.08, 0, 0, 0),
    "right": (0, 0, 0.08, 0),
    "upper": (0.08, 0.08, 0.08, 0),
    "inner": (0.05, 0.05, 0.05, 0.05),
}
"""Shares cut off at the left, top, right and bottom."""

FORMATS: tuple[Format, ...] = get_args(Format)
"""What a record's `format` counts in."""

PRINT = np.dtype(
    [
        ("pixels", "<u8", 2),  # first 128 bits of the SHA-256 of depth, shape and grey values
        ("width", "<u4"),
        ("height", "<u4"),
        ("content", "<u4", 2),  # width and height without flat borders
        ("format", "u1"),  # place in FORMATS
        ("white", "<u2"),
        ("levels", "<u2"),  # different grey levels in 8 bits
        ("spread", "<f4"),  # from the 1st to the 99th percentile, as a share of white
        ("colour", "<f4"),  # colourfulness in grey levels; 0 if stored grey
        ("quality", "u1"),  # of a JPEG's tables; 0 for other formats
        ("earlier", "<f4"),  # step of an earlier JPEG compression; 0 where none shows
        ("hashes", "<u8", len(WINDOWS)),
        ("details", "<u8", (len(WINDOWS), 4)),
        ("thumb", "u1", (SIDE, SIDE)),
    ]
)
"""One fingerprint; about 4.5 kB."""

_FLAT = 10
"""Grey levels within which a row or column at the edge counts as border."""

_REDUCED = 256
_COARSE, _FINE = 8, 16
_COSINES = cosines(_FINE, SIDE // 2)


def fingerprint(data: bytes) -> NDArray[np.void]:
    """Return the record of one file, shape (1,), dtype `PRINT`.

    Raises:
        ImageReadError: If the file is not a radiograph that can be read.
    """
    radiograph = read_radiograph(data)
    grey = to_uint8(radiograph)
    record = np.zeros(1, PRINT)
    one = record[0]
    one["pixels"] = _pixel_hash(radiograph)
    one["height"], one["width"] = radiograph.full_shape
    one["format"] = FORMATS.index(radiograph.format)
    one["white"] = radiograph.white
    counts = np.bincount(grey.ravel(), minlength=256)
    low, high = np.searchsorted(np.cumsum(counts), [0.01 * grey.size, 0.99 * grey.size])
    one["levels"], one["spread"] = np.count_nonzero(counts), (high - low) / 255
    one["colour"] = float(radiograph.facts.get("colourfulness", 0))
    if radiograph.format == "jpeg":
        table = jpeg_tables(data)
        one["quality"] = quality_of(table) if table is not None else 0
        one["earlier"] = earlier_steps(grey, table) if table is not None else 0
    elif radiograph.format in ("png", "webp"):
        one["earlier"] = earlier_steps(grey, None)
    thumb, shape = thumbnail(grey)
    one["thumb"], one["content"] = thumb, (shape[1], shape[0])
    one["hashes"], one["details"] = hashes_of(
        np.stack([window_of(thumb, window, shape) for window in WINDOWS])
    )
    return record


def thumbnail(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the picture without flat borders as 64 x 64, and its (height, width) without them.

    Args:
        grey: Shape (height, width).
    """
    factor = max(min(grey.shape) // _REDUCED, 1)
    small = Image.fromarray(grey).reduce(factor)
    left, top, right, bottom = _content(np.asarray(small))
    inside = small.crop((left, top, right, bottom))
    picture = inside.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(picture), ((bottom - top) * factor, (right - left) * factor)


def window_of(
    thumb: NDArray[np.uint8], window: Window, shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return one of `WINDOWS` of a thumbnail, again 64 x 64.

    Args:
        thumb: Shape (64, 64).
        window: Which.
        shape: (height, width) of what the thumbnail shows, for the centre square.
    """
    if window == "whole":
        return thumb
    if window == "mirror":
        return thumb[:, ::-1]
    if window == "square":
        across, down = (max(1 - min(shape) / side, 0) / 2 for side in (shape[1], shape[0]))
        left, top, right, bottom = across, down, across, down
    else:
        left, top, right, bottom = _MARGINS[window]
    box = (left * SIDE, top * SIDE, (1 - right) * SIDE, (1 - bottom) * SIDE)
    picture = Image.fromarray(thumb).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    return np.asarray(picture)


def ranked(thumbs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Replace grey levels by their mean rank, in [0, 1]: no monotone change of tone is left.

    Args:
        thumbs: Shape (n, 64, 64).
    """
    found = np.empty(thumbs.shape, np.float32)
    for place, thumb in enumerate(thumbs):
        counts = np.bincount(thumb.ravel(), minlength=256)
        ranks = (np.cumsum(counts) - counts / 2) / thumb.size
        found[place] = ranks.astype(np.float32)[thumb]
    return found


def hashes_of(thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the hashes of thumbnails.

    Args:
        thumbs: Shape (n, 64, 64).

    Returns:
        64 bits of each, shape (n,), and 256 bits of each, shape (n, 4). The hash of the negative of
        a picture is the complement of its hash.
    """
    ranks = ranked(thumbs)
    half = ranks.reshape(len(ranks), SIDE // 2, 2, SIDE // 2, 2).mean((2, 4))
    waves = _COSINES @ half @ _COSINES.T
    return _bits(waves[:, :_COARSE, :_COARSE])[:, 0], _bits(waves)


def _bits(waves: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Say which coefficients lie above their picture's median, 64 to a number."""
    flat = waves.reshape(len(waves), -1)
    above = flat > np.median(flat, axis=1, keepdims=True)
    packed = np.ascontiguousarray(np.packbits(above, axis=1, bitorder="little"))
    return packed.view("<u8").astype(np.uint64)


def _content(grey: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what is not flat border; all of a flat picture."""
    down = np.flatnonzero(np.ptp(grey, axis=1) > _FLAT)
    across = np.flatnonzero(np.ptp(grey, axis=0) > _FLAT)
    if not down.size or not across.size:
        return 0, 0, grey.shape[1], grey.shape[0]
    return int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1


def _pixel_hash(radiograph: Radiograph) -> NDArray[np.uint64]:
    """Hash the grey values with their depth and shape, whatever file they were stored in."""
    pixels = np.ascontiguousarray(radiograph.pixels)
    digest = hashlib.sha256(repr((radiograph.white, pixels.shape)).encode())
    digest.update(pixels.data)
    return np.frombuffer(digest.digest()[:16], "<u8").astype(np.uint64)
