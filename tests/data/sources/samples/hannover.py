"""Hannover's data.csv."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

HEADER = (
    "patient_id,image_id,sex,age,size,weight,admission_offset,icu_admission_offset,"
    "icu_release_offset,death_offset,modality,projection"
)
ROWS = (
    "0084ebb4,5c3eef50,f,35-40,,,0,,,,X-ray,pa",
    "0084ebb4,0cdd8f2e,f,38,,,2.0,,,,X-ray,ap",
    "02197ac9,3cb0f3ab,,,,,,,,,X-ray,lateral",
    "02197ac9,5c3eef50,m,61,,,,,,,X-ray,ap",
)


def write(folder: Path) -> Request:
    """Write data.csv with a lateral film, an image listed again, and an age in a range."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "data.csv").write_bytes("\n".join((HEADER, *ROWS, "")).encode())
    return Request(root=folder, labels=labels)
