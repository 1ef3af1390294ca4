"""H100 to H110: is it a manifest at all? Columns, empty fields, values, files, repeated rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import polars as pl

from hilum.data import manifest_checks as checks
from hilum.data.lint.record import Finding, Severity
from hilum.data.lint.rules import rules
from hilum.data.lint.table import Table, counted, examples, fault_rows, plain, row_numbers
from hilum.data.manifest_checks import Faults
from hilum.data.manifest_table import ROW

__all__ = ["columns", "empty_fields", "listed_twice", "missing_files", "values"]


def columns(table: Table) -> Iterator[Finding]:
    """Name required columns that are missing, and say so where there is no row."""
    if not table.frame.height:
        yield Finding(
            code="H100",
            severity="error",
            title="no image is listed",
            count=1,
            why="There is nothing to train on or to score.",
            cure="Look whether the file was cut off after its header.",
        )
    faults = checks.column_faults(table.columns)
    if faults.count:
        yield Finding(
            code="H101",
            severity="error",
            title=f"{counted(faults.count, 'required column')} missing",
            count=faults.count,
            examples=faults.lines,
            why="Without path, patient, source and label no split can be shown to be honest.",
            cure="Add or rename the columns; what is not there cannot be checked below.",
        )


def empty_fields(table: Table) -> Iterator[Finding]:
    """Count rows without a path, patient, source or label."""
    for name in (name for name in checks.REQUIRED if name in table.columns):
        if name == "label" and table.raw.unlabelled:
            continue
        bad = table.frame.filter(pl.col(name).is_null())
        if bad.height:
            yield Finding(
                code="H102" if name != "label" else "H103",
                severity="error" if name != "label" else "warning",
                title=f"{name} is empty in {counted(bad.height, 'row')}",
                count=bad.height,
                examples=_rows_without(name, bad),
                why=_WHY_EMPTY[name],
                cure="Fill the field, or leave these rows out.",
                rows=row_numbers(bad),
            )


def _rows_without(name: str, bad: pl.DataFrame) -> tuple[str, ...]:
    """Name the rows by their path, unless that is what they lack."""
    if name == "path" or "path" not in bad.columns:
        return tuple(f"row {row}" for row in bad[ROW].head(5))
    return examples(bad, "{}", "path")


_WHY_EMPTY = {
    "path": "A row without a file is no image.",
    "patient_id": "Images of an unknown patient may stand on both sides of a split unseen.",
    "source": "Whether the hospital gives the label away cannot be said.",
    "label": "These images can be screened, but neither trained on nor scored.",
}


def values(table: Table) -> Iterator[Finding]:
    """Find names of splits, ages and paths that cannot be meant."""
    splits = checks.split_faults(table.frame)
    if splits.count:
        yield _of_faults(
            splits,
            "H104",
            f"{counted(splits.count, 'row')} in a split whose name looks like a slip",
            why="Images in a misnamed split silently take no part in training or testing.",
            cure="Name the splits train, val and test.",
        )
    ages = checks.age_faults(table.frame)
    if ages.count:
        yield _of_faults(
            ages,
            "H105",
            f"{counted(ages.count, 'age')} outside 0 to 120 years, or no number",
            why="Wrong ages hide children among adults, or make them.",
            cure="Give ages in years as numbers, and leave unknown ones empty.",
            severity="warning",
        )
    for paths in checks.path_faults(table.frame):
        if paths.count:
            yield _of_faults(
                paths,
                "H106",
                f"{counted(paths.count, 'path')} with a NUL or a line break",
                why="No file can have such a name, so a quote or a byte has gone wrong here.",
                cure="Mend the rows in the file they came from.",
            )


def _of_faults(
    faults: Faults, code: str, title: str, *, why: str, cure: str, severity: Severity = "error"
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        title=title,
        count=faults.count,
        examples=tuple(plain(line) for line in faults.lines[:20]),
        why=why,
        cure=cure,
        rows=fault_rows(faults),
    )


def missing_files(table: Table) -> Iterator[Finding]:
    """Count listed images and masks that are not on the disk."""
    found = [faults for faults in checks.file_faults(table.frame, table.raw.root) if faults.count]
    gone = sum(faults.count for faults in found)
    if not gone:
        return
    listed = sum(
        table.frame[n].drop_nulls().len() for n in checks.PATH_COLUMNS if n in table.columns
    )
    whole = gone == listed
    yield Finding(
        code="H107",
        severity="note" if whole else "warning",
        title="no listed file is there: these are lists only"
        if whole
        else f"{counted(gone, 'listed file')} of {listed:,} not there",
        count=gone,
        examples=tuple(plain(line) for line in chain(*(faults.lines[:10] for faults in found))),
        why="A set with images missing is not the set others report figures on.",
        cure="Get the files, or build the manifest anew from those you have and say so.",
        said_by="COVID-Net#173, #95, #53",
        rows=tuple(chain(*(fault_rows(faults) for faults in found))),
    )


def listed_twice(table: Table) -> Iterator[Finding]:
    """Find one file listed in several rows: in two splits, under two labels, or just again."""
    if not table.has("path"):
        return
    again = _repeated(table)
    if not again.height:
        return
    crossing = again.filter(pl.col("splits") > 1)
    disagreeing = again.filter((pl.col("labels") > 1) & (pl.col("splits") <= 1))
    rest = again.filter((pl.col("labels") <= 1) & (pl.col("splits") <= 1))
    if crossing.height:
        yield _twice(
            crossing,
            "H108",
            "in more than one split",
            why="A test image that was trained on is remembered, not recognised.",
            cure="Keep it in one split, with all images of its patient.",
        )
    if disagreeing.height:
        yield _twice(
            disagreeing,
            "H109",
            "under more than one label",
            why="One of the labels is wrong, and whatever is learnt from or scored on it, too.",
            cure="Look at the publisher's list and keep the right row.",
        )
    if rest.height:
        yield _twice(
            rest,
            "H110",
            "more than once, with one label",
            why="It counts several times, in training and in every score.",
            cure="Keep the first row of each; lists with a row a bounding box do this.",
            severity="warning",
            said_by="COVID-Net#25",
        )


def _repeated(table: Table) -> pl.DataFrame:
    """Return rows whose file stands elsewhere too, with how many labels and splits it has."""
    names = [name for name in ("label", "split") if name in table.columns]
    plain_path = checks.absolute("path", table.raw.root).str.replace_all(r"/(?:\./)*\.?/+", "/")
    keyed = table.frame.select(ROW, "path", *names, key=plain_path).drop_nulls("key")
    again = keyed.filter(pl.col("key").is_duplicated())
    count = {
        f"{name}s": pl.col(name).drop_nulls().n_unique().over("key")
        if name in names
        else pl.lit(0, pl.UInt32)
        for name in ("label", "split")
    }
    kept = [pl.col(n) if n in names else pl.lit("none").alias(n) for n in ("label", "split")]
    return again.select(ROW, "path", "key", *kept, **count).sort("key", ROW)


def _twice(
    rows: pl.DataFrame,
    code: str,
    where: str,
    *,
    why: str,
    cure: str,
    severity: Severity = "error",
    said_by: str = "",
) -> Finding:
    files = rows["key"].n_unique()
    return Finding(
        code=code,
        severity=severity,
        title=f"{counted(files, 'file')} listed {where} ({rows.height:,} rows)",
        count=files,
        examples=examples(rows, "{}, label {}, split {}", "path", "label", "split"),
        why=why,
        cure=cure,
        said_by=said_by,
        rows=row_numbers(rows),
    )


rules.register("columns", columns)
rules.register("empty fields", empty_fields)
rules.register("values", values)
rules.register("listed twice", listed_twice)
