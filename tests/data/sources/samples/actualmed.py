"""Actualmed's metadata.csv."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

HEADER = (
    "imagename,patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,"
    "modality,artifacts/distortion,notes"
)
ROWS = (
    "CR.1.2.840.1.png,ANON1,,,,COVID-19,,,,PA,CR,,",
    "DX.1.2.840.2.png,ANON1,,,,No finding,,,,AP,DX,,(YYYYMMDD): 20200321",
    "DX.1.2.840.3.png,ANON2,,,,,,,,AP,DX,,Inconclusive",
    "DX.1.2.840.4.png,ANON3,,,,No finding,,,,L,DX,,",
    "CR.1.2.840.1.png,ANON1,,,,COVID-19,,,,PA,CR,,",
)


def write(folder: Path) -> Request:
    """Write metadata.csv with a blank finding, a lateral film and an image listed again."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "metadata.csv").write_bytes("\n".join((HEADER, *ROWS, "")).encode())
    return Request(root=folder, labels=labels)
