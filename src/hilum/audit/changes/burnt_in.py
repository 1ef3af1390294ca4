"""What looks like burnt-in text near the edges: found, and painted out.

Text and lead letters are bright, narrow, and far brighter than what surrounds them. They are what
is left of a film when everything narrow is opened away; ribs and clavicles are as narrow but not
as bright against their surroundings. A frame round the film is no text: what is long is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.audit.changes.morphology import averaged, grown, opened, reduced
from hilum.audit.perturb import Change, View
from hilum.screening.lungs_components import label_parts

__all__ = ["MARKS_ERASED", "marks_share", "where_marks_are"]

Pixels = NDArray[np.uint8]

_SIDE = 384
"""Shorter side at which text is looked for; what follows in pixels is of such a film."""

_REACH = 9
"""Half the width in pixels of what is opened away: strokes and letters, no bones."""

_BAND = 1 / 6
"""How far from an edge a mark's middle may be: the outer third of the width and height."""

_BRIGHTER = 0.33
"""Least step from its surroundings, as a share of the film's range of grey."""

_LEAST_STEP = 40.0
"""The same in grey levels: on films of little contrast noise would do otherwise."""

_LONGEST = 0.3
"""Longest side of a mark, as a share of the film's shorter side."""

_SMALLEST = 6
"""Pixels; less is noise."""

_AROUND = 3
"""Pixels round a mark that are painted, too."""

_LETTERS_APART = 2
"""Pixels between the letters of a word, at most."""


def where_marks_are(pixels: Pixels) -> NDArray[np.bool_]:
    """Return where marks are on a film of at most 384 pixels on the shorter side, same shape."""
    low, high = np.percentile(pixels[::2, ::2], [1, 99])
    step = max(_LEAST_STEP, _BRIGHTER * (float(high) - float(low)))
    bright = (pixels - opened(pixels, _scaled(_REACH, pixels))) > step
    bright &= _near_edges(pixels.shape)
    if not bright.any():
        return bright
    place = np.nonzero(bright)
    part = label_parts(grown(bright, _scaled(_LETTERS_APART, pixels)))[place]
    longest = np.maximum(*(_reach_of(part, along) for along in place))
    fits = (np.bincount(part) >= _scaled(_SMALLEST, pixels)) & (
        longest <= _LONGEST * min(pixels.shape)
    )
    bright[place] = fits[part]
    return bright


def _reach_of(part: NDArray[np.int64], along: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return how many pixels each part spans along an axis, by its number; 0 for no part."""
    first = np.full(int(part.max()) + 1, np.iinfo(np.int64).max)
    last = np.full(first.shape, -1)
    np.minimum.at(first, part, along)
    np.maximum.at(last, part, along)
    return np.asarray(np.where(last >= 0, last - first + 1, 0))


def marks_share(pixels: Pixels) -> tuple[float, float, float, float]:
    """Return which share of each quarter of a film is marks, in [0, 1]: by rows from the top."""
    marks = where_marks_are(reduced(pixels, _SIDE))
    upper, lower = np.array_split(marks, 2, axis=0)
    quarters = [part for half in (upper, lower) for part in np.array_split(half, 2, axis=1)]
    first, second, third, fourth = (float(part.mean()) if part.size else 0.0 for part in quarters)
    return first, second, third, fourth


def _scaled(length: int, pixels: Pixels) -> int:
    """Return a length on a film of the usual size on a smaller one; at least 1."""
    return max(1, round(length * int(min(pixels.shape)) / _SIDE))


def _near_edges(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    near = [
        np.minimum(np.arange(length) + 0.5, length - np.arange(length) - 0.5) / length < _BAND
        for length in shape
    ]
    return np.asarray(near[0][:, None] | near[1][None, :])


def _erased(view: View) -> Pixels:
    small = reduced(view.pixels, _SIDE)
    marks = where_marks_are(small)
    if not marks.any():
        return view.pixels
    marks = grown(marks, _scaled(_AROUND, small))
    rest = (~marks).astype(np.float32)
    reach = 2 * _scaled(_REACH, small)
    around = averaged(small * rest, reach) / np.maximum(averaged(rest, reach), 1e-3)
    size = view.pixels.shape[1], view.pixels.shape[0]
    surrounding = Image.fromarray(np.rint(np.clip(around, 0, 255)).astype(np.uint8))
    where = Image.fromarray(marks.astype(np.uint8) * 255)
    return np.where(
        np.asarray(where.resize(size, Image.Resampling.NEAREST)) > 0,
        np.asarray(surrounding.resize(size, Image.Resampling.BILINEAR)),
        view.pixels,
    )


MARKS_ERASED = Change(
    "marks-erased", "with what looks like burnt-in text near the edges painted out", _erased
)
