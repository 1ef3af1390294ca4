"""Pictures on which nobody should believe a lung mask, made from films: the segmenter's control."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.preprocessing import to_uint8
from hilum.data.radiograph import Radiograph

__all__ = ["STRANGERS"]

Picture = NDArray[np.uint8]


def _upside_down(film: Radiograph, _rng: np.random.Generator) -> Picture:
    return np.ascontiguousarray(to_uint8(film)[::-1, ::-1])


def _sideways(film: Radiograph, _rng: np.random.Generator) -> Picture:
    return np.ascontiguousarray(np.rot90(to_uint8(film)))


def _inverted(film: Radiograph, _rng: np.random.Generator) -> Picture:
    return 255 - to_uint8(film)


def _one_side(film: Radiograph, _rng: np.random.Generator) -> Picture:
    pixels = to_uint8(film)
    return np.ascontiguousarray(pixels[:, : pixels.shape[1] // 2])


def _lower_third(film: Radiograph, _rng: np.random.Generator) -> Picture:
    pixels = to_uint8(film)
    return np.ascontiguousarray(pixels[-(pixels.shape[0] // 3) :])


def _shuffled(film: Radiograph, rng: np.random.Generator) -> Picture:
    """Cut the film in sixteen and lay the pieces in another order."""
    pixels = np.asarray(Image.fromarray(to_uint8(film)).resize((256, 256)))
    pieces = pixels.reshape(4, 64, 4, 64).swapaxes(1, 2).reshape(16, 64, 64)
    mixed = pieces[rng.permutation(16)].reshape(4, 4, 64, 64).swapaxes(1, 2)
    return np.ascontiguousarray(mixed.reshape(256, 256))


def _noise(_film: Radiograph, rng: np.random.Generator) -> Picture:
    """Draw noise of any coarseness."""
    side = int(rng.integers(2, 257))
    coarse = Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))
    return np.asarray(coarse.resize((256, 256), Image.Resampling.BICUBIC))


STRANGERS: dict[str, Callable[[Radiograph, np.random.Generator], Picture]] = {
    "upside_down": _upside_down,
    "sideways": _sideways,
    "inverted": _inverted,
    "one_side": _one_side,
    "lower_third": _lower_third,
    "shuffled": _shuffled,
    "noise": _noise,
}
"""Name to a function that makes such a picture from a film."""
