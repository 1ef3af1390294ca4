"""How large the images are: as the manifest says, or else as the files' headers do.

Headers are read without decoding a pixel, and of some thousands of files only: the share of a size
among 5,000 is known to a percentage point or two, and a million headers on a slow disk are hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from hilum.data.reading.boundary import DECODER_ERRORS, quiet_decoders
from hilum.report.describe.collect import Spread, spreads

__all__ = ["SIDE_EDGES", "Dimension", "Sizes", "header_size", "measure_sizes"]

HEADERS = 5_000
"""Most files whose headers are read."""

SIDE_EDGES = 2.0 ** np.arange(6.0, 13.01, 0.25)
"""Bins of the shorter side in pixels: quarter octaves from 64 to 8192."""

_ASPECT_EDGES = np.round(np.arange(0.5, 2.001, 0.05), 2)
_LISTED = 200
_THREADS = 8
_ORIENTATION = 274  # EXIF tag


@dataclass(frozen=True, slots=True)
class Dimension:
    """A size in pixels and the images that have it."""

    width: int
    height: int
    images: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the images are.

    Args:
        origin: Where the sizes come from, for the reader.
        known: Images whose size is known.
        unreadable: Files whose header could not be read.
        distinct: Different sizes.
        dimensions: The commonest sizes, at most 200.
        sides: The shorter side in pixels by source.
        aspects: Width over height by source.
    """

    origin: str
    known: int
    unreadable: tuple[str, ...]
    distinct: int
    dimensions: tuple[Dimension, ...]
    sides: tuple[Spread, ...]
    aspects: tuple[Spread, ...]


def header_size(path: str | Path) -> tuple[int, int] | None:
    """Return the (width, height) in pixels that a file's header gives, None if it gives none.

    Args:
        path: A PNG, JPEG, WebP or DICOM file. A JPEG that its EXIF turns is measured turned.
    """
    try:
        with Path(path).open("rb") as file:
            if file.read(132)[128:] == b"DICM":
                return _dicom_size(path)
            file.seek(0)
            with Image.open(file, formats=("PNG", "JPEG", "WEBP")) as picture:
                width, height = picture.size
                turned = picture.format == "JPEG" and picture.getexif().get(_ORIENTATION, 1) >= 5
    except (Image.DecompressionBombError, *DECODER_ERRORS):
        return None
    return (height, width) if turned else (width, height)


def _dicom_size(path: str | Path) -> tuple[int, int] | None:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"])
    except InvalidDicomError:
        return None
    return int(header.Columns), int(header.Rows)


def measure_sizes(
    frame: pl.DataFrame, files: Sequence[tuple[int, str]], sources: tuple[str, ...]
) -> Sizes:
    """Measure images by the manifest's columns width and height, or by their headers.

    Args:
        frame: As `working_frame` returns it.
        files: (row, absolute path) of files that are there, in random order; the first 5,000 are
            opened if the manifest gives no sizes.
        sources: In the order wanted.
    """
    sized = frame.select("source", "width", "height").drop_nulls()
    unreadable: tuple[str, ...] = ()
    if sized.height:
        origin = "the manifest's columns width and height"
    else:
        sized, unreadable = _from_headers(frame, files[:HEADERS])
        origin = f"the headers of {len(files[:HEADERS]):,} files"
        if len(files) > HEADERS:
            origin += " drawn at random"
    sized = sized.with_columns(
        side=pl.min_horizontal("width", "height"), aspect=pl.col("width") / pl.col("height")
    )
    counted = sized.group_by("width", "height").len().sort("len", "width", descending=True)
    return Sizes(
        origin=origin,
        known=sized.height,
        unreadable=unreadable,
        distinct=counted.height,
        dimensions=tuple(Dimension(*row) for row in counted.head(_LISTED).iter_rows()),
        sides=spreads(sized, "side", "source", sources, SIDE_EDGES),
        aspects=spreads(sized, "aspect", "source", sources, _ASPECT_EDGES),
    )


def _from_headers(
    frame: pl.DataFrame, files: Sequence[tuple[int, str]]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    paths = [path for _, path in files]
    with quiet_decoders(), ThreadPoolExecutor(_THREADS) as pool:
        sizes = list(pool.map(header_size, paths))
    read = [(row, size) for (row, _), size in zip(files, sizes, strict=True) if size is not None]
    sized = pl.DataFrame(
        {
            "source": frame["source"].gather([row for row, _ in read]),
            "width": pl.Series([size[0] for _, size in read], dtype=pl.Int64),
            "height": pl.Series([size[1] for _, size in read], dtype=pl.Int64),
        }
    ).filter(pl.col("width") > 0, pl.col("height") > 0)
    bad = [path for path, size in zip(paths, sizes, strict=True) if size is None]
    return sized, tuple(bad)
