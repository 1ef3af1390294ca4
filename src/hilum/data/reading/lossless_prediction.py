"""From the differences of a lossless JPEG to its samples, by any of its seven predictors.

Separate from the decoder because it is arithmetic alone. Everything is modulo 65536, as the
standard has it, which is what uint16 does.

References:
    ITU-T T.81 (1992), table H.1 and H.1.2.1: the predictors, and how rows and pictures begin.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["undo_prediction"]

Samples = NDArray[np.uint16]


def undo_prediction(differences: Samples, predictor: int, bits: int) -> Samples:
    """Return the samples whose differences from their predictions are given.

    Args:
        differences: Shape (rows, columns, components); used as room for the result.
        predictor: 1 to 7.
        bits: Depth of the samples; the first is predicted as half of their range.

    Returns:
        Samples of the same shape.
    """
    found = differences
    found[0, 0] += np.uint16(1 << (bits - 1))
    if predictor == 1:
        _sum(found[:, 0])
        for row in found:
            _sum(row)
        return found
    _sum(found[0])
    for above, row in pairwise(found):
        row[0] += above[0]
        _PREDICTORS[predictor](above, row)
    return found


def _sum(values: Samples) -> None:
    """Replace values along the first axis by their running sums."""
    np.cumsum(values, axis=0, dtype=np.uint16, out=values)


def _above(above: Samples, row: Samples) -> None:
    row[1:] += above[1:]


def _above_left(above: Samples, row: Samples) -> None:
    row[1:] += above[:-1]


def _plane(above: Samples, row: Samples) -> None:
    row[1:] += above[1:] - above[:-1]
    _sum(row)


def _left_and_half(above: Samples, row: Samples) -> None:
    row[1:] += ((above[1:].astype(np.int32) - above[:-1]) >> 1).astype(np.uint16)
    _sum(row)


def _above_and_half(above: Samples, row: Samples) -> None:
    for values, upper in zip(row.T, above.T, strict=True):
        done, over = values.tolist(), upper.tolist()
        for x in range(1, len(done)):
            done[x] = (done[x] + over[x] + ((done[x - 1] - over[x - 1]) >> 1)) & 0xFFFF
        values[:] = done


def _mean(above: Samples, row: Samples) -> None:
    for values, upper in zip(row.T, above.T, strict=True):
        done, over = values.tolist(), upper.tolist()
        for x in range(1, len(done)):
            done[x] = (done[x] + ((done[x - 1] + over[x]) >> 1)) & 0xFFFF
        values[:] = done


_PREDICTORS = {
    2: _above,
    3: _above_left,
    4: _plane,
    5: _left_and_half,
    6: _above_and_half,
    7: _mean,
}
