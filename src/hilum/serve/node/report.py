"""The machine-readable truth about an answer: a TID 1500 report as Comprehensive 3D SR.

References: DICOM PS3.16 TID 1500, 1501 and 4019; IHE AI Results.
"""

from __future__ import annotations

from datetime import datetime

import highdicom as hd
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

import hilum
from hilum.screening.result import Screening
from hilum.serve.node.class_codes import OWN_SCHEME
from hilum.serve.node.own import MANUFACTURER
from hilum.serve.node.report_codes import class_code, own_code, probability_code
from hilum.serve.node.seams import Reading
from hilum.serve.node.uids import derive_uid

__all__ = ["NOTICE", "make_report"]

NOTICE = "RESEARCH USE ONLY"
_SERIES_NUMBER = 9001
_CHEST_XRAY = CodedConcept("399208008", "SCT", "Plain chest X-ray")
_RATIO = CodedConcept("1", "UCUM", "no units")
_COMMENT = CodedConcept("121106", "DCM", "Comment")


def make_report(
    headers: Dataset, reading: Reading, *, variant: str = "", when: datetime
) -> Comprehensive3DSR:
    """Return the report on one film: an answer with probabilities, or a refusal with reasons.

    Args:
        headers: Of the film, as `film_headers` gives them.
        reading: An answer or a refusal.
        variant: What sets this reading apart from others of the same film by the same bundle.
        when: The moment of the reading.
    """
    screening = reading.screening
    source = str(headers.SOPInstanceUID)
    identity = (source, screening.bundle, "sr", variant)
    content = MeasurementReport(
        observation_context=_observer(screening),
        procedure_reported=_CHEST_XRAY,
        imaging_measurements=[_group(headers, reading, identity)],
        title=own_code(f"{NOTICE} - chest radiograph classification"),
        referenced_images=None,
    )
    report = Comprehensive3DSR(
        evidence=[headers],
        content=content[0],
        series_instance_uid=derive_uid(*identity, "series"),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=derive_uid(*identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=f"{NOTICE} - hilum result",
        manufacturer_model_name=screening.bundle_name[:64],
        software_versions=hilum.__version__,
        device_serial_number=screening.bundle[:64],
        content_date=when.date(),
        content_time=when.time(),
        series_date=when.date(),
        series_time=when.time(),
        specific_character_set="ISO_IR 192",
        coding_schemes=[
            CodingSchemeIdentificationItem(
                OWN_SCHEME, name="hilum", responsible_organization="hilum"
            )
        ],
    )
    for keyword in ("IssuerOfPatientID", "StudyDescription"):
        if keyword in headers:
            setattr(report, keyword, headers[keyword].value)
    return report


def _observer(screening: Screening) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=derive_uid("device", screening.bundle),
        name="hilum",
        manufacturer_name=MANUFACTURER,
        model_name=screening.bundle_name,
        serial_number=screening.bundle,
    )
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=codes.DCM.Device, observer_identifying_attributes=device
        )
    )


def _group(
    headers: Dataset, reading: Reading, identity: tuple[str, ...]
) -> MeasurementsAndQualitativeEvaluations:
    screening = reading.screening
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            identifier=f"hilum {screening.bundle[:12]}", uid=derive_uid(*identity, "tracking")
        ),
        finding_type=_finding(screening),
        algorithm_id=_algorithm(reading),
        measurements=_probabilities(screening),
        qualitative_evaluations=_evaluations(screening),
        source_images=[
            SourceImageForMeasurementGroup(str(headers.SOPClassUID), str(headers.SOPInstanceUID))
        ],
    )
    for comment in _comments(screening):
        group[0].ContentSequence.append(
            hd.sr.TextContentItem(
                name=_COMMENT,
                value=comment[:1024],
                relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
            )
        )
    return group


def _finding(screening: Screening) -> CodedConcept:
    kind = "classification" if screening.accepted else "refusal"
    return own_code(f"Chest radiograph {kind}")


def _algorithm(reading: Reading) -> AlgorithmIdentification:
    screening = reading.screening
    calibrated = "calibrated" if screening.calibrated else "not calibrated"
    return AlgorithmIdentification(
        name=f"hilum {screening.bundle_name}"[:64],
        version=hilum.__version__,
        parameters=[
            NOTICE,
            f"bundle sha256 {screening.bundle}",
            f"bundle exported by hilum {reading.bundle_version or 'of unknown version'}",
            f"temperature {reading.temperature:.6g} ({calibrated})",
            f"threshold {screening.threshold_name}: {screening.threshold.describe()}",
        ],
        manufacturer=MANUFACTURER,
    )


def _probabilities(screening: Screening) -> list[Measurement] | None:
    """Return one measurement a class; none for a refusal, whatever was forced."""
    if not screening.accepted:
        return None
    return [
        Measurement(name=probability_code(label), value=round(probability, 6), unit=_RATIO)
        for label, probability in (screening.probabilities or {}).items()
    ]


def _evaluations(screening: Screening) -> list[QualitativeEvaluation]:
    if not screening.accepted:
        return [QualitativeEvaluation(own_code("Input gate"), own_code("Refused, not read"))]
    decision = class_code(screening.decision or "")
    return [
        QualitativeEvaluation(own_code("Input gate"), own_code("Accepted")),
        QualitativeEvaluation(own_code("Decision by threshold, not a diagnosis"), decision),
    ]


def _comments(screening: Screening) -> list[str]:
    refused = [f"Refused: {reason}" for reason in screening.reasons]
    doubts = [f"Warning: {warning}" for warning in screening.warnings]
    notice = f"{NOTICE}. Not a medical device; not for diagnosis, triage or treatment."
    return [notice, *refused, *doubts]
