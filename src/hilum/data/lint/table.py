"""The table under lint, with the few things that several rules ask of it.

Separate so that a million rows are grouped once, and so that every rule shows rows to a person in
one way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import polars as pl

from hilum.data.lint.record import ROWS_KEPT
from hilum.data.manifest import RawTable
from hilum.data.manifest_checks import Faults
from hilum.data.manifest_table import ROW

__all__ = [
    "MANY_LABELS",
    "Table",
    "counted",
    "examples",
    "fault_rows",
    "listed",
    "plain",
    "row_numbers",
]

MANY_LABELS = 100
"""More labels than this are findings or free text, not classes."""

_EXAMPLES = 20
_LONGEST = 160


class Table:
    """A raw manifest and what is derived from it once.

    Args:
        raw: As `read_table` gives it; any column may be missing.
    """

    def __init__(self, raw: RawTable) -> None:
        self.raw = raw
        self.frame = raw.frame

    def has(self, *names: str) -> bool:
        """Say whether all these columns are there and none is empty from top to bottom."""
        columns = self.frame.columns
        return all(name in columns and self._filled[name] for name in names)

    @cached_property
    def _filled(self) -> dict[str, bool]:
        return {name: self.frame[name].null_count() < self.frame.height for name in self.columns}

    @property
    def columns(self) -> list[str]:
        """Names of the columns, without the row number."""
        return [name for name in self.frame.columns if name != ROW]

    @cached_property
    def few_labels(self) -> bool:
        """Whether there are labels, and few enough to be classes."""
        return self.has("label") and self.frame["label"].n_unique() <= MANY_LABELS

    @property
    def patient(self) -> pl.Expr:
        """Whose image each row is, within a source; each row its own where nobody is known."""
        return pl.col("patient_id") if self.has("patient_id") else pl.col(ROW)

    @cached_property
    def cells(self) -> pl.DataFrame:
        """Images and patients by source, label and split; columns of these names.

        Rows without a source or label are left out; split is "" where there is none. No row at all
        where the labels are so many that they are no classes.
        """
        if not self.has("source", "label") or not self.few_labels:
            kinds = {"source": pl.String, "label": pl.String, "split": pl.String}
            return pl.DataFrame(schema={**kinds, "images": pl.Int64, "patients": pl.Int64})
        split = pl.col("split").fill_null("") if self.has("split") else pl.lit("")
        return (
            self.frame.lazy()
            .select("source", "label", split=split, patient=self.patient)
            .drop_nulls(["source", "label"])
            .group_by("source", "label", "split")
            .agg(
                images=pl.len().cast(pl.Int64),
                patients=pl.col("patient").n_unique().cast(pl.Int64),
            )
            .sort("source", "label", "split")
            .collect()
        )

    @cached_property
    def file_names(self) -> pl.Series:
        """Base name of each image as its publisher had it, else as it lies here; may be null."""
        names = [name for name in ("original", "path") if name in self.frame.columns]
        if not names:
            return pl.Series("name", [None] * self.frame.height, dtype=pl.String)
        base = pl.coalesce(names).str.replace(r"^.*[/\\]", "")
        return self.frame.select(base.alias("name"))["name"]


def counted(count: int, thing: str, things: str = "") -> str:
    """Return "1 patient" or "2 patients".

    >>> counted(1200, "image")
    '1,200 images'
    """
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def plain(text: object) -> str:
    """Return text as one line that any terminal can show, shortened if it is long."""
    line = str(text)
    if not line.isprintable():
        line = line.encode("unicode_escape").decode()
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def examples(rows: pl.DataFrame, template: str, *columns: str) -> tuple[str, ...]:
    """Describe the first rows, each with its number in the file.

    Args:
        rows: Faulty rows, with `ROW`.
        template: Text with a {} for each column.
        columns: What to put there; null becomes "(empty)".
    """
    shown = rows.head(_EXAMPLES).select(ROW, *columns)
    return tuple(
        f"row {row}: " + template.format(*("(empty)" if x is None else plain(x) for x in values))
        for row, *values in shown.iter_rows()
    )


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return "a, b and 3 more"."""
    shown = ", ".join(plain(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def row_numbers(rows: pl.DataFrame) -> tuple[int, ...]:
    """Return the numbers of the first `ROWS_KEPT` rows."""
    return tuple(rows[ROW].head(ROWS_KEPT).to_list())


def fault_rows(faults: Faults) -> tuple[int, ...]:
    """Return the row numbers that the lines of `Faults` begin with."""
    heads = (line.split(":", 1)[0].removeprefix("row ") for line in faults.lines)
    return tuple(int(head) for head in heads if head.isdigit())
