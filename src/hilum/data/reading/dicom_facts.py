"""What a DICOM file says of itself besides its pixels: facts for reports, spacing and view.

Body part and view are often wrong in practice. They are passed on and warned about; what the
picture shows is for the screening gate to decide.
"""

from __future__ import annotations

import math
from typing import Literal

from pydicom.dataset import Dataset

from hilum.data.reading.dicom_values import first_item, numbers, text

__all__ = ["doubts", "facts", "spacing", "view"]

_KEYWORDS = (
    "Modality",
    "BodyPartExamined",
    "ViewPosition",
    "Laterality",
    "ImageLaterality",
    "PatientOrientation",
    "PatientID",
    "PatientName",
    "PatientSex",
    "PatientAge",
    "StudyDate",
    "AccessionNumber",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "Manufacturer",
    "ManufacturerModelName",
    "PresentationIntentType",
    "PhotometricInterpretation",
    "BurnedInAnnotation",
    "PixelSpacingCalibrationType",
)
_CHESTS = ("CHEST", "THORAX", "LUNG")
_SIDE_VIEWS = ("LATERAL", "LAT", "LL", "RL", "LLAT", "RLAT")

SpacingKind = Literal["calibrated", "detector"]


def facts(dataset: Dataset, transfer_syntax: str) -> dict[str, str]:
    """Return DICOM keywords and their values as single lines of text, those that have one."""
    found = {keyword: text(dataset, keyword) for keyword in _KEYWORDS}
    found["TransferSyntaxUID"] = transfer_syntax
    return {keyword: value for keyword, value in found.items() if value}


def view(dataset: Dataset) -> str | None:
    """Return "PA", "AP", "LATERAL" or another view code as recorded; None if there is none."""
    code = text(dataset, "ViewPosition").upper()
    if code:
        return "LATERAL" if code in _SIDE_VIEWS else code
    item = first_item(dataset, "ViewCodeSequence")
    meaning = text(item, "CodeMeaning").lower() if item is not None else ""
    words = {"postero-anterior": "PA", "antero-posterior": "AP", "lateral": "LATERAL"}
    return next((short for word, short in words.items() if word in meaning), None)


def spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, SpacingKind | None]:
    """Return (rows, columns) spacing in mm and which of the two tags it comes from."""
    kinds: tuple[tuple[str, SpacingKind], ...] = (
        ("PixelSpacing", "calibrated"),
        ("ImagerPixelSpacing", "detector"),
    )
    for keyword, kind in kinds:
        values = numbers(dataset, keyword)
        if len(values) == 2 and all(math.isfinite(mm) and mm > 0 for mm in values):
            return (values[0], values[1]), kind
    return None, None


def doubts(dataset: Dataset) -> list[str]:
    """Return a warning for each tag that speaks against a plain frontal chest radiograph."""
    found = []
    part = text(dataset, "BodyPartExamined").upper()
    if part and not any(word in part for word in _CHESTS):
        found.append(f"Its body part is recorded as {part}, not CHEST; such tags are often wrong.")
    if view(dataset) == "LATERAL":
        found.append("Its view is recorded as lateral, not frontal; such tags are often wrong.")
    if text(dataset, "BurnedInAnnotation").upper() == "YES":
        found.append("Its pixels are recorded as having text burned in, perhaps a patient's name.")
    mm = spacing(dataset)[0]
    recorded = [name for name in ("PixelSpacing", "ImagerPixelSpacing") if numbers(dataset, name)]
    if recorded and mm is None:
        found.append(f"Its {recorded[0]} is no pair of positive lengths and was not used.")
    if mm is not None and abs(mm[0] / mm[1] - 1) > 0.01:
        found.append(
            f"Its pixels are not square ({mm[0]:g} x {mm[1]:g} mm) and were not stretched."
        )
    return found
