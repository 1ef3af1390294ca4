"""What Data-A is drawn from: NIH's table."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)


def table() -> str:
    """Forty films of as many patients: normal, hernia, pneumonia in turn."""
    words = ("No Finding", "Hernia", "Pneumonia", "Hernia|Mass")
    rows = (
        f"{number:08}_000.png,{words[number % 4]},0,{number},57,M,PA,2682,2749,0.143,0.143"
        for number in range(1, 41)
    )
    return "\n".join((HEADER, *rows, ""))


def write(folder: Path) -> Request:
    """Write the table; Data-B is too small a part to be left out of so few films."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "Data_Entry_2017_v2020.csv").write_bytes(table().encode())
    return Request(root=folder, labels=labels, options={"data-b": "in", "val": "4"})
