"""RSNA's two lists: a row a box, and a class an image."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

BOXES = (
    "patientId,x,y,width,height,Target",
    "0004cfab-14fd-4e49-80ba-63a80b6bddd6,,,,,0",
    "00436515-870c-4b36-a041-de91049b9ab4,264.0,152.0,213.0,379.0,1",
    "00436515-870c-4b36-a041-de91049b9ab4,562.0,152.0,256.0,453.0,1",
    "00313ee0-9eaa-42f4-b0ab-c148ed3241cd,,,,,0",
)
CLASSES = (
    "patientId,class",
    "0004cfab-14fd-4e49-80ba-63a80b6bddd6,No Lung Opacity / Not Normal",
    "00436515-870c-4b36-a041-de91049b9ab4,Lung Opacity",
    "00436515-870c-4b36-a041-de91049b9ab4,Lung Opacity",
    "00313ee0-9eaa-42f4-b0ab-c148ed3241cd,Normal",
)


def write(folder: Path) -> Request:
    """Write both lists, with an image of two boxes and one of the class that is left out."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    for name, lines in (("train_labels", BOXES), ("detailed_class_info", CLASSES)):
        (labels / f"stage_2_{name}.csv").write_bytes("\n".join((*lines, "")).encode())
    return Request(root=folder, labels=labels, options={"tags": "no"})
