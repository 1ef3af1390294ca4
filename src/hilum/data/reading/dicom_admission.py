"""Is this DICOM object one plain projection radiograph made for people to look at?

pydicom accepts CT slices, several frames, data sets without pixels and images meant for further
processing alike. Each check here returns the reason to refuse, or None.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pydicom.dataset import Dataset

from hilum.data.reading.dicom_values import first_item, number, text, whole
from hilum.data.reading.document import Document

__all__ = ["admit", "not_a_film"]

_RADIOGRAPHY = ("CR", "DX", "RG")
_RADIOGRAPHY_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.1",  # computed radiography
    "1.2.840.10008.5.1.4.1.1.1.1",  # digital X-ray for presentation
)
_FOR_PROCESSING_CLASS = "1.2.840.10008.5.1.4.1.1.1.1.1"
_MODALITIES = {
    "CT": "computed tomography",
    "DOC": "a document",
    "ES": "endoscopy",
    "IO": "intra-oral radiography",
    "MG": "mammography",
    "MR": "magnetic resonance",
    "NM": "nuclear medicine",
    "OT": "other",
    "PT": "positron emission tomography",
    "PX": "panoramic radiography of the jaw",
    "RF": "fluoroscopy",
    "SEG": "a segmentation",
    "SM": "microscopy",
    "SR": "a structured report",
    "US": "ultrasound",
    "XA": "angiography",
}
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_LARGEST_SLOPE = 1e6


def admit(dataset: Dataset, document: Document) -> None:
    """Refuse whatever is not one plain radiograph.

    Raises:
        ImageReadError: With the first reason found.
    """
    for check in _CHECKS:
        reason = check(dataset)
        if reason:
            raise document.refusal(reason)
    document.check_size(whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0)


def not_a_film(dataset: Dataset) -> str | None:
    """Return why the tags say that this is no radiograph to look at; None if they do not.

    Unlike `admit` it needs no pixels, so that a tree of files can be told apart by its headers.
    """
    return _modality(dataset) or _presentation(dataset)


def _modality(dataset: Dataset) -> str | None:
    modality = text(dataset, "Modality").upper()
    if modality in _RADIOGRAPHY:
        return None
    if not modality and text(dataset, "SOPClassUID") in _RADIOGRAPHY_CLASSES:
        return None
    meaning = _MODALITIES.get(modality)
    got = f"{modality} ({meaning})" if meaning else modality or "none"
    return f"expected a radiograph, Modality CR, DX or RG, got {got}."


def _presentation(dataset: Dataset) -> str | None:
    intent = text(dataset, "PresentationIntentType").upper()
    if intent == "FOR PROCESSING" or text(dataset, "SOPClassUID") == _FOR_PROCESSING_CLASS:
        return (
            "expected an image FOR PRESENTATION, got one FOR PROCESSING: the detector's raw "
            "values. Ask the modality or archive for the processed image of this study."
        )
    return None


def _pixels_present(dataset: Dataset) -> str | None:
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        return "expected whole-number pixel data, got floating point, which no radiograph has."
    if "PixelData" not in dataset:
        return "expected pixel data, got none. The file holds no image, or it was cut short."
    return None


def _frames(dataset: Dataset) -> str | None:
    frames = number(dataset, "NumberOfFrames")
    if frames is not None and frames != 1:
        return f"expected one frame, got {frames:g}. Export the radiograph on its own."
    return None


def _samples(dataset: Dataset) -> str | None:
    samples = whole(dataset, "SamplesPerPixel")
    meaning = text(dataset, "PhotometricInterpretation").upper()
    if (samples == 1 and meaning in _GREY) or (samples == 3 and meaning in _COLOUR):
        return None
    return (
        "expected MONOCHROME1 or MONOCHROME2 with 1 sample a pixel, or RGB with 3, "
        f"got {meaning or 'no photometric interpretation'} with {samples}."
    )


def _depth(dataset: Dataset) -> str | None:
    allocated, stored, high, signed = (
        whole(dataset, name)
        for name in ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
    )
    grey = whole(dataset, "SamplesPerPixel") == 1
    if allocated is None or allocated not in ((8, 16) if grey else (8,)):
        return f"expected 8 or 16 bits allocated (8 for colour), got {allocated}."
    if stored is None or not 1 <= stored <= allocated:
        return f"expected 1 to {allocated} bits stored, got {stored}."
    if high is not None and high != stored - 1:
        return f"expected the high bit to be {stored - 1} with {stored} bits stored, got {high}."
    if signed not in (0, 1):
        return f"expected a pixel representation of 0 or 1, got {signed}."
    return None


def _rescale(dataset: Dataset) -> str | None:
    if first_item(dataset, "ModalityLUTSequence") is not None:
        return None
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    if slope is not None and not 1 / _LARGEST_SLOPE <= abs(slope) <= _LARGEST_SLOPE:
        return (
            f"expected a rescale slope between {1 / _LARGEST_SLOPE:g} and {_LARGEST_SLOPE:g}, "
            f"got {slope:g}: the grey levels cannot be recovered."
        )
    if intercept is not None and not (math.isfinite(intercept) and abs(intercept) <= 1e9):
        return f"expected a rescale intercept of at most 1e9, got {intercept:g}."
    return None


_CHECKS: tuple[Callable[[Dataset], str | None], ...] = (
    _modality,
    _presentation,
    _pixels_present,
    _frames,
    _samples,
    _depth,
    _rescale,
)
