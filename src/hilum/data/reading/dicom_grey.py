"""From stored DICOM values to grey levels in which dense is bright.

The order is the standard's: modality LUT or rescale, VOI LUT (a sequence before a window), and at
the end one inversion, for MONOCHROME1 or a presentation LUT shape of INVERSE. Stored values have at
most 16 bits, so everything is worked out once for each possible value, in float64, and looked up.

References:
    DICOM PS3.3, C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.3.1.2 (photometric interpretation).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from hilum.data.reading.dicom_lut import modality_values, voi
from hilum.data.reading.dicom_values import number, text, whole
from hilum.data.reading.scale import Grey, effective_white

__all__ = ["GreyLevels", "grey_levels"]


@dataclass(slots=True)
class GreyLevels:
    """Grey levels (rows, columns), the value of white, and how they came about."""

    pixels: Grey
    white: int
    history: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def grey_levels(stored: NDArray[Any], dataset: Dataset) -> GreyLevels:
    """Give stored values their meaning.

    Args:
        stored: Whole numbers, shape (rows, columns), at most 16 bits, signed or not.
        dataset: The data set they come from.

    Returns:
        uint8 or uint16 pixels. With a VOI or a modality transform, white is 65535; without any, the
        stored values are kept and white follows `effective_white`.

    Raises:
        ValueError: If a stored value is outside the announced bits, or a look-up table is damaged.
    """
    bits = whole(dataset, "BitsStored") or 16
    first = -(2 ** (bits - 1)) if whole(dataset, "PixelRepresentation") else 0
    values = np.arange(first, first + 2**bits, dtype=np.float64)
    padding = _padding(dataset, values)
    present = _present(stored, values, padding)
    history: list[str] = []
    warnings: list[str] = []
    levels, white = _brightness(values, present, dataset, history, warnings)
    if _is_inverted(dataset, history, warnings):
        levels = white - levels
    if padding.any():
        levels[padding] = 0
        history.append("padding shown black")
    index = stored if first == 0 else stored.astype(np.int32) - first
    if white == 255:
        return GreyLevels(levels.astype(np.uint8)[index], white, history, warnings)
    return GreyLevels(levels.astype(np.uint16)[index], white, history, warnings)


def _brightness(
    values: NDArray[np.float64],
    present: slice,
    dataset: Dataset,
    history: list[str],
    warnings: list[str],
) -> tuple[NDArray[np.float64], int]:
    """Return a whole grey level for each of `values`, before any inversion, and white."""
    bits = values.size.bit_length() - 1
    modality = modality_values(values, dataset)
    found = voi(modality.values, dataset, warnings)
    in_use = values[present]
    if found is not None and in_use.size > 1 and np.ptp(found.shares[present]) < 1 / 255:
        warnings.append("Its VOI leaves no grey levels and was not applied.")
        found = None
    history.extend(filter(None, [modality.done, found.done if found else ""]))
    if found is None and not modality.done and in_use[0] >= 0:
        white = effective_white(int(in_use[-1]), bits=bits)
        history.append(f"no VOI; largest value {in_use[-1]:g} in {bits} bits: white is {white}")
        return np.clip(values, 0, white), white
    if found is not None:
        return np.rint(65535 * found.shares), 65535
    history.append("no VOI; the whole range of values shown")
    return np.rint(65535 * _widened(modality.shares, present, warnings)), 65535


def _widened(
    shares: NDArray[np.float64], present: slice, warnings: list[str]
) -> NDArray[np.float64]:
    """Spread greys that use less than an eighth of their range, as deep files often do."""
    low, high = float(shares[present].min()), float(shares[present].max())
    if not 0 < high - low < 1 / 8:
        return shares
    warnings.append(
        f"It states no window and uses {high - low:.1%} of its range of values; "
        "what is there was spread from black to white."
    )
    return np.clip((shares - low) / (high - low), 0, 1)


def _present(
    stored: NDArray[Any], values: NDArray[np.float64], padding: NDArray[np.bool_]
) -> slice:
    """Return the part of `values`, from lowest to highest, that is in the image and no padding."""
    first, lowest, highest = int(values[0]), int(stored.min()), int(stored.max())
    if lowest < first or highest > values[-1]:
        raise ValueError(
            f"expected stored values from {first} to {values[-1]:g}, got {lowest} to {highest}"
        )
    if padding.any():
        counts = np.bincount((stored.astype(np.int32) - first).ravel(), minlength=values.size)
        inside = np.flatnonzero((counts > 0) & ~padding)
        if inside.size:
            return slice(int(inside[0]), int(inside[-1]) + 1)
    return slice(lowest - first, highest - first + 1)


def _padding(dataset: Dataset, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which stored values mark pixels outside the image."""
    one = number(dataset, "PixelPaddingValue")
    if one is None:
        return np.zeros(values.size, dtype=np.bool_)
    other = number(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((one, one if other is None else other))
    return (values >= low) & (values <= high)


def _is_inverted(dataset: Dataset, history: list[str], warnings: list[str]) -> bool:
    photometric = text(dataset, "PhotometricInterpretation").upper()
    shape = text(dataset, "PresentationLUTShape").upper()
    expected = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    if shape and shape != expected:
        warnings.append(f"{photometric} and a presentation LUT shape of {shape} do not agree.")
    if photometric == "MONOCHROME1":
        history.append("inverted once: MONOCHROME1")
        return True
    if shape == "INVERSE":
        history.append("inverted once: presentation LUT shape INVERSE")
        return True
    return False
