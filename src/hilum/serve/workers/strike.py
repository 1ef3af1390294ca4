"""Striking out a region: what the film would be read as without it.

A black box would be a finding of its own. So the region is filled from its rim: each pixel is a
mean of the nearest pixels to the left, to the right, above and below, weighted by nearness. What
is left has neither an edge nor a texture that a network could hold on to. It is not what lay
behind the marker or the device; nobody knows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hilum.data.radiograph import Radiograph
from hilum.screening.screener import Edit
from hilum.serve.storage.jobs import Region

__all__ = ["fill_region", "struck_out"]


def struck_out(regions: Sequence[Region]) -> Edit:
    """Return what fills regions of a film from their rims.

    Args:
        regions: (top, left, height, width) each, as shares of the film's height and width.
    """

    def edit(film: Radiograph) -> Radiograph:
        pixels = film.pixels.astype(np.float32)
        for region in regions:
            fill_region(pixels, region)
        whole = np.rint(pixels)
        deep = film.pixels.dtype == np.uint16
        kept = whole.astype(np.uint16) if deep else whole.astype(np.uint8)
        note = f"{len(regions)} region(s) struck out by a reader"
        return replace(film, pixels=kept, history=(*film.history, note))

    return edit


def fill_region(pixels: NDArray[np.float32], region: Region) -> None:
    """Fill one region in place from the pixels round it.

    Args:
        pixels: Shape (height, width).
        region: (top, left, height, width) as shares; what lies outside the film is left out.
    """
    height, width = pixels.shape
    top, bottom = _span(region[0], region[2], height)
    left, right = _span(region[1], region[3], width)
    if bottom - top < 1 or right - left < 1:
        return
    down = np.arange(1, bottom - top + 1, dtype=np.float32)[:, None]
    across = np.arange(1, right - left + 1, dtype=np.float32)[None]
    total = np.zeros((bottom - top, right - left), np.float32)
    weight = np.zeros_like(total)
    sides = (
        (pixels[top - 1, left:right][None] if top else None, down),
        (pixels[bottom, left:right][None] if bottom < height else None, down[::-1]),
        (pixels[top:bottom, left - 1][:, None] if left else None, across),
        (pixels[top:bottom, right][:, None] if right < width else None, across[:, ::-1]),
    )
    for rim, distance in sides:
        if rim is not None:
            total += rim / distance
            weight += np.broadcast_to(1 / distance, weight.shape)
    known = weight.max() > 0
    pixels[top:bottom, left:right] = total / weight if known else float(pixels.mean())


def _span(start: float, size: float, length: int) -> tuple[int, int]:
    first, last = round(start * length), round((start + size) * length)
    return min(max(first, 0), length), min(max(last, 0), length)
