"""The few facts the node needs of an object that has arrived, read from its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from hilum.data.reading.dicom_values import DICOM_ERRORS, text

__all__ = ["Headers", "read_headers"]

_TAGS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Manufacturer")
_DEFER = 2**16
"""Values longer than this are not loaded; no UID is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """What a data set says it is; "" where it says nothing."""

    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    manufacturer: str


def read_headers(path: Path) -> Headers:
    """Read what a stored object says it is; its pixels are not touched.

    Raises:
        ValueError: If the data set is damaged.
    """
    try:
        found = dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS), defer_size=_DEFER)
        said = [text(found, keyword) for keyword in _TAGS]
    except (*DICOM_ERRORS, RecursionError) as error:
        raise ValueError(f"expected a DICOM data set, got damaged data ({error})") from error
    sop_class, sop_uid, study_uid, series_uid, manufacturer = said
    return Headers(
        sop_class=sop_class,
        sop_uid=sop_uid,
        study_uid=study_uid,
        series_uid=series_uid,
        manufacturer=manufacturer,
    )
