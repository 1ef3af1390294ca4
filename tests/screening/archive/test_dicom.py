"""DICOM trees: several images a study, and files that are no radiographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

Call = Callable[..., Any]
DX = "1.2.840.10008.5.1.4.1.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


def dicom(path: Path, pixels: Any, study: str, *, kind: str = DX, view: str = "PA") -> str:
    """Write a DICOM file and return its SOPInstanceUID."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = kind
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID = study, generate_uid()
    data.Modality = "DX" if kind == DX else "CT"
    data.PatientID, data.ViewPosition = "never to be kept", view
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PhotometricInterpretation = 7, "MONOCHROME2"
    data.PixelData = pixels.astype(np.uint8).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return str(data.SOPInstanceUID)


@pytest.fixture
def rows(tmp_path: Path, run: Call, table: Call, chest: Call) -> dict[str, dict[str, Any]]:
    """Two studies of two images each, one of them a CT slice, without suffixes."""
    tree = tmp_path / "tree"
    for study in ("1.2.3", "1.2.4"):
        dicom(tree / study / "IM1", chest(), study)
        dicom(tree / study / "IM2", chest(shift=1), study, view="LL")
    dicom(tree / "1.2.4" / "IM3", chest(), "1.2.4", kind=CT)
    (tree / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    run(tree)
    return {row["path"][len(str(tree)) + 1 :]: row for row in table().iter_rows(named=True)}


def test_every_image_of_a_study_is_a_row_with_its_uids(rows: dict[str, dict[str, Any]]) -> None:
    assert sorted(rows) == [f"1.2.{n}/IM{m}" for n, m in [(3, 1), (3, 2), (4, 1), (4, 2), (4, 3)]]
    assert [rows[name]["study_uid"] for name in sorted(rows)] == ["1.2.3"] * 2 + ["1.2.4"] * 3
    assert len({row["sop_uid"] for row in rows.values()}) == 5
    assert all(row["series_uid"] for row in rows.values())
    assert (rows["1.2.3/IM1"]["view"], rows["1.2.3/IM1"]["accepted"]) == ("PA", True)


def test_a_lateral_view_is_refused_and_a_ct_slice_fails_with_its_uids(
    rows: dict[str, dict[str, Any]],
) -> None:
    assert rows["1.2.3/IM2"]["accepted"] is False
    assert rows["1.2.3/IM2"]["view"] == "LATERAL"
    assert "lateral" in rows["1.2.3/IM2"]["reasons"][0]
    slice_ = rows["1.2.4/IM3"]
    assert slice_["accepted"] is None
    assert "CT" in slice_["error"]
    assert slice_["study_uid"] == "1.2.4"
    assert len(slice_["sha256"]) == 64


def test_no_row_names_a_patient(rows: dict[str, dict[str, Any]]) -> None:
    assert "never to be kept" not in str(pl.DataFrame(list(rows.values())).to_dict())
