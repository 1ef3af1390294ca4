"""A phantom as a DICOM file, to send to a PACS, or through a reader, without anyone's data in it.

Separate because pydicom is imported here, and only where a cohort is asked for as DICOM. Some
hospitals store their films as MONOCHROME1, as real ones do: read rightly, both kinds look alike.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from hilum.data.phantom.drawing import Phantom
from hilum.data.phantom.hospital import find_hospital
from hilum.data.phantom.plan import Film

__all__ = ["write_dicom"]

_WHITE = 4095
_DATE = "20200101"


def write_dicom(path: Path, film: Film, phantom: Phantom) -> None:
    """Write a phantom as a DX image of 12 bits.

    The identifiers hang on the film alone, so that the same cohort has the same ones again.

    Args:
        path: File to write.
        film: Whose it is said to be.
        phantom: What was drawn.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = _uid(film, "instance")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    _identify(dataset, film, phantom)
    _describe(dataset, film, phantom)
    dataset.save_as(path, enforce_file_format=True)


def _uid(film: Film, kind: str) -> UID:
    return generate_uid(entropy_srcs=[repr(film), kind])


def _identify(dataset: Dataset, film: Film, phantom: Phantom) -> None:
    """Say who is on the film, and that nobody is."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = _uid(film, "instance")
    dataset.StudyInstanceUID = _uid(film, "study")
    dataset.SeriesInstanceUID = _uid(film, "series")
    dataset.PatientName = f"PHANTOM^{film.patient_id.rsplit('-', 1)[-1]}"
    dataset.PatientID = film.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = phantom.sex
    dataset.PatientAge = f"{phantom.age:03d}Y"
    dataset.StudyDate = dataset.ContentDate = _DATE
    dataset.StudyTime = dataset.ContentTime = "120000"
    dataset.StudyID = str(film.number)
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.InstitutionName = film.hospital
    dataset.Manufacturer = "hilum"
    dataset.Modality = "DX"
    dataset.StudyDescription = "DRAWN PHANTOM"
    dataset.SeriesDescription = "DRAWN PHANTOM, RESEARCH USE ONLY"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.Laterality = ""


def _describe(dataset: Dataset, film: Film, phantom: Phantom) -> None:
    """Store the pixels and how they are to be shown."""
    hospital = find_hospital(film.hospital)
    stored = np.rint(phantom.pixels.astype(np.float64) * (_WHITE / 255)).astype("<u2")
    if hospital.inverted:
        stored = (_WHITE - stored).astype("<u2")
    height, width = stored.shape
    spacing = f"{hospital.field_mm / min(height, width):.6f}"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = phantom.view
    dataset.PatientOrientation = ["L", "F"]
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.BurnedInAnnotation = "YES"
    dataset.ImagerPixelSpacing = [spacing, spacing]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if hospital.inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if hospital.inverted else "IDENTITY"
    dataset.Rows, dataset.Columns = height, width
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.WindowCenter, dataset.WindowWidth = "2048", "4096"
    dataset.LossyImageCompression = "00"
    dataset.PixelData = stored.tobytes()
