"""RICORD release 1c (MIDRC-RICORD-1C), as DICOM files or as PNG files made from them.

There is no list to start from: the images below a folder are the list. Who is on them stands in
the tags of a DICOM file, and in the names of files and folders, which follow one pattern in the
archive's own tree, in the NBIA Data Retriever's, and in COVID-Net's PNG files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from hilum.data.sources.files import Files
from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.rows import FRONTAL_VIEWS, known, left_out, sex, years
from hilum.data.sources.source import Card, Listing, Request, sources
from hilum.errors import DataError

__all__ = ["Ricord"]

_PATIENT = re.compile(r"MIDRC-RICORD-1C-([A-Za-z0-9]+-\d+)(?:-(\d{5})-\d+)?", re.IGNORECASE)
_TAGS = ("PatientID", "PatientSex", "PatientAge", "StudyInstanceUID", "ViewPosition")
_DICOM = frozenset({".dcm", ".dicom"})
_TABLE = re.compile(r"ricord.*clinical.*\.(csv|xlsx)$", re.IGNORECASE)
_COLUMNS = dict.fromkeys(
    ("file", "patient_id", "study_id", "view", "sex", "age", "fault", "said"), pl.String
)


class Ricord:
    """Films of COVID-19 from four sites, published by the RSNA."""

    card = Card(
        name="ricord",
        title="RSNA International COVID-19 Open Radiology Database, release 1c (MIDRC-RICORD-1C)",
        about="Films of adults with COVID-19 from four sites in several countries, 998 "
        "examinations, each graded by radiologists. Every patient is positive.",
        licence="CC BY-NC 4.0",
        citation="Tsai et al., The RSNA International COVID-19 Open Radiology Database (RICORD), "
        "Radiology 2021, doi:10.1148/radiol.2021203957; data doi:10.7937/91ah-v663",
        home="https://wiki.cancerimagingarchive.net/pages/viewpage.action?pageId=70230281",
        access="open",
        steps=(
            "Install the NBIA Data Retriever from The Cancer Imaging Archive.",
            (
                "From https://wiki.cancerimagingarchive.net/pages/viewpage.action?pageId=70230281 "
                "fetch the manifest MIDRC-RICORD-1c-manifest-Jan-2021.tcia and the clinical data."
            ),
            "Open the .tcia file in the NBIA Data Retriever and let it write to DIR.",
            "Save the clinical data's .xlsx as CSV into DIR/labels (optional: sex and age).",
            "hilum data build ricord --root DIR --out DIR/manifest.csv",
        ),
        images=1257,
        labels=("*RICORD*Clinical*.csv",),
        flaws=(
            (
                "One label only: beside any other source, the hospital answers for the disease. "
                "Every positive of the COVIDx 8B test split is from here, every negative from RSNA."
            ),
            "Positive is said of the patient: a film may still show no pneumonia.",
            (
                "Some are lateral (24 were dropped in one rebuilding of COVIDx 8), and some have "
                "wide black borders, which COVID-Net cropped by hand."
            ),
            "PNG files made from it have lost the tags, and with them the view.",
        ),
    )

    def listing(self, request: Request) -> Listing:
        """List the images below the root; sex and age of PNG files come from the clinical data.

        Raises:
            DataError: If there is no folder of images, or no image in it can be read as RICORD's.
        """
        request.check_options()
        root = request.images()
        paths = Files.walk(root).paths()
        if not paths:
            raise DataError(
                f"{root} holds no image: expected MIDRC-RICORD-1C-... folders of DICOM files, or "
                "PNG files of such names."
            )
        found = pl.DataFrame([_read(root, path) for path in paths], schema=_COLUMNS, orient="row")
        frame = found.filter(pl.col("fault").is_null())
        clinical = _clinical(request)
        known_of = [
            clinical.of(patient, study) for patient, study in frame["patient_id", "study_id"].rows()
        ]
        of_patient = pl.DataFrame(
            known_of, schema={"sex_": pl.String, "age_": pl.Float64}, orient="row"
        )
        frame = pl.concat([frame, of_patient], how="horizontal").select(
            "file",
            "patient_id",
            "study_id",
            "view",
            source=pl.lit("ricord"),
            label=pl.lit("covid"),
            sex=sex("sex").fill_null(pl.col("sex_")),
            age=years("age").fill_null(pl.col("age_")),
            findings=pl.lit("COVID-19"),
        )
        faults = sorted(found["fault"].drop_nulls().unique())
        out = [left_out(fault, found.filter(pl.col("fault") == fault), "said") for fault in faults]
        return Listing(
            frame,
            found.height,
            tuple(entry for entries in out for entry in entries),
            (*_notes(frame), *clinical.notes),
            frozenset(found["file"]).difference(frame["file"]),
        )


def _read(root: Path, path: str) -> tuple[str | None, ...]:
    """Return a row of `_COLUMNS`; fault says why the image is left out, said what to show then."""
    tags: Mapping[str, str] = {}
    if Path(path).suffix.lower() in _DICOM:
        read = _tags(root / path)
        if read is None:
            return (path, *(None,) * 5, "damaged, or no DICOM file", path)
        tags = read
    patient, study = _identity(path, tags)
    view = tags.get("view", "").lower()
    fault, said = None, path
    if patient is None:
        fault = "no RICORD patient in its tags, its name or its folders"
    elif view and view not in FRONTAL_VIEWS:
        fault, said = "the view is not frontal", f"{path} ({tags['view']})"
    return (
        path,
        patient,
        study,
        FRONTAL_VIEWS.get(view),
        tags.get("PatientSex"),
        tags.get("PatientAge"),
        fault,
        said,
    )


def _identity(path: str, tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return patient ("419639-000082") and study (last five digits of its UID), where known."""
    places = [tags.get("PatientID", ""), *reversed(path.split("/"))]
    matches = [match for place in places if (match := _PATIENT.search(place))]
    study = tags.get("StudyInstanceUID", "")[-5:] or next((m[2] for m in matches if m[2]), None)
    return (matches[0][1].upper() if matches else None), study


