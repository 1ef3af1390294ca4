"""A table of one's own."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

ROWS = (
    "File,Diagnosis,patient,view,age",
    "a/1.png,COVID-19,p1,PA,57",
    "b/1.png,No Finding,p2,AP,6M",
    "b/2.png,No Finding,p2,LATERAL,40",
    "a/1.png,COVID-19,p1,PA,57",
)
OPTIONS = {"path": "File", "label": "Diagnosis", "patient_id": "patient"}


def write(folder: Path) -> Request:
    """Write a table with a lateral film and an image listed again."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "mine.csv").write_bytes("\n".join((*ROWS, "")).encode())
    return Request(root=folder, labels=labels, options=OPTIONS)
