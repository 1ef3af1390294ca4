"""Where the labels of a tree of DICOM files come from: a table of the user's, or a folder's name.

DICOM has no tag for a diagnosis. Separate from the tree, which is about tags.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from hilum.data.manifest_table import ROW
from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.source import Request
from hilum.errors import ConfigError, DataError
from hilum.registry import suggestion

__all__ = ["LabelRule", "label_rule"]

LabelRule = Callable[[pl.DataFrame], pl.Series]
"""From rows with file, sop_instance, study_id, accession and patient_id to a column label."""

_KEYS = {
    "sop_instance": ("sopinstanceuid", "sop_instance_uid", "sop_instance", "image_uid"),
    "study_id": ("studyinstanceuid", "study_instance_uid", "study_id", "study_uid"),
    "accession": ("accessionnumber", "accession_number", "accession"),
    "patient_id": ("patientid", "patient_id", "patient"),
}
_SHOWN = 5


def label_rule(request: Request) -> LabelRule:
    """Return the rule that the options labels, key, label and folder ask for.

    Raises:
        DataError: If they ask for none, or the table is faulty or gives one key two labels.
        ConfigError: If they ask for both, or for a column that the table lacks.
    """
    table, folder = request.options.get("labels"), request.options.get("folder")
    if table and folder:
        raise ConfigError("Name a table with labels=FILE.csv or a level with folder=N, not both.")
    if folder:
        return _by_folder(folder)
    if not table:
        raise DataError(
            "DICOM files hold no diagnosis: expected --set labels=FILE.csv, a table with a column "
            "label and one of StudyInstanceUID, SOPInstanceUID, AccessionNumber and PatientID; or "
            "--set folder=1 if the first folder below the root is the label."
        )
    direct = Path(table)
    return _by_table(direct if direct.is_file() else request.label_file(direct.name), request)


def _by_folder(level: str) -> LabelRule:
    """Take the name of a folder; files that lie less deep have no label."""
    if level.lstrip("-").isdigit() and int(level) != 0:
        number = int(level)
    else:
        raise ConfigError(f"folder: expected 1, 2, ... or -1, -2, ..., got {level!r}.")
    place = number - 1 if number > 0 else number

    def rule(rows: pl.DataFrame) -> pl.Series:
        folders = [file.split("/")[:-1] for file in rows["file"].to_list()]
        names = [of[place] if -len(of) <= place < len(of) else None for of in folders]
        return pl.Series("label", names, dtype=pl.String)

    return rule


def _by_table(path: Path, request: Request) -> LabelRule:
    wanted = request.options.get("label", "label").lower()
    rows = read_labels(path, (wanted,))
    on, column = _key(path, rows, request.options.get("key", "").lower())
    rows = rows.drop_nulls([column, wanted])
    labels = rows.group_by(column).agg(pl.col(wanted).n_unique(), row=pl.col(ROW).min())
    several = labels.filter(pl.col(wanted) > 1).sort("row")
    if several.height:
        shown = ", ".join(f"{key} (row {row})" for key, _, row in several.head(_SHOWN).iter_rows())
        raise DataError(
            f"{path}: {several.height} value(s) of {column!r} have two labels: {shown}. "
            "Decide which, or key the table by SOPInstanceUID."
        )
    known = dict(rows.select(column, wanted).iter_rows())

    def rule(frame: pl.DataFrame) -> pl.Series:
        return pl.Series("label", [known.get(key) for key in frame[on].to_list()], dtype=pl.String)

    return rule


def _key(path: Path, rows: pl.DataFrame, asked: str) -> tuple[str, str]:
    """Return which tag the table is keyed by, the most exact first, and its column."""
    if asked and asked not in rows.columns:
        hint = suggestion(asked, [name for name in rows.columns if name != ROW])
        raise ConfigError(f"{path} has no column {asked!r}. {hint}")
    for tag, names in _KEYS.items():
        for name in (asked,) if asked else names:
            if name in rows.columns and (name in names):
                return tag, name
    known = "StudyInstanceUID, SOPInstanceUID, AccessionNumber or PatientID"
    raise DataError(
        f"{path}: expected a column {known} that says which film a label is of, got "
        f"{', '.join(name for name in rows.columns if name != ROW)}. Rename the one that is meant."
    )
