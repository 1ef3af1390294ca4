"""The headers of a film, tame enough to hang results on.

Results repeat patient and study of their film. What a film says there may be missing, too long or
of the wrong form, and would make the result invalid or impossible; here every value has its form.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from hilum.data.reading.boundary import quiet_decoders
from hilum.data.reading.dicom_values import DICOM_ERRORS, text, whole
from hilum.errors import DataError
from hilum.serve.node.uids import is_valid_uid

__all__ = ["film_headers", "read_film_headers"]

_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_SHORT = {  # keyword: most characters
    "PatientID": 64,
    "IssuerOfPatientID": 64,
    "AccessionNumber": 16,
    "StudyID": 16,
    "StudyDescription": 64,
    "InstitutionName": 64,
}
_NAMES = ("PatientName", "ReferringPhysicianName")
_DATES = ("PatientBirthDate", "StudyDate")
_DATE = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_ORIENTATION = re.compile(r"[LRAPHF]{1,3}\\[LRAPHF]{1,3}")
_OPTIONAL = ("IssuerOfPatientID", "StudyDescription", "InstitutionName")


def read_film_headers(path: Path) -> Dataset:
    """Read the headers of a stored film.

    Raises:
        DataError: If it is no DICOM file, or has no valid UIDs.
    """
    try:
        with quiet_decoders():
            return film_headers(dcmread(path, stop_before_pixels=True, defer_size=2**16))
    except (*DICOM_ERRORS, RecursionError) as error:
        raise DataError(f"{path}: expected a DICOM film, got {error}") from error


def film_headers(film: Dataset) -> Dataset:
    """Return what results need of a film: patient, study, and what the film is.

    Args:
        film: The film's data set; pixels are not needed.

    Raises:
        DataError: If one of its four UIDs is missing or no UID.
    """
    with quiet_decoders():
        kept = Dataset()
        kept.SpecificCharacterSet = "ISO_IR 192"
        for keyword in _UIDS:
            uid = text(film, keyword)
            if not is_valid_uid(uid):
                raise DataError(f"expected a UID as {keyword} of the film, got {uid[:64]!r}")
            setattr(kept, keyword, uid)
        for keyword, most in _SHORT.items():
            value = text(film, keyword).replace("\\", " ")[:most].strip()
            if value or keyword not in _OPTIONAL:
                setattr(kept, keyword, value)
        for keyword in _NAMES:
            setattr(kept, keyword, _name(text(film, keyword)))
        for keyword in _DATES:
            date = text(film, keyword)
            setattr(kept, keyword, date if _DATE.fullmatch(date) else "")
        time = text(film, "StudyTime")
        kept.StudyTime = time if _TIME.fullmatch(time) else ""
        sex = text(film, "PatientSex").upper()
        kept.PatientSex = sex if sex in ("M", "F", "O") else ""
        kept.Modality = text(film, "Modality")[:16]
        kept.Rows, kept.Columns = whole(film, "Rows") or 0, whole(film, "Columns") or 0
        if _ORIENTATION.fullmatch(text(film, "PatientOrientation")):
            kept.PatientOrientation = text(film, "PatientOrientation").split("\\")
        burned = text(film, "BurnedInAnnotation").upper()
        kept.BurnedInAnnotation = burned if burned in ("YES", "NO") else "YES"
        return kept


def _name(value: str) -> PersonName:
    """Return a person's name of at most three groups of five components, 64 characters each."""
    groups = ["^".join(group.split("^")[:5])[:64] for group in value.split("=")[:3]]
    name = "=".join(groups).replace("\\", " ")
    # A single word is read as a family name, which is what the trailing caret says.
    return PersonName(f"{name}^" if name and "^" not in name and "=" not in name else name)
