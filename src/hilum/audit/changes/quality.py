"""The same film in worse quality: compressed, blurred, noisy, or of fewer pixels.

Sizes are shares of the film or fixed numbers of pixels, so that films of all sizes end up alike:
what one class had more of, no class has after.
"""

from __future__ import annotations

import io
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hilum.audit.changes.morphology import reduced
from hilum.audit.perturb import Change, View

__all__ = ["BLURS", "JPEGS", "NOISES", "RESOLUTIONS"]

Pixels = NDArray[np.uint8]

_COMPRESSED_SIDE = 768
"""Films are compressed at a shorter side of at most so many pixels: in larger ones the traces are
finer than any network here sees."""

_GRAIN_SIDE = 256


def _jpeg(view: View, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(reduced(view.pixels, _COMPRESSED_SIDE)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _blurred(view: View, percent: float) -> Pixels:
    small = reduced(view.pixels, _COMPRESSED_SIDE)
    sigma = percent / 100 * min(small.shape)
    return np.asarray(Image.fromarray(small).filter(ImageFilter.GaussianBlur(sigma)))


def _of_fewer_pixels(view: View, side: int) -> Pixels:
    small = Image.fromarray(reduced(view.pixels, side))
    size = view.pixels.shape[1], view.pixels.shape[0]
    return np.asarray(small.resize(size, Image.Resampling.BICUBIC))


def _noisy(view: View, percent: float) -> Pixels:
    """Add grain of the same coarseness whatever the film's size."""
    scale = _GRAIN_SIDE / min(view.pixels.shape)
    shape = [max(1, round(length * min(scale, 1.0))) for length in view.pixels.shape]
    grain = view.rng.standard_normal(shape, dtype=np.float32) * np.float32(2.55 * percent)
    size = view.pixels.shape[1], view.pixels.shape[0]
    spread = Image.fromarray(grain).resize(size, Image.Resampling.NEAREST)
    grainy: Pixels = np.rint(np.clip(view.pixels + np.asarray(spread), 0, 255)).astype(np.uint8)
    return grainy


JPEGS = tuple(
    (
        quality,
        Change(
            f"jpeg-{quality}",
            f"saved as JPEG of quality {quality}",
            partial(_jpeg, quality=quality),
        ),
    )
    for quality in (90, 50, 20)
)
"""(quality, change), mildest first."""

BLURS = tuple(
    (
        percent,
        Change(
            f"blur-{percent}",
            f"blurred by {percent} % of the shorter side",
            partial(_blurred, percent=percent),
        ),
    )
    for percent in (0.2, 0.5, 1.0)
)
"""(standard deviation in percent of the shorter side, change), mildest first."""

NOISES = tuple(
    (
        percent,
        Change(
            f"noise-{percent}",
            f"with grain of {percent} % of white",
            partial(_noisy, percent=percent),
        ),
    )
    for percent in (2, 5)
)
"""(standard deviation in percent of white, change), mildest first."""

RESOLUTIONS = tuple(
    (
        side,
        Change(
            f"pixels-{side}",
            f"brought down to {side} pixels and up again",
            partial(_of_fewer_pixels, side=side),
        ),
    )
    for side in (256, 128, 64)
)
"""(shorter side in pixels, change), mildest first."""
