"""What can be known of an image without looking at it: the groups its metadata puts it in.

Separate from the scoring because these are the choices a critic will ask about: how sizes and ages
are binned, and which columns count as metadata rather than as another name for the label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from hilum.errors import ConfigError
from hilum.registry import suggestion

__all__ = ["metadata_groups"]

_NOT_METADATA = (
    "path", "original", "patient_id", "study_id", "split", "width", "height", "lung_mask",
    "lesion_mask", "label", "labels", "class", "target", "finding", "findings", "diagnosis",
    "category", "severity", "offset", "offset_days", "survival", "rt_pcr_positive", "intubated",
    "went_icu", "in_icu", "icu", "death",
)  # fmt: skip
"""Where an image lies, who it shows, and what is another name for the label or follows from it."""

_MANY = 50
_BINS = 10
_COMMON = 20


def metadata_groups(
    frame: pl.DataFrame, columns: Sequence[str] | None = None
) -> dict[str, pl.Series]:
    """Group images by each thing that is known of them.

    Args:
        frame: A manifest's rows.
        columns: Which to take: names of columns, or "image size", "aspect", "file type". By default
            the source, these three, view, sex, age in decades, and every other column with 2 to 50
            values that is not the label under another name.

    Returns:
        By name, the source first: text of shape (n,), null where unknown. Columns with one value
        tell nothing and are left out, unless they were asked for.

    Raises:
        ConfigError: If a column that was asked for is not there.
    """
    known = {name: make(frame) for name, make in _DERIVED.items() if _can(frame, name)}
    if columns is None:
        names = [name for name in ("source", *known) if name in frame.columns or name in known]
        names += [
            name
            for name in frame.columns
            if name not in names
            and name.lower() not in _NOT_METADATA
            and frame[name].n_unique() <= _MANY
        ]
    else:
        names = [*dict.fromkeys(columns)]
        for name in names:
            if name not in frame.columns and name not in known:
                hint = suggestion(name, [*frame.columns, *known])
                raise ConfigError(f"There is no column {name!r} in this manifest. {hint}")
    groups = {name: known[name] if name in known else _plain(frame[name]) for name in names}
    if columns is not None:
        return groups
    return {name: group for name, group in groups.items() if group.drop_nulls().n_unique() > 1}


def _can(frame: pl.DataFrame, name: str) -> bool:
    return {*_NEEDS[name]} <= {*frame.columns}


def _plain(column: pl.Series) -> pl.Series:
    """Return a column as text; numbers of many values in ten bins of equally many."""
    numbers = column.cast(pl.Float64, strict=False)
    if numbers.null_count() > column.null_count() or numbers.n_unique() <= _MANY:
        return column.cast(pl.String)
    known = numbers.drop_nans().drop_nulls().to_numpy()
    edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
    part = np.searchsorted(edges, numbers.to_numpy(), side="right").astype(str)
    return pl.Series(part).set(numbers.is_null() | numbers.is_nan(), None)


def _size(frame: pl.DataFrame) -> pl.Series:
    """Return WIDTHxHEIGHT where it is common, else the band its area falls in."""
    width, height = (pl.col(name).cast(pl.Float64, strict=False) for name in ("width", "height"))
    side = (width * height).sqrt()
    band = pl.format(
        "about {} px", (2.0 ** ((side.log(2) * 2).round() / 2)).round().cast(pl.Int64, strict=False)
    )
    exact = pl.format("{}x{}", "width", "height")
    size = frame.select(exact=exact, band=pl.when(side > 0).then(band))
    common = pl.len().over("exact") >= _COMMON
    return size.select(size=pl.when(common).then("exact").otherwise("band"))["size"]


def _aspect(frame: pl.DataFrame) -> pl.Series:
    width, height = (pl.col(name).cast(pl.Float64, strict=False) for name in ("width", "height"))
    ratio = pl.when((width > 0) & (height > 0)).then((width / height).round(1))
    return frame.select(aspect=ratio.cast(pl.String))["aspect"]


def _file_type(frame: pl.DataFrame) -> pl.Series:
    names = [name for name in ("original", "path") if name in frame.columns]
    ending = pl.coalesce(names).str.to_lowercase().str.extract(r"\.([a-z0-9]{2,5})$")
    return frame.select(ending=ending)["ending"]


def _decades(frame: pl.DataFrame) -> pl.Series:
    decade = (pl.col("age").cast(pl.Float64, strict=False) // 10 * 10).cast(pl.Int64)
    return frame.select(age=pl.format("{} to {}", decade, decade + 9))["age"]


_DERIVED: dict[str, Callable[[pl.DataFrame], pl.Series]] = {
    "image size": _size,
    "aspect": _aspect,
    "file type": _file_type,
    "age": _decades,
}
_NEEDS = {
    "image size": ("width", "height"),
    "aspect": ("width", "height"),
    "file type": ("path",),
    "age": ("age",),
}
