"""A small archive of DICOM files, a folder a class."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from hilum.data.sources import Request

WITHOUT_LISTS = True


def film(path: Path, number: int, **tags: str) -> None:
    """Write a film's tags, without pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PresentationIntentType = "FOR PRESENTATION"
    known = {"PatientID": f"p{number}", "Modality": "DX", "BodyPartExamined": "CHEST"}
    for name, value in (known | tags).items():
        setattr(dataset, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def write(folder: Path) -> Request:
    """Write two frontal films, one of them without an ending, and a lateral one."""
    film(folder / "normal" / "1.dcm", 1, ViewPosition="PA", PatientSex="F", PatientAge="058Y")
    film(folder / "covid" / "IM0002", 2, ViewPosition="AP")
    film(folder / "covid" / "3.dcm", 3, ViewPosition="LL")
    return Request(root=folder, options={"folder": "1"})
