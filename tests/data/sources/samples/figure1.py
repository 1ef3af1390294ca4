"""Figure 1's metadata.csv, in Latin-1 as published."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

HEADER = (
    "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,"
    "artifacts/distortion,notes"
)
ROWS = (
    'COVID-00001,13,M,33,COVID-19,,,58,AP erect,X-ray,,"38°, cough"',
    "COVID-00002a,,F,50+,Pneumonia,,,,,X-ray,,",
    "COVID-00002b,,F,50+,No finding,,,,L,X-ray,,",
    "COVID-00004,,,,,,,,PA,X-ray,,",
    "COVID-00001,13,M,33,COVID-19,,,58,AP erect,X-ray,,",
)


def write(folder: Path) -> Request:
    """Write metadata.csv with a lateral film, a blank finding and an image listed again."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "metadata.csv").write_bytes("\n".join((HEADER, *ROWS, "")).encode("latin-1"))
    return Request(root=folder, labels=labels)
