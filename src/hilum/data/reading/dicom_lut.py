"""The DICOM modality and VOI transforms, as functions of every possible stored value.

Written out rather than taken from pydicom, which raises on absurd windows, lets a negative slope
turn the picture over, and gives results in a range that has to be guessed. The tests hold both
against each other wherever they should agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from hilum.data.reading.dicom_values import first_item, number, numbers, text

__all__ = ["Modality", "Voi", "modality_values", "voi", "window_shares"]


@dataclass(frozen=True, slots=True)
class Modality:
    """Values after the modality transform, one for each stored value, and the range they span."""

    values: NDArray[np.float64]
    lowest: float
    highest: float
    done: str = ""

    @property
    def shares(self) -> NDArray[np.float64]:
        """Each value's place in the range, from 0 to 1."""
        return np.clip((self.values - self.lowest) / (self.highest - self.lowest), 0, 1)


@dataclass(frozen=True, slots=True)
class Voi:
    """Brightness from 0 to 1, one for each stored value, and how it came about."""

    shares: NDArray[np.float64]
    done: str


def modality_values(values: NDArray[np.float64], dataset: Dataset) -> Modality:
    """Apply the modality LUT sequence, or else the rescale slope and intercept.

    Raises:
        ValueError: If the look-up table is damaged.
    """
    item = first_item(dataset, "ModalityLUTSequence")
    if item is not None:
        looked_up, top = _look_up(values, item, dataset)
        return Modality(looked_up, 0.0, top, "modality LUT sequence applied")
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    done = ""
    if slope != 1 or intercept != 0:
        done = f"rescaled: {slope:g} x value + {intercept:g}"
        values = values * slope + intercept
    return Modality(values, float(values.min()), float(values.max()), done)


def voi(values: NDArray[np.float64], dataset: Dataset, warnings: list[str]) -> Voi | None:
    """Apply the first VOI LUT, or else the first window.

    Args:
        values: After the modality transform.
        dataset: What holds the transform.
        warnings: Receives what was wrong with a window.

    Returns:
        None if there is no VOI that can be applied.

    Raises:
        ValueError: If the look-up table is damaged.
    """
    item = first_item(dataset, "VOILUTSequence")
    if item is not None:
        looked_up, top = _look_up(values, item, dataset)
        return Voi(looked_up / top, "VOI LUT sequence applied")
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if not centers and not widths:
        return None
    function = text(dataset, "VOILUTFunction").upper() or "LINEAR"
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        warnings.append(f"Its VOI LUT function {function} is unknown; LINEAR was used.")
        function = "LINEAR"
    center, width = (next(iter(found), math.nan) for found in (centers, widths))
    window = f"centre {center:g}, width {width:g}"
    smallest = 1.0 if function == "LINEAR" else np.finfo(np.float64).tiny
    if not (math.isfinite(center) and math.isfinite(width) and width >= smallest):
        warnings.append(f"Its window ({window}) makes no sense and was not applied.")
        return None
    shares = window_shares(values, center=center, width=width, function=function)
    return Voi(shares, f"window applied: {window}, {function}")


def window_shares(
    values: NDArray[np.float64], *, center: float, width: float, function: str = "LINEAR"
) -> NDArray[np.float64]:
    """Return brightness from 0 to 1 through a window.

    Args:
        values: After the modality transform.
        center: Window centre.
        width: Window width; at least 1 for LINEAR, above 0 for the others.
        function: LINEAR, LINEAR_EXACT or SIGMOID.

    References:
        DICOM PS3.3, C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2.
    """
    if function == "SIGMOID":
        exponent = np.clip(-4 * ((values - center) / width), -700, 700)
        return np.asarray(1 / (1 + np.exp(exponent)))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:
        return np.where(values <= center, 0.0, 1.0)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _look_up(
    values: NDArray[np.float64], item: Dataset, dataset: Dataset
) -> tuple[NDArray[np.float64], float]:
    """Return the entries of a LUT for each value, and the largest entry its bits allow."""
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or not all(value.is_integer() for value in descriptor):
        raise ValueError(f"expected a LUT descriptor of 3 whole numbers, got {descriptor}")
    entries, first, bits = int(descriptor[0]) or 65536, int(descriptor[1]), int(descriptor[2])
    if values[0] < 0 and first > 32767:
        first -= 65536  # signed, but written under an unsigned VR
    data = _lut_data(item, entries, dataset)
    if not 1 <= bits <= 16 or data.size < entries:
        raise ValueError(
            f"expected a LUT of {entries} entries of 1 to 16 bits, got {data.size} of {bits}"
        )
    data = data[:entries]
    top = max(2**bits - 1, 2 ** int(data.max()).bit_length() - 1)  # some writers announce too few
    index = np.clip(np.rint(values) - first, 0, entries - 1).astype(np.intp)
    return data[index].astype(np.float64), float(top)


def _lut_data(item: Dataset, entries: int, dataset: Dataset) -> NDArray[np.uint16]:
    data: Any = item.LUTData if "LUTData" in item else b""
    if not isinstance(data, bytes):
        values = np.atleast_1d(np.asarray(data, dtype=np.int64))
        return (values & 0xFFFF).astype(np.uint16)
    if entries <= len(data) < 2 * entries:  # 8-bit entries packed two to a word
        return np.frombuffer(data, np.uint8).astype(np.uint16)
    little = dataset.file_meta.TransferSyntaxUID != "1.2.840.10008.1.2.2"
    return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2").astype(np.uint16)
