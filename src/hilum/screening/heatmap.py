"""Where on the radiograph the evidence lies.

The network sees a prepared square: perhaps without the top strip, without the margins, or with
black bars. Here its small maps are put back on the radiograph they came from. Each map is scaled
by its own maximum, so that it can be seen; a map that holds nothing is said to be empty and stays
zero, because rescaled rounding noise looks just like a finding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.preprocessing import Preprocessing

__all__ = ["Heatmap", "heatmaps", "is_empty"]

EMPTY_SHARE = 1e-6
"""A map whose maximum is at most this share of the largest map's is rounding noise."""

EMPTY_EVIDENCE = 1e-6
"""A map that adds up to less than this much of a logit says nothing."""


@dataclass(frozen=True, slots=True)
class Heatmap:
    """The evidence for one class, laid over a radiograph.

    Args:
        heat: Shape of the radiograph, in [0, 1]: 1 where the evidence is strongest, 0 outside
            what the network saw. All 0 if empty.
        peak: The map's maximum before scaling, in logits a map cell.
        empty: Whether the map holds nothing.
        region: (top, left, height, width) of what the network saw, in pixels of the radiograph.
    """

    heat: NDArray[np.float32]
    peak: float
    empty: bool
    region: tuple[int, int, int, int]


def is_empty(cams: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say which maps of one picture hold nothing.

    With global average pooling a map adds up to what its class's features contribute to the
    logit, so the limit is in logits: 1e-6 in total, or 1e-6 of the strongest map's maximum.

    Args:
        cams: Maps of all classes of one picture, shape (classes, h, w), at least 0.

    Returns:
        Shape (classes,). A map that holds NaN or infinity counts as empty.
    """
    flat = cams.reshape(len(cams), -1).astype(np.float64)
    finite = np.asarray(np.isfinite(flat).all(axis=1, keepdims=True))
    flat = np.where(finite, flat, 0.0)
    peaks = flat.max(axis=1)
    weak = (peaks <= EMPTY_SHARE * peaks.max()) | (flat.sum(axis=1) < EMPTY_EVIDENCE)
    return np.asarray(weak | ~finite[:, 0])


def heatmaps(
    cams: NDArray[np.float32], preprocessing: Preprocessing, shape: tuple[int, int]
) -> list[Heatmap]:
    """Lay the maps of one picture over the radiograph it was prepared from.

    Args:
        cams: Maps of all classes, shape (classes, h, w), at least 0.
        preprocessing: How the picture was prepared.
        shape: (height, width) of the radiograph, at whatever scale the maps are wanted.

    Returns:
        One a class.

    Raises:
        ValueError: If `cams` has another number of dimensions.
    """
    if cams.ndim != 3:
        raise ValueError(f"cams must have shape (classes, h, w), got {cams.shape}")
    region = preprocessing.region(shape)
    found = []
    for cam, empty in zip(cams, is_empty(cams), strict=True):
        peak = 0.0 if empty else float(cam.max())
        heat = np.zeros(shape, np.float32) if empty else _place(cam / peak, region, shape)
        found.append(Heatmap(heat, peak, bool(empty), region))
    return found


def _place(
    cam: NDArray[np.float32], region: tuple[int, int, int, int], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Enlarge a map to `region` and cut off what lies outside an image of `shape`."""
    top, left, height, width = region
    small = Image.fromarray(np.ascontiguousarray(cam, dtype=np.float32))
    large = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    first_row, first_column = max(top, 0), max(left, 0)
    last_row, last_column = min(top + height, shape[0]), min(left + width, shape[1])
    heat = np.zeros(shape, np.float32)
    np.clip(
        large[first_row - top : last_row - top, first_column - left : last_column - left],
        0.0,
        1.0,
        out=heat[first_row:last_row, first_column:last_column],
    )
    return heat
