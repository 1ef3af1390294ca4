"""The numbers of a data set, from its manifest alone: who is in it, and what is not known of them.

Nothing here opens an image, so that a list of a million rows is counted in seconds. What a
manifest does not say is a value of its own, "unknown", and is counted like any other: metadata
that one source has and another lacks tells them apart as surely as a marker on the film.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.manifest import Manifest

__all__ = [
    "UNKNOWN",
    "UNLABELLED",
    "Count",
    "Cross",
    "Facts",
    "Known",
    "Spread",
    "collect",
    "spreads",
    "working_frame",
]

UNKNOWN = "unknown"
UNLABELLED = "(no label)"
"""Stands for the empty label of an image whose class is not known."""

_COUNTED = ("label", "source", "split", "view", "sex", "age_group", "file_type")
_CROSSED = (
    *(("source", "label"), ("label", "split"), ("label", "sex"), ("source", "sex")),
    *(("source", "view"), ("label", "view"), ("label", "age_group"), ("source", "file_type")),
)
_DESCRIBED = ("label", "split", "view", "sex", "age", "study_id", "lung_mask", "width", "height")
_FIRST_CLASSES = ("normal", "negative", "no finding", "no_finding", "healthy")
_FIRST_SPLITS = ("train", "val", "test")
_AGE_EDGES = np.arange(0.0, 125.0, 5.0)


@dataclass(frozen=True, slots=True)
class Count:
    """How many images and patients have a value."""

    value: str
    images: int
    patients: int


@dataclass(frozen=True, slots=True)
class Cross:
    """Images by the values of two columns of a manifest.

    Args:
        rows: Values of the first, most images first.
        columns: Values of the second.
        images: Counts, one tuple a row.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    images: tuple[tuple[int, ...], ...]

    def array(self) -> NDArray[np.int64]:
        """Return the counts, shape (rows, columns)."""
        shape = (len(self.rows), len(self.columns))
        return np.asarray(self.images, np.int64).reshape(shape)


@dataclass(frozen=True, slots=True)
class Known:
    """How many images of each source have a value in each column.

    Args:
        sources: Most images first.
        images: Of each source.
        columns: What a manifest can say of an image.
        known: Images with a value, one tuple a source.
    """

    sources: tuple[str, ...]
    images: tuple[int, ...]
    columns: tuple[str, ...]
    known: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a measured value is spread within one group.

    Args:
        group: A class or a source.
        known: Images whose value is known.
        unknown: Images whose value is not.
        quantiles: At 5, 25, 50, 75 and 95 %; empty where nothing is known.
        edges: Of the histogram's bins.
        counts: Images in each bin; those beyond the edges are counted in the outermost.
    """

    group: str
    known: int
    unknown: int
    quantiles: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a manifest says of a data set, counted.

    Args:
        images: Rows.
        patients: Distinct (source, patient_id).
        classes: Labels, those that mean "nothing found" first, then most images first.
        sources: Most images first.
        counts: Images and patients by each column.
        crosses: Images by pairs of columns, keyed "rows by columns".
        known: What is known of each source's images.
        ages: Age in years by class.
    """

    images: int
    patients: int
    classes: tuple[str, ...]
    sources: tuple[str, ...]
    counts: dict[str, tuple[Count, ...]]
    crosses: dict[str, Cross]
    known: Known
    ages: tuple[Spread, ...]


def working_frame(manifest: Manifest) -> pl.DataFrame:
    """Return a manifest's rows with every column that is described, nulls where it lacks one.

    Columns: row (0 to n - 1), path, patient (a number), label, source, split, view, sex, age,
    age_group, file_type, width, height, study_id, lung_mask.
    """
    frame = manifest.frame
    patient = pl.concat_str("source", pl.lit("\0"), "patient_id").rank("dense")
    absent = [pl.lit(None, pl.String).alias(n) for n in _DESCRIBED if n not in frame.columns]
    frame = frame.with_columns(*absent, patient=patient)
    years = pl.col("age").cast(pl.Float64)
    decade = (years // 10 * 10).cast(pl.Int64)
    groups = pl.when(years >= 90).then(pl.lit("90 and over")).otherwise(_decade_name(decade))
    return frame.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        *("path", "patient", "source", "split", "view", "sex", "study_id", "lung_mask"),
        label=pl.when(pl.col("label") == "").then(pl.lit(UNLABELLED)).otherwise("label"),
        age=years,
        age_group=groups,
        file_type=_file_type(),
        width=_side("width"),
        height=_side("height"),
    )


