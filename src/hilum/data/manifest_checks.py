"""What a manifest must be, and every place where one is not.

Each check looks at whole columns, so that a million rows take seconds, and returns `Faults`: lines
that name the row and the cure. They are separate from the manifest so that each rule can be read
and tested by itself, and so that the files that break several are told all at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from hilum.data.manifest_table import ROW
from hilum.registry import suggestion

if TYPE_CHECKING:
    from polars import DataFrame, Expr

__all__ = [
    "PATH_COLUMNS",
    "REQUIRED",
    "SPLITS",
    "Faults",
    "absolute",
    "age_faults",
    "column_faults",
    "duplicate_faults",
    "empty_faults",
    "file_faults",
    "label_faults",
    "leak_faults",
    "path_faults",
    "split_faults",
]

REQUIRED = ("path", "patient_id", "source", "label")
PATH_COLUMNS = ("path", "lung_mask")
SPLITS = ("train", "val", "test")

_LISTED = 1000
"""Lines kept of one kind of fault; the rest are counted."""

_SYNONYMS = {
    "path": "image filename file filepath imagepath imagefile img imageindex imageid name",
    "patient_id": "patientid patient subject subjectid pid patientnumber participantid",
    "source": "dataset site hospital origin database institution centre center",
    "label": "class finding findings findinglabels diagnosis target category labels classname",
}
_SPLIT_SYNONYMS = {
    "valid": "val",
    "validation": "val",
    "validate": "val",
    "dev": "val",
    "training": "train",
    "trn": "train",
    "testing": "test",
    "tst": "test",
    "holdout": "test",
}


@dataclass(frozen=True, slots=True)
class Faults:
    """Lines about one kind of fault, and in how many places it was found."""

    lines: tuple[str, ...] = ()
    count: int = 0

    @classmethod
    def of_rows(cls, bad: DataFrame, say: Callable[[dict[str, Any]], str]) -> Faults:
        """Describe each faulty row, the first thousand of them in words."""
        lines = [f"row {row[ROW]}: {say(row)}" for row in bad.head(_LISTED).iter_rows(named=True)]
        if bad.height > _LISTED:
            lines.append(f"... and {bad.height - _LISTED} more rows like these")
        return cls(tuple(lines), bad.height)


def absolute(column: str, root: Path) -> Expr:
    """Return the column's paths made absolute by hanging relative ones from `root`."""
    text = pl.col(column)
    return pl.when(text.str.starts_with("/")).then(text).otherwise(pl.lit(f"{root}/") + text)


def column_faults(names: Sequence[str]) -> Faults:
    """Name the required columns that are missing, and those that may be meant."""
    lines = []
    for wanted in (name for name in REQUIRED if name not in names):
        known = _SYNONYMS[wanted].split()
        meant = [name for name in names if _plain(name) in known or _plain(name) == _plain(wanted)]
        if meant:
            hint = f"Rename {meant[0]!r} to {wanted!r}?"
        elif wanted == "source":
            hint = "Add it: the name of the hospital or data set each image comes from."
        else:
            hint = suggestion(wanted, [name for name in names if name != ROW])
        lines.append(f"header: no column {wanted!r}. {hint}")
    return Faults(tuple(lines), len(lines))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def empty_faults(frame: DataFrame, *, labelled: bool) -> Iterable[Faults]:
    """Find rows without a value where one is required."""
    for name in REQUIRED:
        if name in frame.columns and (labelled or name != "label"):
            bad = frame.filter(pl.col(name).is_null())
            yield Faults.of_rows(bad, partial(_is_empty, name))


def _is_empty(name: str, _: dict[str, Any]) -> str:
    return f"{name} is empty"


def label_faults(frame: DataFrame, labels: Sequence[str] | None) -> Faults:
    """Find labels that are not among those expected."""
    if labels is None or "label" not in frame.columns:
        return Faults()
    bad = frame.filter(~pl.col("label").is_in([*labels]))
    return Faults.of_rows(
        bad, lambda row: f"unknown label {row['label']!r}. {suggestion(row['label'], [*labels])}"
    )


def split_faults(frame: DataFrame) -> Faults:
    """Find names of splits that are slips for train, val or test; other names are allowed."""
    if "split" not in frame.columns:
        return Faults()
    meant = {
        name: _SPLIT_SYNONYMS.get(name.lower(), name.lower())
        for name in frame["split"].drop_nulls().unique()
        if name not in SPLITS and (name.lower() in _SPLIT_SYNONYMS or name.lower() in SPLITS)
    }
    bad = frame.filter(pl.col("split").is_in([*meant]))
    return Faults.of_rows(
        bad,
        lambda row: (
            f"split {row['split']!r} is not one of train, val, test. "
            f"Did you mean {meant[row['split']]!r}?"
        ),
    )


