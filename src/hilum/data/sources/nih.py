"""NIH ChestX-ray14: Data_Entry_2017 in both releases, and its official lists."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.rows import frontal_view, keep_first, left_out, sex, years
from hilum.data.sources.source import Card, LeftOut, Listing, Request, sources
from hilum.errors import DataError

__all__ = ["Nih"]

_TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
_SPLIT_LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}
_NEEDED = ("image index", "finding labels", "patient id", "patient age", "view position")
_SHOWN = 3


class Nih:
    """112,120 frontal films of one research hospital, labelled by a program that read reports."""

    card = Card(
        name="nih",
        title="NIH ChestX-ray14",
        about="Frontal films of patients of the NIH Clinical Center, as PNG files of 1024 by 1024 "
        "pixels and 8 bits. Fourteen findings, mined from the reports by a program; the reports "
        "are not public.",
        licence="no restriction on use; link to the download page, cite the paper and name the "
        "NIH Clinical Center as the provider",
        citation="Wang et al., ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on "
        "Weakly-Supervised Classification and Localization of Common Thorax Diseases, CVPR 2017, "
        "arXiv:1705.02315",
        home="https://nihcc.app.box.com/v/ChestXray-NIHCC",
        access="open",
        steps=(
            "Open https://nihcc.app.box.com/v/ChestXray-NIHCC in a browser.",
            (
                "Download Data_Entry_2017_v2020.csv, train_val_list.txt and test_list.txt to "
                "DIR/labels."
            ),
            (
                "Download every archive images_001.tar.gz to images_012.tar.gz from its folder "
                "images, and unpack each into DIR: tar -xzf images_001.tar.gz -C DIR"
            ),
            "hilum data build nih --root DIR --out DIR/manifest.csv",
        ),
        images=112_120,
        patients=30_805,
        gigabytes=45,
        labels=("*Data_Entry_2017*.csv", "train_val_list.txt", "test_list.txt"),
        flaws=(
            (
                "Labels come from a program: a radiologist who looked at about 700 films of this "
                "and another set found that they often do not say what the film shows "
                "(Oakden-Rayner 2020)."
            ),
            "No Finding means that the program found no word for one of the fourteen.",
            (
                "Findings mark the treated as well as the ill: many films of pneumothorax show the "
                "chest drain."
            ),
            "The label file was released several times, with other labels; say which was used.",
            "Patients have up to 184 films: split by patient, as the official lists do.",
            "RSNA's pneumonia set consists of films from here under other names.",
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Read Data_Entry_2017, a row an image; the official lists, if there, give the split.

        Any row with Pneumonia is pneumonia, a row with other findings other_disease, No Finding
        normal; `findings` keeps them all, joined by bars as published.

        Raises:
            DataError: If the table is missing or faulty, or an official list names other images.
        """
        request.check_options()
        path = _table(request)
        rows = read_labels(path, _NEEDED)
        total, every = rows.height, rows["image index"].drop_nulls()
        checks = (
            ("no image or patient id", pl.col("image index", "patient id").is_null()),
            ("no finding is given, not even No Finding", pl.col("finding labels").is_null()),
            ("the view is not frontal", frontal_view("view position").is_null()),
        )
        out: tuple[LeftOut, ...] = ()
        for reason, condition in checks:
            bad = pl.any_horizontal(condition)
            out += left_out(reason, rows.filter(bad), "image index")
            rows = rows.filter(~bad)
        rows, again = keep_first(rows, "image index")
        out += left_out("listed again", again, "image index")
        frame = _frame(path, rows)
        frame, notes = _with_split(frame, request)
        if (wrong := _too_old(rows)) > 0:
            notes += (
                (
                    f"{wrong} image(s) give an age above 120 years, a slip of {path.name}; "
                    "taken as unknown."
                ),
            )
        return Listing(frame, total, out, notes, frozenset(every).difference(frame["file"]))


def _table(request: Request) -> Path:
    """Return the label file: the newest release, or any file named after one."""
    path = request.find_label_file(*_TABLES)
    if path is None and request.labels is not None:
        parts = sorted(request.labels.rglob("*Data_Entry_2017*.csv"))
        path = parts[0] if parts else None
    return path or request.label_file(*_TABLES)


