"""What a manifest says of the people and films of a study, as plain counts.

Counted anew from the manifest's rows: nothing is taken from what a record says of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import polars as pl

from hilum.data.tally import tally

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["cohort_facts"]

_PATIENT = ("source", "patient_id")
_KNOWN = ("view", "sex", "age", "study_id")
_LICENCES = ("license", "licence")
_OWN_PATIENT = 20
_UNSPLIT = "(no split)"


def cohort_facts(manifest: Manifest, classes: Sequence[str] | None) -> dict[str, Any]:
    """Count a manifest.

    Args:
        manifest: Labels named as the model names them.
        classes: Labels the model knows; films with others are counted apart. All if not known.
    """
    whole = manifest.frame.with_columns(split=_split(manifest.frame))
    known = whole["label"].is_in([*(classes or manifest.labels)])
    used, left = whole.filter(known), whole.filter(~known)
    return {
        "sha256": manifest.sha256,
        "notes": list(manifest.notes),
        "phantoms": (manifest.root / "phantoms.json").is_file(),
        "images": whole.height,
        "patients": _patients(whole),
        "used": {"images": used.height, "patients": _patients(used)},
        "left_out": _images_by(left, "label"),
        "left_out_by_split": {
            split: _images_by(part, "label") for split, part in _parts(left, manifest.splits)
        },
        "has_splits": bool(manifest.splits),
        "splits": {split: _part(part) for split, part in _parts(used, manifest.splits)},
        "sources": {
            str(name): {**_size(part), "labels": _sizes_by(part, "label")}
            for (name,), part in used.sort("source").group_by("source", maintain_order=True)
        },
        "tally": [row for row in tally(manifest) if row["label"] in {*used["label"].unique()}],
        "one_film_a_patient": _own_patients(used),
        "patients_in_several_splits": _in_several(used),
        "columns": list(manifest.frame.columns),
        "missing": {
            name: used[name].null_count() if name in used.columns else used.height
            for name in _KNOWN
        },
        "formats": _formats(used),
        "licences": {k: v for name in _LICENCES for k, v in _images_by(used, name).items()},
    }


def _split(frame: pl.DataFrame) -> pl.Expr:
    if "split" not in frame.columns:
        return pl.lit(_UNSPLIT)
    return pl.col("split").fill_null(_UNSPLIT)


def _parts(frame: pl.DataFrame, splits: Sequence[str]) -> list[tuple[str, pl.DataFrame]]:
    parts = [(name, frame.filter(pl.col("split") == name)) for name in (*splits, _UNSPLIT)]
    return [(name, part) for name, part in parts if part.height]


def _part(frame: pl.DataFrame) -> dict[str, Any]:
    """Count one split."""
    return {
        **_size(frame),
        "labels": _sizes_by(frame, "label"),
        "sources": _sizes_by(frame, "source"),
        "sex": _sexes(frame),
        "age": _ages(frame),
        "views": _images_by(frame, "view"),
    }


def _patients(frame: pl.DataFrame) -> int:
    return frame.select(_PATIENT).n_unique() if frame.height else 0


def _size(frame: pl.DataFrame) -> dict[str, int]:
    return {"images": frame.height, "patients": _patients(frame)}


def _sizes_by(frame: pl.DataFrame, column: str) -> dict[str, dict[str, int]]:
    groups = frame.sort(column).group_by(column, maintain_order=True)
    return {str(name): _size(part) for (name,), part in groups}


def _images_by(frame: pl.DataFrame, column: str) -> dict[str, int]:
    """Count images by a column's values, "" for unknown; nothing if there is no such column."""
    if column not in frame.columns:
        return {}
    counts = frame[column].fill_null("").value_counts(sort=True)
    return {str(name): int(count) for name, count in counts.iter_rows()}


def _people(frame: pl.DataFrame, column: str) -> pl.Series:
    """Return one value a patient: that of the first film on which it is known."""
    first = pl.col(column).drop_nulls().first()
    return frame.group_by(_PATIENT, maintain_order=True).agg(first)[column]


def _sexes(frame: pl.DataFrame) -> dict[str, int]:
    """Count patients by sex, "" for unknown; nothing if the manifest has no such column."""
    if "sex" not in frame.columns:
        return {}
    counts = _people(frame, "sex").fill_null("").value_counts(sort=True)
    return {str(name): int(count) for name, count in counts.iter_rows()}


def _ages(frame: pl.DataFrame) -> dict[str, float | int] | None:
    """Return the quartiles of age over patients, in years; None if none is known."""
    if "age" not in frame.columns:
        return None
    ages = _people(frame, "age")
    known = ages.drop_nulls()
    if not known.len():
        return None
    low, middle, high = (known.quantile(q, "linear") or 0.0 for q in (0.25, 0.5, 0.75))
    unknown = ages.len() - known.len()
    return {"q1": low, "median": middle, "q3": high, "known": known.len(), "unknown": unknown}


def _own_patients(frame: pl.DataFrame) -> list[str]:
    """Name the sources in which every film has a patient number of its own."""
    sizes = _sizes_by(frame, "source")
    return [
        name
        for name, size in sizes.items()
        if size["images"] == size["patients"] and size["images"] >= _OWN_PATIENT
    ]


def _in_several(frame: pl.DataFrame) -> int:
    split = pl.col("split").filter(pl.col("split") != _UNSPLIT)
    return frame.group_by(_PATIENT).agg(n=split.n_unique()).filter(pl.col("n") > 1).height


def _formats(frame: pl.DataFrame) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in frame["path"]:
        suffix = PurePath(str(path)).suffix.lower() or "(no suffix)"
        found[suffix] = found.get(suffix, 0) + 1
    return found
