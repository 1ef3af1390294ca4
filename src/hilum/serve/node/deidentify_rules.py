"""What becomes of each attribute: the Basic Application Level Confidentiality Profile, tightened.

The profile lists what to remove and lets the rest pass. Here text passes only if it is listed as
harmless, so that an attribute nobody thought of cannot carry a name; the rest is decided by the
value representation. Scope: CR, DX, Secondary Capture and structured reports. References: DICOM
PS3.15 annex E, table E.1-1 and E.3.
"""

from __future__ import annotations

from enum import Enum

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

__all__ = ["ACTIONS", "IMAGE_CLASSES", "REPORT_CLASSES", "Action", "action_for"]

IMAGE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray, for presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray, for processing",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture",
}
REPORT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.88.11": "Basic Text SR",
    "1.2.840.10008.5.1.4.1.1.88.22": "Enhanced SR",
    "1.2.840.10008.5.1.4.1.1.88.33": "Comprehensive SR",
    "1.2.840.10008.5.1.4.1.1.88.34": "Comprehensive 3D SR",
}


class Action(Enum):
    """What is done to an attribute; the profile's letter in brackets."""

    KEEP = "keep (K)"
    REMOVE = "remove (X)"
    EMPTY = "leave without a value (Z)"
    DUMMY = "replace by a harmless value (D)"
    UID = "replace by a UID derived with a key (U)"
    DATE = "shift, keep or take away, as asked"
    ENTER = "apply the rules to every item"


_EMPTY = (
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "ConsultingPhysicianName",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
)
_DUMMY = ("PatientID", "PatientName", "TextValue", "PersonName")
_REMOVE_SEQUENCES = (
    "AdmittingDiagnosesCodeSequence",
    "AuthorObserverSequence",
    "CustodialOrganizationSequence",
    "DigitalSignaturesSequence",
    "EncryptedAttributesSequence",
    "HL7StructuredDocumentReferenceSequence",
    "IconImageSequence",
    "InstitutionCodeSequence",
    "InstitutionalDepartmentTypeCodeSequence",
    "IssuerOfAccessionNumberSequence",
    "IssuerOfAdmissionIDSequence",
    "IssuerOfPatientIDQualifiersSequence",
    "IssuerOfServiceEpisodeIDSequence",
    "MACParametersSequence",
    "ModifiedAttributesSequence",
    "OperatorIdentificationSequence",
    "OriginalAttributesSequence",
    "OtherPatientIDsSequence",
    "ParticipantSequence",
    "PatientInsurancePlanCodeSequence",
    "PatientPrimaryLanguageCodeSequence",
    "PerformingPhysicianIdentificationSequence",
    "PersonIdentificationCodeSequence",
    "PhysiciansOfRecordIdentificationSequence",
    "PhysiciansReadingStudyIdentificationSequence",
    "ReasonForRequestedProcedureCodeSequence",
    "ReferencedPatientAliasSequence",
    "ReferencedPatientSequence",
    "ReferringPhysicianIdentificationSequence",
    "RequestAttributesSequence",
    "RequestingServiceCodeSequence",
    "ResponsibleGroupCodeSequence",
    "UDISequence",
    "VerifyingObserverSequence",
)
_KEEP_TEXT = (  # attributes whose text describes the machine, the pixels or a code
    "AlgorithmName",
    "AlgorithmVersion",
    "CodeMeaning",
    "CodeValue",
    "CodingSchemeDesignator",
    "CodingSchemeName",
    "CodingSchemeVersion",
    "LUTExplanation",
    "LongCodeValue",
    "LossyImageCompressionMethod",
    "Manufacturer",
    "ManufacturerModelName",
    "PixelAspectRatio",
    "PixelIntensityRelationship",
    "RescaleType",
    "SoftwareVersions",
    "SpecificCharacterSet",
    "WindowCenterWidthExplanation",
)
_REMOVE = (  # harmless representations that nevertheless describe a person, or hide more
    "DeviceSerialNumber",
    "LongitudinalTemporalInformationModified",
    "PatientAge",
    "PatientSexNeutered",
    "PatientSize",
    "PatientWeight",
    "PregnancyStatus",
    "SmokingStatus",
)
CHARACTERISTICS = ("PatientSex", "PatientAge", "PatientSize", "PatientWeight")
"""Kept by the option to retain patient characteristics."""

_KEEP_BULK = ("PixelData", "LUTData", "RedPaletteColorLookupTableData",
              "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData")  # fmt: skip
_STANDARD_UIDS = ("SOPClassUID", "ReferencedSOPClassUID", "TransferSyntaxUID", "CodingSchemeUID")

ACTIONS: dict[str, Action] = {
    **dict.fromkeys(_EMPTY, Action.EMPTY),
    **dict.fromkeys(_DUMMY, Action.DUMMY),
    **dict.fromkeys((*_REMOVE_SEQUENCES, *_REMOVE), Action.REMOVE),
    **dict.fromkeys((*_KEEP_TEXT, *_KEEP_BULK, *_STANDARD_UIDS), Action.KEEP),
}
"""Attributes by keyword; all others go by their value representation."""

_BY_VR = {
    **dict.fromkeys(("SH", "LO", "ST", "LT", "UT", "UC", "UR", "PN", "AE"), Action.REMOVE),
    **dict.fromkeys(("OB", "OW", "OD", "OF", "OL", "OV", "UN", "AS"), Action.REMOVE),
    **dict.fromkeys(("DA", "TM", "DT"), Action.DATE),
    **dict.fromkeys(("CS", "DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "AT"), Action.KEEP),
    **dict.fromkeys(("SV", "UV"), Action.KEEP),
    "UI": Action.UID,
    "SQ": Action.ENTER,
}


def action_for(element: DataElement) -> Action:
    """Return what becomes of an element."""
    tag = BaseTag(element.tag)
    keyword = keyword_for_tag(tag)
    if tag.is_private or not keyword or _is_plane(tag):
        return Action.REMOVE
    if keyword in ACTIONS:
        return ACTIONS[keyword]
    return _BY_VR.get(element.VR, Action.REMOVE)


def _is_plane(tag: BaseTag) -> bool:
    """Return whether it belongs to a curve or an overlay, whose pixels may spell a name."""
    return tag.group & 0xFF00 in (0x5000, 0x6000) or tag.group == 0xFFFA


def _check() -> None:
    """Find misspelt keywords at import, not in a hospital."""
    unknown = [keyword for keyword in ACTIONS if tag_for_keyword(keyword) is None]
    if unknown:
        raise ValueError(f"no such DICOM keywords: {unknown}")


_check()