def age_faults(frame: DataFrame) -> Faults:
    """Find ages that are no number of years in [0, 120]."""
    if "age" not in frame.columns:
        return Faults()
    years = pl.col("age").cast(pl.Float64, strict=False)
    bad = frame.filter(pl.col("age").is_not_null() & ~years.is_between(0, 120).fill_null(False))
    return Faults.of_rows(
        bad, lambda row: f"age must be a number of years in [0, 120], got {row['age']!r}"
    )


def path_faults(frame: DataFrame) -> Iterable[Faults]:
    """Find paths that no file can have."""
    for name in PATH_COLUMNS:
        if name in frame.columns:
            bad = frame.filter(pl.col(name).str.contains(r"[\x00\n\r]"))
            yield Faults.of_rows(bad, partial(_has_breaks, name))


def _has_breaks(name: str, row: dict[str, Any]) -> str:
    return f"{name} holds a NUL or a line break: {row[name]!r}"


def duplicate_faults(frame: DataFrame, root: Path) -> Faults:
    """Find images that are listed more than once, and say where their labels disagree."""
    if not {"path", "label"} <= {*frame.columns}:
        return Faults()
    plain = absolute("path", root).str.replace_all(r"/(?:\./)*\.?/+", "/")
    keyed = frame.select(ROW, "path", "label", plain.alias("key")).drop_nulls("key")
    again = keyed.filter(pl.col("key").is_duplicated()).with_columns(
        first=pl.col(ROW).first().over("key"), other=pl.col("label").first().over("key")
    )

    def say(row: dict[str, Any]) -> str:
        text = f"{row['path']} stands in row {row['first']} already"
        if row["label"] == row["other"]:
            return text
        return f"{text}, there with label {row['other']!r}, here {row['label']!r}"

    return Faults.of_rows(again.filter(pl.col(ROW) != pl.col("first")), say)


def leak_faults(frame: DataFrame) -> Faults:
    """Find patients who stand in more than one split."""
    patient = ["source", "patient_id"]
    if not {"split", *patient} <= {*frame.columns}:
        return Faults()
    pairs = (
        frame.lazy()
        .select(ROW, "split", *patient)
        .drop_nulls()
        .group_by(*patient, "split")
        .agg(pl.col(ROW).min())
        .filter(pl.len().over(patient) > 1)
        .sort(ROW)
        .group_by(patient, maintain_order=True)
        .agg(pl.col(ROW).first(), where=pl.format("{} (row {})", "split", pl.col(ROW)))
        .collect()
    )
    return Faults.of_rows(
        pairs,
        lambda row: (
            f"patient {row['patient_id']!r} of {row['source']!r} stands in more than one split: "
            f"{', '.join(row['where'])}"
        ),
    )


def file_faults(frame: DataFrame, root: Path) -> Iterable[Faults]:
    """Find files that are not there."""
    for name in PATH_COLUMNS:
        if name in frame.columns:
            listed = frame.select(ROW, name, absolute(name, root).alias("file")).drop_nulls(name)
            found = [os.path.isfile(path) for path in _whole(listed["file"])]  # noqa: PTH113 - speed
            bad = listed.filter(~pl.Series(found, dtype=pl.Boolean))
            yield Faults.of_rows(bad, partial(_gone, name))


def _whole(paths: pl.Series) -> Iterable[str]:
    """Iterate over paths; those with a NUL, reported elsewhere, cannot even be asked for."""
    return (path if "\0" not in path else "" for path in paths)


def _gone(name: str, row: dict[str, Any]) -> str:
    """Say that a file is gone and name one that may be meant."""
    path, file = row[name], Path(row["file"])
    if "\\" in path:
        return f"{path} does not exist; write forward slashes instead of backslashes"
    near = _near_miss(file)
    return f"{path} does not exist" + (f". Did you mean {near!r}?" if near else "")


def _near_miss(file: Path) -> str | None:
    """Return the name of a file that differs only in case or extension, if there is one."""
    candidates = [file.with_name(file.name + end) for end in (".png", ".jpg", ".jpeg", ".dcm")]
    try:
        candidates += [file.with_suffix(end) for end in (".png", ".jpg", ".jpeg", ".JPG", ".PNG")]
        return next((found.name for found in candidates if found.is_file()), None)
    except ValueError:
        return None
