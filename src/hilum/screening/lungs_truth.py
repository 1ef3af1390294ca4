"""Lung masks that people drew: read, and refused where they cannot be of their film."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import DataError, ImageReadError

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["DrawnLungs", "films_with_masks", "read_lung_mask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLungs:
    """A film whose lungs somebody outlined.

    Args:
        film: The radiograph.
        mask: True where the reader saw lung, shape (height, width) of the film.
        source: Where the film comes from.
        patient: (source, patient_id).
        path: The film's file.
    """

    film: Radiograph
    mask: NDArray[np.bool_]
    source: str
    patient: tuple[str, str]
    path: Path


def read_lung_mask(path: str | Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Read a lung mask: a picture whose brighter half of the scale is lung.

    Args:
        path: A PNG or another lossless picture of one channel.
        shape: (height, width) of the film it was drawn on.

    Raises:
        ImageReadError: If it cannot be read, has another shape, or shows no lung or nothing else.
    """
    try:
        with Image.open(path) as picture:
            values = np.asarray(picture.convert("L"))
    except FileNotFoundError as error:
        raise ImageReadError(path, "There is no such lung mask.") from error
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise ImageReadError(path, f"Expected a lung mask, got no readable picture: {error}") from (
            error
        )
    if values.shape != shape:
        raise ImageReadError(
            path,
            f"Expected a lung mask of {shape[1]} x {shape[0]} pixels like its film, got "
            f"{values.shape[1]} x {values.shape[0]}. Draw or export it at the film's own size.",
        )
    mask = values > values.max() // 2
    if not mask.any():
        raise ImageReadError(path, "The lung mask is empty: no pixel is lung. Leave it out.")
    if mask.all() or values.min() == values.max():
        raise ImageReadError(path, "The lung mask is full: every pixel is lung. Leave it out.")
    return np.asarray(mask, np.bool_)


def films_with_masks(manifest: Manifest, split: str | None = None) -> Iterator[DrawnLungs]:
    """Yield the films of a manifest whose lungs people outlined, in its order.

    Args:
        manifest: With a column lung_mask.
        split: train, val, test or another; None for all films.

    Raises:
        DataError: If no film has a mask.
        ImageReadError: If a film or a mask cannot be read, or they do not fit each other.
    """
    frame = (manifest if split is None else manifest.select(split=split)).frame
    if "lung_mask" in frame.columns:
        frame = frame.drop_nulls("lung_mask")
    if "lung_mask" not in frame.columns or not frame.height:
        where = "this manifest" if split is None else f"split {split!r} of this manifest"
        raise DataError(
            f"Expected films with a lung mask in {where}, got none. Name each mask's file in the "
            "column lung_mask."
        )
    for row in frame.iter_rows(named=True):
        path = manifest.root / row["path"]
        film = read_radiograph(path)
        yield DrawnLungs(
            film=film,
            mask=read_lung_mask(manifest.root / row["lung_mask"], film.shape),
            source=row["source"],
            patient=(row["source"], row["patient_id"]),
            path=path,
        )
