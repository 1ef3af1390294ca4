"""An answer as FHIR R4: a DiagnosticReport that contains its device and one Observation a class.

Plain dictionaries, ready for `json.dumps`. The patient is named by identifier only. References:
https://hl7.org/fhir/R4/diagnosticreport.html and observation.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset

import hilum
from hilum.screening.result import Screening
from hilum.serve.node.class_codes import own_value, snomed_of
from hilum.serve.node.reportable import refusal_to_report
from hilum.serve.node.uids import derive_uid

__all__ = ["diagnostic_report"]

_NOTICE = "Research use only. Not a medical device; not for diagnosis, triage or treatment."
_OWN_SYSTEM = "urn:hilum:code"
_UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_DICOM_UID = "urn:dicom:uid"


def diagnostic_report(
    headers: Dataset,
    screening: Screening,
    *,
    when: datetime,
    intervals: Mapping[str, tuple[float, float]] | None = None,
    variant: str = "",
) -> dict[str, Any]:
    """Return a preliminary DiagnosticReport of one film.

    Args:
        headers: Of the film, as `film_headers` gives them.
        screening: An answer or a refusal.
        when: The moment of the reading, with time zone.
        intervals: Class to (low, high) of its probability, each in [0, 1], where the bundle
            states one.
        variant: What sets this reading apart from others of the same film by the same bundle.

    Raises:
        ValueError: If there is nothing to report, or `when` has no time zone.
    """
    nothing = refusal_to_report(screening)
    if nothing is not None:
        raise ValueError(f"there is nothing to report of this film: {nothing}")
    if when.tzinfo is None:
        raise ValueError("when must have a time zone, got none")
    subject = {"identifier": {"value": str(headers.PatientID) or "unknown"}}
    shared = {"status": "preliminary", "subject": subject, "effectiveDateTime": when.isoformat()}
    observations = _observations(screening, intervals or {}, shared)
    uid = derive_uid(str(headers.SOPInstanceUID), screening.bundle, "fhir", variant)
    return {
        "resourceType": "DiagnosticReport",
        "identifier": [{"system": _DICOM_UID, "value": f"urn:oid:{uid}"}],
        **shared,
        "issued": when.isoformat(timespec="seconds"),
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/v2-0074", "code": "RAD"}]}],
        "code": _concept("Chest radiograph classification (research use only)"),
        "imagingStudy": [_study(headers)],
        "result": [{"reference": f"#{one['id']}"} for one in observations],
        "conclusion": _conclusion(screening),
        "contained": [_device(screening), *observations],
    }


def _study(headers: Dataset) -> dict[str, Any]:
    uid = f"urn:oid:{headers.StudyInstanceUID}"
    return {"type": "ImagingStudy", "identifier": {"system": _DICOM_UID, "value": uid}}


def _device(screening: Screening) -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "id": "device",
        "identifier": [{"system": "urn:hilum:bundle", "value": screening.bundle}],
        "manufacturer": "hilum",
        "serialNumber": screening.bundle,
        "deviceName": [{"name": f"hilum {screening.bundle_name}", "type": "model-name"}],
        "version": [{"value": hilum.__version__}],
        "note": [{"text": _NOTICE}],
    }


def _observations(
    screening: Screening,
    intervals: Mapping[str, tuple[float, float]],
    shared: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return one observation a class; for a refusal one that says why there is no value."""
    common = {
        "resourceType": "Observation",
        **shared,
        "category": [
            {"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": "imaging"}]}
        ],
        "device": {"reference": "#device"},
    }
    if not screening.accepted:
        absent = {"system": f"{_TERMINOLOGY}/data-absent-reason", "code": "not-performed"}
        refused = [{"text": _NOTICE}, *({"text": f"Refused: {r}"} for r in screening.reasons)]
        code = _concept("Chest radiograph classification")
        return [
            {**common, "id": "refusal", "code": code, "dataAbsentReason": {"coding": [absent]},
             "note": refused}
        ]  # fmt: skip
    return [
        {**common, "id": f"class-{index}", **_probability(screening, label, value, intervals)}
        for index, (label, value) in enumerate((screening.probabilities or {}).items(), start=1)
    ]


def _probability(
    screening: Screening, label: str, value: float, intervals: Mapping[str, tuple[float, float]]
) -> dict[str, Any]:
    calibrated = "calibrated" if screening.calibrated else "not calibrated"
    components = [{"code": _concept("Class"), "valueCodeableConcept": _class_concept(label)}]
    if label in intervals:
        low, high = intervals[label]
        if not 0 <= low <= value <= high <= 1:
            raise ValueError(
                f"the interval of {label} must be within [0, 1] and hold {value:.4g}, "
                f"got {low:.4g} to {high:.4g}"
            )
        limits = {"low": _quantity(low), "high": _quantity(high)}
        components.append({"code": _concept("Interval of the probability"), "valueRange": limits})
    return {
        "code": _concept(f"Probability of {label}"),
        "valueQuantity": _quantity(value),
        "component": components,
        "note": [{"text": _NOTICE}, {"text": f"The probability is {calibrated}."}],
    }


def _quantity(value: float) -> dict[str, Any]:
    return {"value": round(value, 6), "unit": "1", "system": _UCUM, "code": "1"}


def _concept(meaning: str) -> dict[str, Any]:
    return {"coding": [{"system": _OWN_SYSTEM, "code": own_value(meaning)}], "text": meaning}


def _class_concept(label: str) -> dict[str, Any]:
    known = snomed_of(label)
    if known is None:
        return _concept(label)
    coding = {"system": "http://snomed.info/sct", "code": known[0], "display": known[1]}
    return {"coding": [coding], "text": label}


def _conclusion(screening: Screening) -> str:
    if not screening.accepted:
        return f"RESEARCH USE ONLY. Not read: {' '.join(screening.reasons)}"
    rule = f"{screening.threshold_name}: {screening.threshold.describe()}"
    return f"RESEARCH USE ONLY. Decision by threshold: {screening.decision} ({rule})."
