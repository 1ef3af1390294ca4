"""Take the patient out of a data set, and write into it what was done.

References: DICOM PS3.15 annex E, "Attribute Confidentiality Profiles"; PS3.16 CID 7050.
"""

from __future__ import annotations

import hmac
import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

import hilum
from hilum.data.reading.dicom_values import text
from hilum.errors import DataError
from hilum.serve.node.deidentify_rules import (
    CHARACTERISTICS,
    IMAGE_CLASSES,
    REPORT_CLASSES,
    Action,
    action_for,
)

__all__ = ["DeidentifyOptions", "deidentify"]

_STANDARD_ROOT = "1.2.840.10008."
_DATE = re.compile(r"\d{8}")
_DUMMY_DATES = {"DA": "19000101", "TM": "000000", "DT": "19000101000000"}
_NEVER_EMPTY = ("ContentDate", "ContentTime", "Date", "Time", "DateTime")
"""Of reports, which must have them."""
_CODES = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
}
_CODE_STRING = re.compile(r"[A-Z0-9 _]{0,16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeidentifyOptions:
    """How to de-identify. Raises ValueError if a value does not make sense.

    Args:
        key: Secret from which UIDs and patient ids are derived: with the same key a patient and a
            study stay together over many runs, without it nobody can find the way back. 16 bytes
            at least; a fresh one by default, so that nothing links two runs.
        dates: "remove", "keep" or "shift" them.
        shift_days: By how many days, for "shift"; times of day are kept.
        characteristics: Keep sex, age, size and weight.
        blank_top: Pixel rows made black at the upper edge, for burned-in names.
        blank_bottom: Those at the lower edge.
    """

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    dates: Literal["remove", "keep", "shift"] = "remove"
    shift_days: int = 0
    characteristics: bool = False
    blank_top: int = 0
    blank_bottom: int = 0

    def __post_init__(self) -> None:
        if len(self.key) < 16:
            raise ValueError(f"key must have at least 16 bytes, got {len(self.key)}")
        if (self.dates == "shift") != (self.shift_days != 0):
            raise ValueError("shift_days must be other than 0 for dates='shift', and only then")
        if self.blank_top < 0 or self.blank_bottom < 0:
            raise ValueError("blank_top and blank_bottom must not be below 0")

    @property
    def blanks(self) -> bool:
        """Whether pixels are blanked."""
        return bool(self.blank_top or self.blank_bottom)


def deidentify(dataset: Dataset, options: DeidentifyOptions) -> Dataset:
    """Return a new data set without what identifies the patient, its pixels blanked if asked.

    Args:
        dataset: A CR, DX or Secondary Capture image or a structured report; not changed.
        options: How.

    Raises:
        DataError: If it is of another class, has burned-in annotations that are not blanked, or
            is to be blanked and cannot be.
    """
    sop_class = text(dataset, "SOPClassUID")
    if sop_class not in IMAGE_CLASSES and sop_class not in REPORT_CLASSES:
        known = ", ".join((*IMAGE_CLASSES.values(), *REPORT_CLASSES.values()))
        raise DataError(f"expected one of {known}; got SOP class {sop_class or 'none'}")
    if sop_class in IMAGE_CLASSES:
        _check_burned_in(dataset, sop_class, options)
    clean = Dataset()
    _copy(dataset, clean, options, _Names(options.key))
    if sop_class in IMAGE_CLASSES and options.blanks:
        from hilum.serve.node.deidentify_pixels import blank_strips

        blank_strips(dataset, clean, top=options.blank_top, bottom=options.blank_bottom)
    if "VerificationFlag" in clean:
        clean.VerificationFlag = "UNVERIFIED"  # who verified it is gone
    _declare(clean, options, image=sop_class in IMAGE_CLASSES)
    return clean


def _check_burned_in(dataset: Dataset, sop_class: str, options: DeidentifyOptions) -> None:
    burned = text(dataset, "BurnedInAnnotation").upper()
    if options.blanks or burned == "NO":
        return
    if burned == "YES":
        raise DataError(
            "its pixels are said to show who the patient is (BurnedInAnnotation YES). Blank the "
            "rows where that stands, with --blank-top or --blank-bottom, and look at the result."
        )
    if IMAGE_CLASSES[sop_class] == "Secondary Capture":
        raise DataError(
            "it is a screen capture that does not say whether its pixels show who the patient is. "
            "Look at it; then blank rows with --blank-top or --blank-bottom."
        )


class _Names:
    """New UIDs and patient ids, the same for the same key and old value.

    Args:
        key: The secret.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def uid(self, old: str) -> str:
        """Return the UID in place of `old`; a UUID of version 4, so that none looks like ours."""
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', old)[:16], version=4).int}"

    def patient(self, old: str) -> str:
        """Return the patient id in place of `old`."""
        return f"H{self._digest('patient', old).hex()[:15].upper()}"

    def _digest(self, kind: str, old: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\0{old}".encode(), "sha256")


def _copy(source: Dataset, target: Dataset, options: DeidentifyOptions, names: _Names) -> None:
    """Copy what may be kept."""
    patient = names.patient(f"{text(source, 'IssuerOfPatientID')}\0{text(source, 'PatientID')}")
    for element in source:
        kept = _treated(element, options, names, patient)
        if kept is not None:
            target.add(kept)


def _treated(
    element: DataElement, options: DeidentifyOptions, names: _Names, patient: str
) -> DataElement | None:
    action = action_for(element)
    if options.characteristics and element.keyword in CHARACTERISTICS:
        action = Action.KEEP
    if action is Action.REMOVE:
        return None
    if action is Action.KEEP:
        return _kept(element)
    if action is Action.ENTER:
        return _entered(element, options, names)
    if action is Action.DATE:
        return _dated(element, options)
    return DataElement(element.tag, element.VR, _replacement(element, action, names, patient))


def _replacement(
    element: DataElement, action: Action, names: _Names, patient: str
) -> str | list[str]:
    if action is Action.EMPTY:
        return ""
    if action is Action.UID:
        return _new_uids(element, names)
    return {"PatientID": patient, "PatientName": f"{patient}^"}.get(element.keyword, "REMOVED")


def _kept(element: DataElement) -> DataElement | None:
    """Return an element as it is; codes that are none are text, and go."""
    value = element.value
    if element.VR == "CS" and value:
        several = [value] if isinstance(value, str) else value
        if not all(_CODE_STRING.fullmatch(str(one)) for one in several):
            return None
    kept = DataElement(element.tag, element.VR, value)
    kept.is_undefined_length = element.is_undefined_length  # of compressed pixels
    return kept


def _entered(element: DataElement, options: DeidentifyOptions, names: _Names) -> DataElement:
    items = []
    for item in element.value:
        clean = Dataset()
        _copy(item, clean, options, names)
        items.append(clean)
    return DataElement(element.tag, "SQ", items)


def _new_uids(element: DataElement, names: _Names) -> str | list[str]:
    if not element.value:
        return ""
    several = [element.value] if isinstance(element.value, str) else list(element.value)
    new = [old if str(old).startswith(_STANDARD_ROOT) else names.uid(str(old)) for old in several]
    return new[0] if len(new) == 1 else new


def _dated(element: DataElement, options: DeidentifyOptions) -> DataElement:
    """Return a date or time as the options ask; what cannot be shifted is taken away."""
    value = "" if element.value is None else str(element.value)
    if options.dates == "remove" or element.VM > 1:
        value = ""
    elif options.dates == "shift" and element.VR in ("DA", "DT"):
        value = _shifted(value, options.shift_days)
    if not value and element.keyword in _NEVER_EMPTY:
        value = _DUMMY_DATES[element.VR]
    return DataElement(element.tag, element.VR, value)


def _shifted(value: str, days: int) -> str:
    if not _DATE.match(value):
        return ""
    try:
        moved = date(int(value[:4]), int(value[4:6]), int(value[6:8])) + timedelta(days)
    except (ValueError, OverflowError):
        return ""
    return f"{moved:%Y%m%d}".zfill(8) + value[8:]


def _declare(clean: Dataset, options: DeidentifyOptions, *, image: bool) -> None:
    """Write down what was done."""
    codes = ["113100"]
    if image and options.blanks:
        codes.append("113101")
        clean.BurnedInAnnotation = "NO"
    codes += {"keep": ["113106"], "shift": ["113107"], "remove": []}[options.dates]
    if options.characteristics:
        codes.append("113108")
    clean.PatientIdentityRemoved = "YES"
    clean.DeidentificationMethod = f"hilum {hilum.__version__}: PS3.15 basic profile, tightened"
    clean.DeidentificationMethodCodeSequence = [_code(value) for value in codes]
    states = {"keep": "UNMODIFIED", "shift": "MODIFIED", "remove": "REMOVED"}
    clean.LongitudinalTemporalInformationModified = states[options.dates]


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = _CODES[value]
    return item
