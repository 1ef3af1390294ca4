"""What Data-B is drawn from: NIH's table and the collection's metadata."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

NIH = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position",
    "00000001_000.png,No Finding,0,1,57,M,PA",
    "00000002_000.png,Pneumonia,0,2,57,M,PA",
    "00000003_000.png,Mass,0,3,57,F,AP",
    "00000004_000.png,Hernia,0,4,57,F,AP",
)
COHEN = (
    "patientid,sex,age,finding,view,modality,folder,filename,url",
    "2,M,65,Pneumonia/Viral/COVID-19,PA,X-ray,images,a.jpeg,https://www.sirm.org/1",
    "3,F,40,Pneumonia/Viral/COVID-19,AP,X-ray,images,b.jpeg,https://radiopaedia.org/2",
    "4,F,40,Pneumonia/Viral/SARS,AP,X-ray,images,c.jpeg,https://radiopaedia.org/3",
)


def write(folder: Path) -> Request:
    """Write both tables."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "Data_Entry_2017_v2020.csv").write_bytes("\n".join((*NIH, "")).encode())
    (labels / "metadata.csv").write_bytes("\n".join((*COHEN, "")).encode())
    return Request(root=folder, labels=labels)
