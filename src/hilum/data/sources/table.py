"""One's own table: a CSV file whose columns are told by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from hilum.data.manifest_layouts import NO_PATIENTS
from hilum.data.manifest_table import ROW
from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.relabelling import relabel, relabelling
from hilum.data.sources.rows import frontal_view, keep_first, left_out, sex, years
from hilum.data.sources.source import Card, LeftOut, Listing, Request, sources
from hilum.errors import ConfigError, DataError
from hilum.registry import suggestion

__all__ = ["Table"]

_NEEDED = ("path", "label")
_OPTIONAL = (
    "patient_id",
    "source",
    "split",
    "study_id",
    "view",
    "sex",
    "age",
    "findings",
    "lung_mask",
    "offset_days",
)
_OTHERS = ("file", "source_name", "relabel", "encoding")


class Table:
    """Images listed in a CSV file."""

    card = Card(
        name="csv",
        title="A CSV file with a column mapping",
        about="Your own table, a row an image: say which column is the path, the label, the "
        "patient and so on; a column that already has hilum's name need not be said.",
        licence="yours",
        citation="",
        home="",
        access="yours",
        steps=(
            (
                "hilum data build csv --root DIR --out DIR/manifest.csv --set file=NAME.csv "
                "--set path=COLUMN --set label=COLUMN --set patient_id=COLUMN "
                "--set source_name=HOSPITAL --set view=COLUMN "
                "--set 'relabel=COVID-19:covid,No Finding:normal'"
            ),
        ),
        labels=("*.csv",),
        flaws=(
            (
                "Without a column of patients every file counts as a patient of its own, and one "
                "person's films may stand on both sides of a split."
            ),
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Read the table.

        Options:
            file=NAME.csv: The table, where several lie among the labels.
            encoding=NAME: How it is encoded, if not in UTF-8, such as latin-1.
            path, label, patient_id, source, split, study_id, view, sex, age, findings, lung_mask,
                offset_days=COLUMN: Which column holds it. Capitals do not matter.
            source_name=NAME: One source for all rows, instead of a column.
            relabel=OLD:NEW,OLD:NEW: Other words for labels; an empty NEW leaves out.

        Raises:
            DataError: If the table is missing or faulty; names the row.
            ConfigError: If an option is unknown or names a column that is not there.
        """
        options = request.options
        request.check_options(*_NEEDED, *_OPTIONAL, *_OTHERS)
        words, path = relabelling(options), _table(request)
        rows = read_labels(path, (), fallback_encoding=options.get("encoding"))
        total = rows.height
        rows = _named(path, rows, options)
        every = rows["path"].drop_nulls()
        rows, notes = relabel(rows, words)
        rows, out = _usable(rows)
        if "patient_id" not in rows.columns:
            rows, notes = rows.with_columns(patient_id="path"), (*notes, NO_PATIENTS)
        if "source" not in rows.columns:
            rows = rows.with_columns(source=pl.lit(options.get("source_name") or "csv"))
        for name in ("patient_id", "source"):
            nothing = rows.filter(pl.col(name).is_null())
            out += left_out(f"no {name} is given", nothing, "path")
            rows = rows.drop_nulls(name)
        kept = [name for name in _OPTIONAL if name in rows.columns]
        frame = rows.select(pl.col("path").alias("file"), "label", *kept).with_columns(_plain(kept))
        skipped = frozenset(every).difference(frame["file"])
        return Listing(frame, total, out, notes, skipped, found_by="path")


def _table(request: Request) -> Path:
    """Return the table asked for, or the only one there is.

    Raises:
        DataError: If there is none.
        ConfigError: If there are several and none was asked for.
    """
    if name := request.options.get("file"):
        return Path(name) if Path(name).is_file() else request.label_file(Path(name).name)
    folder = request.labels
    found = sorted(folder.glob("*.csv")) if folder is not None and folder.is_dir() else []
    if not found:
        raise DataError(f"Expected a .csv file in {folder}; name it with --set file=NAME.csv.")
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5])
        raise ConfigError(f"{folder} holds several tables ({names}): say --set file=NAME.csv.")
    return found[0]


def _named(path: Path, rows: pl.DataFrame, options: Mapping[str, str]) -> pl.DataFrame:
    """Return the columns by hilum's names, as the options tell or as they are called already.

    Raises:
        ConfigError: With every column that is not there.
    """
    if "source" in options and "source_name" in options:
        raise ConfigError("Give source=COLUMN or source_name=NAME, not both.")
    there = [name for name in rows.columns if name != ROW]
    taken, faults = {}, []
    for name in (*_NEEDED, *_OPTIONAL):
        column = options.get(name, name).strip().lower()
        if column in there:
            taken[name] = column
        elif name in options or name in _NEEDED:
            hint = suggestion(column, there)
            faults.append(f"no column {column!r} for {name}. {hint} Say --set {name}=COLUMN.")
    if "source_name" in options:
        taken.pop("source", None)
    if faults:
        raise ConfigError(f"{path} has not the columns asked for:", faults)
    return rows.select(
        ROW, **{name: pl.col(column) for name, column in taken.items()}
    ).with_columns(
        pl.col("path").str.replace_all("\\", "/", literal=True).str.replace(r"^(\./+)+", "")
    )


def _usable(rows: pl.DataFrame) -> tuple[pl.DataFrame, tuple[LeftOut, ...]]:
    """Keep rows with path and label, frontal where the view is said, each path once."""
    out: tuple[LeftOut, ...] = ()
    checks = [("no path is given", pl.col("path").is_null())]
    checks.append(("no label is given, or relabel leaves it out", pl.col("label").is_null()))
    if "view" in rows.columns:
        checks.append(("the view is not frontal", pl.col("view").is_not_null() & ~_frontal()))
    two = pl.col("label").drop_nulls().n_unique().over("path") > 1
    checks.append(("listed with two labels", two))
    for reason, bad in checks:
        out += left_out(reason, rows.filter(bad), "path")
        rows = rows.filter(~bad)
    rows, again = keep_first(rows, "path")
    return rows, (*out, *left_out("listed again", again, "path"))


def _frontal() -> pl.Expr:
    plain = pl.col("view").str.to_lowercase().str.strip_chars() == "frontal"
    return plain | frontal_view("view").is_not_null()


def _plain(kept: list[str]) -> list[pl.Expr]:
    """Return view, sex and age in the manifest's words."""
    words = {"view": frontal_view("view"), "sex": sex("sex"), "age": years("age")}
    return [words[name].alias(name) for name in kept if name in words]


sources.register("csv", Table)