def _frame(path: Path, rows: pl.DataFrame) -> pl.DataFrame:
    findings = pl.col("finding labels").str.split("|").list.eval(pl.element().str.strip_chars())
    label = (
        pl.when(findings.list.contains("Pneumonia"))
        .then(pl.lit("pneumonia"))
        .when(pl.col("finding labels").str.to_lowercase() == "no finding")
        .then(pl.lit("normal"))
        .otherwise(pl.lit("other_disease"))
    )
    return rows.select(
        file="image index",
        patient_id="patient id",
        source=pl.lit("nih"),
        label=label,
        study_id=_study(rows),
        view=frontal_view("view position"),
        sex=sex(_first(path, rows, "patient gender", "patient sex")),
        age=years("patient age"),
        findings="finding labels",
        width=_column(rows, "originalimage[width", "originalimagewidth"),
        height=_column(rows, "height]", "originalimageheight"),
    )


def _study(rows: pl.DataFrame) -> pl.Expr:
    """Name a study by patient and follow-up number; each image is one."""
    if "follow-up #" not in rows.columns:
        return pl.lit(None, dtype=pl.String)
    return pl.format("{}_{}", "patient id", "follow-up #")


def _first(path: Path, rows: pl.DataFrame, *names: str) -> str:
    """Return the first of several columns that is there.

    Raises:
        DataError: If none is.
    """
    for name in names:
        if name in rows.columns:
            return name
    raise DataError(f"{path} has no column {' or '.join(map(repr, names))}; is it whole?")


def _column(rows: pl.DataFrame, *names: str) -> pl.Expr:
    """Return the first of several columns that is there, as nulls if none is.

    The published header is `OriginalImage[Width,Height]`, which the comma parts into two names.
    """
    there = [name for name in names if name in rows.columns]
    return pl.col(there[0]) if there else pl.lit(None, dtype=pl.String)


def _too_old(rows: pl.DataFrame) -> int:
    digits = rows["patient age"].str.extract(r"^(\d+)\s*Y?$").cast(pl.Int64)
    return int((digits > 120).sum())


def _with_split(frame: pl.DataFrame, request: Request) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Add the split of the official lists, if both lie among the labels."""
    lists = {split: _official(request, name) for split, name in _SPLIT_LISTS.items()}
    absent = [name for split, name in _SPLIT_LISTS.items() if lists[split] is None]
    if absent:
        note = (
            f"No official split: {' and '.join(absent)} not found among the labels. "
            "Split by patient with `hilum data split`."
        )
        return frame, (note,)
    split_of = {image: split for split, images in lists.items() for image in images or ()}
    if both := set(lists["train"] or ()) & set(lists["test"] or ()):
        shown = ", ".join(sorted(both)[:_SHOWN])
        raise DataError(
            f"{len(both)} image(s) stand in both official lists ({shown}): one list is not what "
            "its name says. Download both again."
        )
    split = pl.col("file").replace_strict(split_of, default=None, return_dtype=pl.String)
    frame = frame.with_columns(split=split)
    notes = ["train_val_list.txt is train: draw a validation set from it by patient."]
    if unlisted := frame["split"].null_count():
        notes.append(f"{unlisted} image(s) stand in neither official list and have no split.")
    if unknown := len(split_of.keys() - set(frame["file"])):
        notes.append(f"The official lists name {unknown} image(s) that the table does not hold.")
    return frame, tuple(notes)


def _official(request: Request, name: str) -> tuple[str, ...] | None:
    """Read one official list, a file name a line; None if it is not there."""
    path = request.find_label_file(name)
    return None if path is None else _lines(path)


def _lines(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not a list of file names: expected UTF-8 text, got byte "
            f"0x{error.object[error.start]:02x} at offset {error.start}. Download it again."
        ) from error
    lines = [(row, line.strip()) for row, line in enumerate(text.splitlines(), 1)]
    for row, line in lines:
        if line and not line.lower().endswith(".png"):
            raise DataError(f"{path} line {row}: expected a name such as 00000001_000.png, got "
                            f"{line[:80]!r}. Download it again.")  # fmt: skip
    if not any(line for _, line in lines):
        raise DataError(f"{path} is empty; download it again, or remove it to build without it.")
    return tuple(line for _, line in lines if line)


sources.register("nih", Nih)
