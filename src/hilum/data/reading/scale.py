"""How deep and how large: the value that stands for white, and reading at a reduced size.

JPEG files can be decoded at 1/2, 1/4 or 1/8 of their size, up to five times faster. Every other
format is brought to 8 bits, as `prepare` would, and averaged by the same factor, so that one film
gives the same picture in each. Resampling a 1024-pixel film to 224 in one step differs from
resampling its reduced decoding by up to 90 grey levels at sharp edges; after averaging, by 1 to 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Grey", "effective_white", "reduce", "reduction"]

Grey = NDArray[np.uint8] | NDArray[np.uint16]

_DEPTHS = (8, 10, 12, 14, 16)


def effective_white(maximum: int, *, bits: int = 16) -> int:
    """Return the white of deep pixels whose file does not say how many bits are in use.

    White is 2^n - 1 for the smallest n of 8, 10, 12, 14, 16 that holds the maximum, and n is at
    most `bits`: detectors deliver 10 to 14 bits, and files often announce 16.

    Args:
        maximum: Largest value present.
        bits: Bits the file says it stores.

    >>> effective_white(4000), effective_white(900, bits=12), effective_white(300, bits=9)
    (4095, 1023, 511)
    """
    fitting = [depth for depth in _DEPTHS if maximum < 2**depth]
    return int(2 ** min([*fitting[:1], bits]) - 1)


def reduction(shape: tuple[int, int], smallest_side: int | None) -> int:
    """Return the factor by which an image may be reduced: 1, 2, 4 or 8.

    Args:
        shape: (height, width) in pixels.
        smallest_side: Pixels the shorter side must keep; None keeps the image as it is.
    """
    if smallest_side is None:
        return 1
    room = min(shape) // smallest_side
    return next((factor for factor in (8, 4, 2) if room >= factor), 1)


def reduce(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return the means of blocks of `factor` x `factor` pixels, rounded.

    Blocks at the right and lower edge may be smaller.
    """
    return np.asarray(Image.fromarray(pixels).reduce(factor), dtype=np.uint8)
