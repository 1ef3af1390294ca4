"""One's own archive: a tree of DICOM files, read by their tags and never by their names."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hilum.data.reading.boundary import quiet_decoders
from hilum.data.sources.relabelling import patient_pattern, patients_by, relabel, relabelling
from hilum.data.sources.rows import frontal_view, keep_first, left_out, sex, years
from hilum.data.sources.source import Card, LeftOut, Listing, Request, sources
from hilum.data.sources.tree_labels import label_rule
from hilum.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["DicomTree", "header"]

_log = logging.getLogger(__name__)

_COLUMNS = {
    "patient_id": "PatientID",
    "study_id": "StudyInstanceUID",
    "sop_instance": "SOPInstanceUID",
    "accession": "AccessionNumber",
    "sex": "PatientSex",
    "age": "PatientAge",
    "modality": "Modality",
    "body_part": "BodyPartExamined",
    "image_type": "ImageType",
    "presentation": "PresentationIntentType",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "institution": "InstitutionName",
    "station": "StationName",
}
_KEPT = ("sop_instance", "modality", "body_part", "image_type", "manufacturer", "model")
_SOURCES = {
    "InstitutionName": "institution",
    "StationName": "station",
    "Manufacturer": "manufacturer",
    "ManufacturerModelName": "model",
}
_READ = (*_COLUMNS.values(), "SOPClassUID", "ViewPosition", "ViewCodeSequence")
_SCHEMA = dict.fromkeys(("file", *_COLUMNS, "view", "fault"), pl.String)
_OPTIONS = ("labels", "label", "key", "folder", "source", "patient", "body-part", "relabel")
_CHESTS = r"CHEST|THORAX|LUNG"
_ENDINGS = frozenset({".dcm", ".dicom", ".dic", ".ima"})
_EVERY = 10_000


class DicomTree:
    """Frontal radiographs out of a folder of DICOM files of any names and depth."""

    card = Card(
        name="dicom",
        title="A tree of DICOM files",
        about="Your own archive: every DICOM file below a folder, of any name, read by its tags. "
        "Radiographs to look at (CR, DX, RG, for presentation), frontal, of the chest are taken; "
        "the label comes from a table of yours or from a folder's name.",
        licence="yours",
        citation="",
        home="",
        access="yours",
        steps=(
            (
                "Write labels.csv with columns StudyInstanceUID (or SOPInstanceUID, PatientID or "
                "AccessionNumber) and label."
            ),
            (
                "hilum data build dicom --root DIR --out DIR/manifest.csv "
                "--set labels=labels.csv --set source=InstitutionName"
            ),
        ),
        flaws=(
            (
                "Patient ids and institutions are copied from the tags: guard the manifest as you "
                "do the films, unless they were de-identified."
            ),
            "View and body part are often recorded wrongly; look at a contact sheet of the result.",
        ),
    )

    def listing(self, request: Request) -> Listing:
        r"""Read the tags of every DICOM file below the root.

        Options:
            labels=FILE.csv: A table of labels; key=COLUMN and label=COLUMN name its columns where
                they cannot be told.
            folder=N: The N-th folder below the root is the label instead (1 the first, -1 the one
                that holds the file).
            source=NAME: Of the hospital, or one of InstitutionName, StationName, Manufacturer and
                ManufacturerModelName, to be read from the tags.
            patient=REGEX: Its one group is the patient, instead of PatientID; looked for in the
                path below the root.
            body-part=any: Take other body parts too.
            relabel=OLD:NEW,OLD:NEW: Other words for labels.

        Raises:
            DataError: If there is no DICOM file, or no rule that gives labels.
            ConfigError: If an option is unknown or cannot be used.
        """
        options = request.options
        request.check_options(*_OPTIONS)
        words, pattern = relabelling(options), patient_pattern(options)
        if options.get("body-part", "chest") not in ("chest", "any"):
            raise ConfigError(f"body-part: expected chest or any, got {options['body-part']!r}.")
        root = request.images()
        rule = label_rule(request)
        every = _read_tree(root)
        if pattern is not None:
            every = every.with_columns(patients_by(pattern, every["file"].to_list()))
        rows, out = _films(every, any_part=options.get("body-part") == "any")
        rows, said = relabel(rows.with_columns(rule(rows)), words)
        out += left_out("no label is known", rows.filter(pl.col("label").is_null()), "file")
        rows = rows.drop_nulls("label")
        skipped = frozenset(every["file"]).difference(rows["file"])
        notes = (*said, *_notes(rows))
        return Listing(_frame(rows, options), every.height, out, notes, skipped, found_by="disk")


def header(path: Path, keywords: Sequence[str]) -> Dataset | None:
    """Read some tags of a DICOM file, none of its pixels; None if it is damaged or no DICOM."""
    from pydicom import dcmread

    from hilum.data.reading.dicom_values import DICOM_ERRORS

    try:
        return dcmread(path, stop_before_pixels=True, specific_tags=[*keywords])
    except DICOM_ERRORS:
        return None


def _read_tree(root: Path) -> pl.DataFrame:
    """Return a row of tags for each file that is DICOM by its name or its first bytes."""
    rows = []
    with quiet_decoders():
        for place in _candidates(root):
            rows.append(_row(root, place))
            if len(rows) % _EVERY == 0:
                _log.info("%d DICOM files read below %s", len(rows), root)
    if not rows:
        raise DataError(
            f"{root} holds no DICOM file: none ends in {', '.join(sorted(_ENDINGS))}, and none has "
            "DICM after its first 128 bytes."
        )
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _candidates(root: Path) -> Iterator[str]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name[0] != ".")
        within = Path(folder).relative_to(root)
        for name in sorted(names):
            path = Path(folder, name)
            if name[0] != "." and (path.suffix.lower() in _ENDINGS or _has_preamble(path)):
                yield (within / name).as_posix()


def _has_preamble(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _row(root: Path, place: str) -> tuple[str | None, ...]:
    from hilum.data.reading.dicom_admission import not_a_film
    from hilum.data.reading.dicom_facts import view
    from hilum.data.reading.dicom_values import text

    dataset = header(root / place, _READ)
    if dataset is None:
        return (place, *(None for _ in _COLUMNS), None, "damaged, or no DICOM file")
    tags = (text(dataset, keyword) or None for keyword in _COLUMNS.values())
    return (place, *tags, view(dataset), not_a_film(dataset))


def _films(rows: pl.DataFrame, *, any_part: bool) -> tuple[pl.DataFrame, tuple[LeftOut, ...]]:
    """Keep frontal chest films that have a patient, each once; say what is left out and why."""
    out: tuple[LeftOut, ...] = ()
    for fault in sorted(rows["fault"].drop_nulls().unique()):
        out += left_out(fault.rstrip("."), rows.filter(pl.col("fault") == fault), "file")
    rows = rows.filter(pl.col("fault").is_null())
    part = pl.col("body_part").str.to_uppercase()
    checks = (
        ("the view is not frontal", pl.col("view").is_not_null() & frontal_view("view").is_null()),
        ("the body part is not the chest", ~part.str.contains(_CHESTS) & (not any_part)),
        ("no patient id", pl.col("patient_id").is_null()),
    )
    for reason, condition in checks:
        bad = condition.fill_null(value=False)
        dropped = rows.filter(bad)
        out += left_out(reason + _words(dropped, reason), dropped, "file")
        rows = rows.filter(~bad)
    nameless = rows.filter(pl.col("sop_instance").is_null())
    named, again = keep_first(rows.drop_nulls("sop_instance"), "sop_instance")
    out += left_out("a copy of an image already taken (SOPInstanceUID)", again, "file")
    return pl.concat([named, nameless]).sort("file"), out


def _words(rows: pl.DataFrame, reason: str) -> str:
    """Count what the tags say where that is the reason."""
    column = {"the view": "view", "the body": "body_part"}.get(reason[:8])
    if column is None or not rows.height:
        return ""
    counts = rows[column].value_counts(sort=True).head(5).iter_rows()
    return " (" + ", ".join(f"{word} {count}" for word, count in counts) + ")"


def _frame(rows: pl.DataFrame, options: Mapping[str, str]) -> pl.DataFrame:
    name = options.get("source") or "dicom"
    tag = _SOURCES.get(name)
    return rows.select(
        "file",
        "patient_id",
        "label",
        "study_id",
        *_KEPT,
        source=pl.lit(name) if tag is None else pl.col(tag).fill_null("unknown"),
        view=frontal_view("view"),
        sex=sex("sex"),
        age=years("age"),
    )


def _notes(rows: pl.DataFrame) -> Iterator[str]:
    if unknown := rows["view"].null_count():
        yield (
            f"{unknown} of {rows.height} images say nothing of their view; they are kept, and some "
            "may be lateral."
        )
    studies = rows["study_id"].n_unique()
    if studies > 1 and rows["patient_id"].n_unique() == 1:
        yield (
            f"All {studies} studies have the patient id {rows['patient_id'][0]}: if that is how "
            "they were de-identified, tell patients by path with --set patient=REGEX."
        )


sources.register("dicom", DicomTree)
