"""NIH ChestX-ray14's Data_Entry_2017_v2020.csv and its official lists."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
ROWS = (
    "00000001_000.png,Cardiomegaly|Emphysema,0,1,57,M,PA,2682,2749,0.143,0.143",
    "00000001_001.png,No Finding,1,1,58,M,AP,2682,2749,0.143,0.143",
    "00000002_000.png,Pneumonia,0,2,414,F,PA,2500,2048,0.171,0.171",
    "00000003_000.png,No Finding,0,3,7,F,LL,2500,2048,0.171,0.171",
    "00000001_000.png,Cardiomegaly|Emphysema,0,1,57,M,PA,2682,2749,0.143,0.143",
)


def write(folder: Path) -> Request:
    """Write the table, with an age of 414 years and an image listed again, and both lists."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "Data_Entry_2017_v2020.csv").write_bytes("\n".join((HEADER, *ROWS, "")).encode())
    (labels / "train_val_list.txt").write_bytes(b"00000001_000.png\n00000001_001.png\n")
    (labels / "test_list.txt").write_bytes(b"00000002_000.png\n00000003_000.png\n")
    return Request(root=folder, labels=labels)
