"""metadata.csv of the COVID-19 image data collection, in its last schema."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

HEADER = (
    "patientid,offset,sex,age,finding,RT_PCR_positive,survival,intubated,intubation_present,"
    "went_icu,in_icu,needed_supplemental_O2,extubated,temperature,pO2_saturation,leukocyte_count,"
    "neutrophil_count,lymphocyte_count,view,modality,date,location,folder,filename,doi,url,license,"
    "clinical_notes,other_notes,"
)


def row(patient: str, finding: str, view: str, name: str, *, modality: str = "X-ray") -> str:
    """One row of 30 fields, the last one empty."""
    place = f'{view},{modality},"January 22, 2020",Rome,images,{name},10.1/x,https://a.b,CC BY'
    return f'{patient},0,M,65,{finding},Y{"," * 13}{place},"a ""b"", c",,'


def write(folder: Path) -> Request:
    """Write metadata.csv with a lateral film, a CT slice and an image listed again."""
    rows = (
        row("2", "Pneumonia/Viral/COVID-19", "PA", "a.jpeg"),
        row("3", "Pneumonia/Viral/SARS", "AP Supine", "b.jpeg"),
        row("4", "No Finding", "L", "c.png"),
        row("5", "Pneumonia/Viral/COVID-19", "Axial", "d.png", modality="CT"),
        row("2", "Pneumonia/Viral/COVID-19", "PA", "a.jpeg"),
    )
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "metadata.csv").write_bytes("\n".join((HEADER, *rows, "")).encode())
    return Request(root=folder, labels=labels)