def _tags(path: Path) -> dict[str, str] | None:
    """Read what is known of a patient from a DICOM file, without its pixels; None if damaged."""
    from pydicom import dcmread

    from hilum.data.reading.dicom_facts import view
    from hilum.data.reading.dicom_values import DICOM_ERRORS, text

    try:
        dataset = dcmread(path, stop_before_pixels=True, specific_tags=[*_TAGS, "ViewCodeSequence"])
    except DICOM_ERRORS:
        return None
    return {"view": view(dataset) or ""} | {name: text(dataset, name) for name in _TAGS}


@dataclass(frozen=True, slots=True)
class _Clinical:
    """Sex and age by (patient, study), and by (patient, "") where the study is not known."""

    people: Mapping[tuple[str, str], tuple[str | None, float | None]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, patient: str, study: str | None) -> tuple[str | None, float | None]:
        """Return sex and age at a study, else those of the patient's first one."""
        nothing = (None, None)
        return self.people.get((patient, study or ""), self.people.get((patient, ""), nothing))


def _clinical(request: Request) -> _Clinical:
    """Read the clinical data, if they were saved as CSV among the labels."""
    folder = request.labels
    if folder is None or not folder.is_dir():
        return _Clinical()
    tables = [path for path in sorted(folder.rglob("*")) if _TABLE.search(path.name)]
    readable = [path for path in tables if path.suffix.lower() == ".csv"]
    if not tables:
        return _Clinical()
    if not readable:
        note = (
            f"{tables[0].name} holds sex and age but is a spreadsheet: save it as CSV beside it "
            "and build again to have them."
        )
        return _Clinical(notes=(note,))
    rows = read_labels(readable[0], ("anon mrn",)).drop_nulls("anon mrn")
    table = rows.select(
        pl.col("anon mrn").str.to_uppercase().str.replace("^MIDRC-RICORD-1C-", ""),
        known(rows, "anon study uid").str.slice(-5).fill_null(""),
        sex("sex") if "sex" in rows.columns else known(rows, "sex"),
        years("age") if "age" in rows.columns else pl.lit(None, dtype=pl.Float64).alias("age"),
    )
    people: dict[tuple[str, str], tuple[str | None, float | None]] = {}
    for patient, study, is_sex, age in table.iter_rows():
        people.setdefault((patient, ""), (is_sex, age))
        people.setdefault((patient, study), (is_sex, age))
    return _Clinical(people)


def _notes(frame: pl.DataFrame) -> tuple[str, ...]:
    unknown = frame["view"].null_count()
    if not unknown:
        return ()
    note = (
        f"{unknown} of {frame.height} images say nothing of their view (PNG files have no tags); "
        "they are kept, and some may be lateral."
    )
    return (note,)


sources.register("ricord", Ricord)
