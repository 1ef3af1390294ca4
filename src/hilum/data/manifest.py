"""The manifest: one row an image, and the only list of images that hilum works from.

A patient is (source, patient_id): numbers are reused between hospitals. Everything else that asks
which images, whose, from where and with which label asks a `Manifest`, so that a leak, a missing
file or a slip in a label is found once, at the door, with its row.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from hilum.data import manifest_checks as checks
from hilum.data.atomic import replacing
from hilum.data.manifest_layouts import NO_PATIENTS, folder_table, list_table, parse_list
from hilum.data.manifest_table import ROW, read_csv, read_parquet
from hilum.errors import LeakageError, ManifestError

__all__ = ["Manifest", "RawTable", "read_table"]

_STRIPPED = ("patient_id", "source", "label", "split", "study_id", "view", "sex", "age")
_SLICE = 100_000
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Manifest:
    """A checked table of images. Make one with `read`, `from_frame`, `from_folders`, `from_paths`.

    Args:
        frame: One row an image. Columns path, patient_id, source and label are always there; split,
            study_id, view, sex, age, lung_mask and any others are kept. All are strings but age,
            which is float (years). What is not known is null, never empty; an unknown label is "".
        root: Absolute folder that relative paths hang from.
        notes: What a reader of any result on these images should know.
    """

    frame: pl.DataFrame
    root: Path
    notes: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        check_files: bool = True,
        labels: Sequence[str] | None = None,
        labelled: bool = True,
        leaks: bool = False,
        encoding: str = "utf-8",
    ) -> Manifest:
        """Read and check a manifest.

        Args:
            path: A .csv or .parquet file; a .txt list of path and label; or a folder, which is
                read as one folder a class unless it holds manifest.csv or manifest.parquet.
            check_files: Look whether every file exists.
            labels: The labels that may occur; default any.
            labelled: Whether every row must have a label.
            leaks: Take patients who stand in several splits, and note them, instead of refusing.
                For describing and merging published sets; never for training or scores.
            encoding: Of a CSV file.

        Raises:
            ManifestError: With every fault and its row.
            LeakageError: If the only fault is that patients stand in more than one split.
        """
        raw = read_table(path, encoding=encoding)
        if raw.unlabelled:
            labelled = False
        rules = _Rules(labels, labelled, check_files, leaks)
        return _checked(raw.name, raw.frame, raw.root, raw.notes, rules)

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame,
        root: str | Path,
        *,
        check_files: bool = False,
        labels: Sequence[str] | None = None,
        labelled: bool = True,
        leaks: bool = False,
        notes: Sequence[str] = (),
    ) -> Manifest:
        """Check a table made in code; rows count from 1. The rest is as in `read`.

        Raises:
            ManifestError: With every fault and its row.
            LeakageError: If the only fault is that patients stand in more than one split.
        """
        table = frame.with_row_index(ROW, offset=1)
        rules = _Rules(labels, labelled, check_files, leaks)
        return _checked("This table", table, Path(root), notes, rules)

    @classmethod
    def from_folders(
        cls, root: str | Path, *, source: str = "folder", check_files: bool = False
    ) -> Manifest:
        """List images whose folder names are their labels; each file counts as one patient.

        Raises:
            ManifestError: If `root` holds no class folders with images.
        """
        root = Path(root)
        if not root.is_dir():
            raise ManifestError(f"There is no folder {root}")
        table = folder_table(root, source)
        rules = _Rules(check_files=check_files)
        return _checked(str(root), table, root, (NO_PATIENTS,), rules)

    @classmethod
    def from_paths(
        cls,
        paths: Sequence[str | Path],
        labels: Sequence[str] | None = None,
        *,
        source: str = "list",
        root: str | Path = ".",
        check_files: bool = False,
    ) -> Manifest:
        """List images by path, with labels or, for screening, without; each is its own patient.

        Raises:
            ManifestError: If a path stands twice, or a label is empty.
        """
        table = list_table([str(path) for path in paths], labels, source)
        rules = _Rules(labelled=labels is not None, check_files=check_files)
        return _checked("This list", table, Path(root), (NO_PATIENTS,), rules)

    def write(self, path: str | Path) -> None:
        """Write the manifest as CSV or Parquet, whichever the suffix names, whole or not at all.

        Relative paths are rewritten so that they hang from the folder the file is written to.

        Raises:
            ManifestError: If the suffix is neither .csv nor .parquet.
        """
        path = Path(path)
        if path.suffix.lower() not in (".csv", ".parquet"):
            raise ManifestError(f"Expected a name ending in .csv or .parquet, got {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        moved = os.path.relpath(self.root, path.parent.resolve())
        frame = self.frame
        if moved != ".":
            columns = [name for name in checks.PATH_COLUMNS if name in frame.columns]
            frame = frame.with_columns(checks.absolute(name, Path(moved)) for name in columns)
        with replacing(path) as file:
            if path.suffix.lower() == ".csv":
                frame.write_csv(file)
            else:
                frame.write_parquet(file)

    def __len__(self) -> int:
        return self.frame.height

    @property
    def labels(self) -> list[str]:
        """The labels that occur, sorted; an unknown label ("") is none."""
        return sorted(label for label in self.frame["label"].unique() if label)

    @property
    def splits(self) -> list[str]:
        """The splits that occur: train, val and test first, then others, sorted."""
        if "split" not in self.frame.columns:
            return []
        found = set(self.frame["split"].drop_nulls().unique())
        return [
            *(name for name in checks.SPLITS if name in found),
            *sorted(found - {*checks.SPLITS}),
        ]

    def select(
        self, *, split: str | Sequence[str] | None = None, labels: Sequence[str] | None = None
    ) -> Manifest:
        """Return the rows of one split, or several, and of some labels; perhaps none.

        Args:
            split: Name or names; default every row, in a split or not.
            labels: Default every label.

        Raises:
            ManifestError: If a split is asked for and the manifest has no splits at all.
        """
        frame = self.frame
        if split is not None:
            if not self.splits:
                raise ManifestError(
                    f"Expected images in split {split!r}, but no image has been put in any split. "
                    "Split them by patient first: hilum.data.splits.split_by_patient."
                )
            frame = frame.filter(
                pl.col("split").is_in([split] if isinstance(split, str) else split)
            )
        if labels is not None:
            frame = frame.filter(pl.col("label").is_in([*labels]))
        return replace(self, frame=frame)

    def absolute_paths(self) -> pl.Series:
        """Return the path of each image, absolute, as strings."""
        return self.frame.select(checks.absolute("path", self.root))["path"]

    def paths(self) -> list[Path]:
        """Return the absolute path of each image."""
        return [Path(path) for path in self.absolute_paths()]

    def counts(self) -> pl.DataFrame:
        """Count images and patients by label and split: columns label, split, images, patients."""
        has_split = "split" in self.frame.columns
        split = pl.col("split").fill_null("") if has_split else pl.lit("")
        patient = pl.struct("source", "patient_id")
        return (
            self.frame.lazy()
            .select("label", "source", "patient_id", split=split)
            .group_by("label", "split")
            .agg(images=pl.len(), patients=patient.n_unique())
            .sort("label", "split")
            .collect()
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of the content: columns by name, rows in order; the same for CSV and Parquet."""
        digest = hashlib.sha256()
        frame = self.frame.select(sorted(self.frame.columns))
        digest.update("\0".join(frame.columns).encode())
        for start in range(0, frame.height, _SLICE):
            text = frame.slice(start, _SLICE).write_csv(include_header=False, quote_style="always")
            digest.update(text.encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class RawTable:
    """A manifest as it was written, before it is judged; what lint looks at.

    Args:
        name: What to call it in messages.
        frame: Text columns, tidied (blanks around codes gone, empty fields null), and `ROW`, the
            row number in the file. No column need be there.
        root: Folder that relative paths hang from.
        notes: What a reader of any result on these images should know.
        unlabelled: Whether it is a plain list without labels.
    """

    name: str
    frame: pl.DataFrame
    root: Path
    notes: tuple[str, ...] = ()
    unlabelled: bool = False


def read_table(path: str | Path, *, encoding: str = "utf-8") -> RawTable:
    """Read a manifest, a list or a folder of classes without judging its rows.

    Args:
        path: As in `Manifest.read`.
        encoding: Of a CSV file.

    Raises:
        ManifestError: If it is not there or cannot be read as a table; says where.
    """
    path = Path(path)
    if path.is_dir():
        inside = [path / f"manifest{end}" for end in (".csv", ".parquet")]
        path = next((file for file in inside if file.is_file()), path)
    if not path.exists():
        raise ManifestError(f"There is no manifest {path}")
    root, unlabelled = path.parent, False
    notes: tuple[str, ...] = ()
    if path.is_dir():
        frame, root, notes = folder_table(path, "folder"), path, (NO_PATIENTS,)
    elif path.suffix.lower() == ".csv":
        frame = read_csv(path, encoding=encoding)
    elif path.suffix.lower() == ".parquet":
        frame = read_parquet(path)
    elif path.suffix.lower() == ".txt":
        frame, notes = list_table(*parse_list(path), "list"), (NO_PATIENTS,)
        unlabelled = frame["label"][0] == ""
    else:
        raise ManifestError(
            f"{path} is no manifest: expected .csv, .parquet, .txt or a folder of classes"
        )
    return RawTable(str(path), _tidy(str(path), frame), root.resolve(), notes, unlabelled)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What is asked of a table beyond what every manifest must be."""

    labels: Sequence[str] | None = None
    labelled: bool = True
    check_files: bool = True
    leaks: bool = False


def _checked(
    name: str, table: pl.DataFrame, root: Path, notes: Sequence[str], rules: _Rules
) -> Manifest:
    """Tidy a table, refuse it with every fault at once, or make it a manifest."""
    root = root.resolve()
    table = _tidy(name, table)
    found = [
        checks.column_faults(table.columns),
        *checks.empty_faults(table, labelled=rules.labelled),
        checks.label_faults(table, rules.labels),
        checks.split_faults(table),
        checks.age_faults(table),
        *checks.path_faults(table),
        checks.duplicate_faults(table, root),
    ]
    leaks = checks.leak_faults(table)
    if rules.leaks and leaks.count:
        notes = (*notes, _leak_note(leaks))
        leaks = checks.Faults()
    files = [*checks.file_faults(table, root)] if rules.check_files else []
    faults = [fault for fault in (*found, leaks, *files) if fault.count]
    if faults == [leaks]:
        shown = "\n".join(f"  - {line}" for line in leaks.lines[:_SHOWN])
        raise LeakageError(
            f"{name}: {leaks.count} patient(s) stand in more than one split. "
            f"Split by patient, not by image.\n{shown}"
        )
    if faults:
        raise ManifestError(_summary(name, faults), [*_rare_first(faults)])
    if not table.height:
        raise ManifestError(f"{name} lists no image")
    frame = table.drop(ROW).with_columns(pl.col("label").fill_null(""))
    if "age" in frame.columns:
        frame = frame.with_columns(pl.col("age").cast(pl.Float64))
    return Manifest(frame, root, (*notes, *_label_notes(frame)))


def _tidy(name: str, table: pl.DataFrame) -> pl.DataFrame:
    """Return the table as text: blanks around codes gone, empty fields null, codes in capitals."""
    nested = [key for key, kind in table.schema.items() if kind.is_nested() or kind == pl.Binary]
    if nested:
        raise ManifestError(f"{name}: expected text and numbers in columns {', '.join(nested)}")
    text = [key for key in table.columns if key != ROW]
    table = table.with_columns(pl.col(text).cast(pl.String))
    stripped = [key for key in _STRIPPED if key in text]
    table = table.with_columns(pl.col(stripped).str.strip_chars())
    table = table.with_columns(
        pl.when(pl.col(text).str.len_bytes() > 0).then(pl.col(text)).name.keep()
    )
    if "view" in text:
        table = table.with_columns(pl.col("view").str.to_uppercase())
    if "sex" in text:
        known = {"m": "M", "male": "M", "f": "F", "female": "F"}
        sex = pl.col("sex").str.to_lowercase().replace_strict(known, default=pl.col("sex"))
        table = table.with_columns(sex.alias("sex"))
    return table


def _leak_note(leaks: checks.Faults) -> str:
    return (
        f"{leaks.count} patient(s) stand in more than one split, so no score on these splits is "
        f"worth anything: {leaks.lines[0]}"
    )


def _summary(name: str, faults: Sequence[checks.Faults]) -> str:
    count = sum(fault.count for fault in faults)
    return f"{name} has {count} fault{'s' if count > 1 else ''}:"


def _rare_first(faults: Sequence[checks.Faults]) -> Iterator[str]:
    """Put the kinds with few lines first: a message shows only so many."""
    for fault in sorted(faults, key=lambda fault: len(fault.lines)):
        yield from fault.lines


def _label_notes(frame: pl.DataFrame) -> Iterator[str]:
    """Say where labels differ only in capitals: most likely one label, written two ways."""
    seen: dict[str, str] = {}
    for label in frame["label"].unique().sort():
        other = seen.setdefault(label.lower(), label)
        if other != label:
            yield f"Labels {other!r} and {label!r} differ only in capitals; are they the same?"