def _decade_name(decade: pl.Expr) -> pl.Expr:
    return pl.format("{} to {}", decade, decade + 9)


def _file_type() -> pl.Expr:
    """Return each path's extension in lower case, without its dot."""
    ending = pl.col("path").str.extract(r"\.([A-Za-z0-9]{1,8})$").str.to_lowercase()
    return ending.fill_null("no extension")


def _side(column: str) -> pl.Expr:
    """Return a side in pixels, null where the manifest gives no whole number above 0."""
    value = pl.col(column).cast(pl.Float64, strict=False)
    return pl.when(value.is_between(1, 1e6)).then(value.round().cast(pl.Int64))


def collect(frame: pl.DataFrame) -> Facts:
    """Count everything a working frame says.

    Args:
        frame: As `working_frame` returns it.
    """
    counts = {name: _counts(frame, name) for name in _COUNTED}
    classes = tuple(count.value for count in counts["label"])
    return Facts(
        images=frame.height,
        patients=frame["patient"].n_unique(),
        classes=classes,
        sources=tuple(count.value for count in counts["source"]),
        counts=counts,
        crosses={f"{a} by {b}": _cross(frame, a, b, counts) for a, b in _CROSSED},
        known=_known(frame, counts["source"]),
        ages=spreads(frame, "age", "label", classes, _AGE_EDGES),
    )


def _counts(frame: pl.DataFrame, column: str) -> tuple[Count, ...]:
    grouped = frame.group_by(pl.col(column).fill_null(UNKNOWN).alias("value"))
    counted = grouped.agg(images=pl.len(), patients=pl.col("patient").n_unique())
    found = [Count(*row) for row in counted.iter_rows()]
    return tuple(sorted(found, key=lambda count: _place(column, count)))


def _place(column: str, count: Count) -> tuple[int, int, str]:
    """Return where a value stands in its list: unknown last, most images first but for orders."""
    if count.value == UNKNOWN:
        return 99, 0, ""
    if column == "age_group":
        return 1, int(count.value.split()[0]), ""
    first = {"label": _FIRST_CLASSES, "split": _FIRST_SPLITS}.get(column, ())
    word = count.value.lower()
    return (first.index(word) if word in first else 50), -count.images, count.value


def _cross(
    frame: pl.DataFrame, rows: str, columns: str, counts: dict[str, tuple[Count, ...]]
) -> Cross:
    a, b = pl.col(rows).fill_null(UNKNOWN), pl.col(columns).fill_null(UNKNOWN)
    pairs = frame.group_by(a.alias("a"), b.alias("b")).len()
    held = {(x, y): n for x, y, n in pairs.iter_rows()}
    names = [tuple(count.value for count in counts[key]) for key in (rows, columns)]
    images = tuple(tuple(held.get((x, y), 0) for y in names[1]) for x in names[0])
    return Cross(names[0], names[1], images)


def _known(frame: pl.DataFrame, sources: tuple[Count, ...]) -> Known:
    labelled = frame.with_columns(
        label=pl.when(pl.col("label") != UNLABELLED).then(pl.col("label"))
    )
    counted = labelled.group_by("source").agg(pl.col(_DESCRIBED).count())
    held = {row[0]: row[1:] for row in counted.iter_rows()}
    return Known(
        sources=tuple(count.value for count in sources),
        images=tuple(count.images for count in sources),
        columns=_DESCRIBED,
        known=tuple(held[count.value] for count in sources),
    )


def spreads(
    frame: pl.DataFrame,
    column: str,
    by: str,
    groups: tuple[str, ...],
    edges: NDArray[np.float64],
) -> tuple[Spread, ...]:
    """Return how a column of numbers is spread in each group.

    Args:
        frame: Has both columns.
        column: Numbers; null where unknown.
        by: What groups the rows.
        groups: Its values, in the order wanted.
        edges: Of the bins; values beyond them count in the outermost.
    """
    found = []
    for group in groups:
        rows = frame.filter(pl.col(by) == group)[column]
        values = rows.drop_nulls().cast(pl.Float64).to_numpy()
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        shares = (0.05, 0.25, 0.5, 0.75, 0.95)
        at = tuple(np.quantile(values, shares).tolist()) if values.size else ()
        found.append(
            Spread(
                group,
                int(values.size),
                rows.len() - int(values.size),
                at,
                tuple(edges.tolist()),
                tuple(counts.tolist()),
            )
        )
    return tuple(found)
