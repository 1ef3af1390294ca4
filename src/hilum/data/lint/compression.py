"""Signs of lossy compression in decoded pixels: a picture that was a JPEG before this file.

JPEG rounds the cosine coefficients of 8 x 8 blocks to multiples of a step. The rounding survives in
the pixels: coefficients of a PNG made from a JPEG lie on a comb, and those of a JPEG that was
compressed more strongly before lie on a coarser comb than its own tables explain. Only what kept
its grid can be seen: after resizing, or cropping by other than 8 pixels, the comb is gone.

References:
    Fan and de Queiroz, "Identification of Bitmap Compression History: JPEG Detection and Quantizer
    Estimation", IEEE Trans. Image Processing 12(2), 2003.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from hilum.data.reading.boundary import DECODER_ERRORS

__all__ = ["cosines", "earlier_steps", "jpeg_tables", "quality_of"]

_PLACES = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0))
"""Vertical and horizontal frequency of the coefficients looked at: large, so many are not zero."""

_STEPS = np.arange(3, 65, dtype=np.float32)
_SIDE = 512
"""Pixels of the middle of the picture that are looked at, each way."""

_FINENESS, _BINS = 4, 1280
"""Coefficients are counted in quarters of a grey level, up to 320 levels."""

_VALUES = (np.arange(_BINS, dtype=np.float32) / _FINENESS)[None]
_FAR = np.greater(_VALUES, _STEPS[:, None] / 2).astype(np.float32)
_WAVES = (_FAR * np.cos(2 * np.pi * _VALUES / _STEPS[:, None])).astype(np.float32)

_FEWEST = 150
_COMB = 0.6
_COARSER = 1.7
"""An earlier step nearer than this to the file's own cannot be told from it."""

_PLACES_NEEDED = 4
_LUMA_SUM = 3679
"""Sum of the luminance table in annex K of the JPEG standard, which is that of quality 50."""


def cosines(frequencies: int, samples: int) -> NDArray[np.float32]:
    """Return the first orthonormal cosines (DCT-II) as rows, shape (frequencies, samples)."""
    k, x = np.arange(frequencies)[:, None], np.arange(samples)[None]
    rows = np.sqrt(2 / samples) * np.cos(np.pi * k * (2 * x + 1) / (2 * samples))
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


def jpeg_tables(data: bytes) -> NDArray[np.float32] | None:
    """Return the luminance quantisation table of a JPEG file, shape (8, 8); None if it has none."""
    try:
        table = JpegImageFile(io.BytesIO(data)).quantization[0]
    except DECODER_ERRORS:
        return None
    return np.asarray(table, np.float32).reshape(8, 8)


def quality_of(table: NDArray[np.float32]) -> int:
    """Return the quality, 1 to 100, at which libjpeg's table would be about as coarse.

    Below 20 it reads too high, by up to 10: such steps are cut off at 255.

    Args:
        table: Luminance quantisation steps, shape (8, 8).
    """
    scale = 100 * float(table.sum()) / _LUMA_SUM
    quality = 5000 / scale if scale > 100 else (200 - scale) / 2
    return int(np.clip(round(quality), 1, 100))


def earlier_steps(pixels: NDArray[np.uint8], table: NDArray[np.float32] | None) -> float:
    """Return the typical step of an earlier, coarser JPEG compression; 0 where none shows.

    Args:
        pixels: The whole picture as decoded, not resized, shape (height, width).
        table: The file's own luminance table if it is a JPEG now, else None.

    Returns:
        Median step over the frequencies that show a comb, in grey levels; 0 if fewer than 4 do.
    """
    blocks = _blocks(pixels)
    if blocks is None:
        return 0.0
    matrix = cosines(4, 8)
    coefficients = np.asarray(matrix @ blocks @ matrix.T, np.float32)
    found = []
    for v, h in _PLACES:
        now = 1.0 if table is None else float(table[v, h])
        step = _comb(coefficients[:, v, h], now)
        if step:
            found.append(step)
    return float(np.median(found)) if len(found) >= _PLACES_NEEDED else 0.0


def _blocks(pixels: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Cut the middle of the picture into its 8 x 8 blocks, shape (n, 8, 8); None if too small."""
    top, left = (max((side - _SIDE) // 16 * 8, 0) for side in pixels.shape)
    rows, columns = (min(side, _SIDE) // 8 for side in pixels.shape)
    if rows * columns < _FEWEST:
        return None
    middle = pixels[top : top + 8 * rows, left : left + 8 * columns].astype(np.float32) - 128
    return middle.reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(-1, 8, 8)


def _comb(values: NDArray[np.float32], now: float) -> float:
    """Return the largest step whose multiples the values keep to, if well above `now`; else 0."""
    places = np.rint(np.abs(values) * _FINENESS).astype(np.intp)
    counts = np.bincount(places[places < _BINS], minlength=_BINS).astype(np.float32)
    far = np.maximum(_FAR @ counts, 1)
    coarser = np.greater_equal(_STEPS, _COARSER * now)
    kept = coarser & (far >= _FEWEST) & (_WAVES @ counts / far > _COMB)
    return float(_STEPS[kept].max(initial=0))
