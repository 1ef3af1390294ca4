"""Contact sheets, and generated films as files with a manifest.

Every file says in itself that it shows no patient: it may be met without its folder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from hilum.data.atomic import replacing
from hilum.data.manifest import Manifest
from hilum.errors import DataError
from hilum.evaluation.record import RESEARCH_USE

__all__ = ["SOURCE", "contact_sheet", "in_rows", "read_origin", "write_samples"]

SOURCE = "generated"
"""What a manifest calls the source of a drawn film."""

Pictures = NDArray[np.uint8]

_ORIGIN = "origin.json"
_GAP = 2
_LINE = 16
_GENERATED = "Drawn by a variational autoencoder. Shows no patient."


def contact_sheet(
    rows: Sequence[Pictures], out: Path, *, title: str, row_names: Sequence[str] = ()
) -> None:
    """Write pictures in rows, with a title and what they must not be used for.

    Args:
        rows: Each of shape (n, size, size); a row may be shorter than others.
        out: PNG file to write.
        title: What they are, in a line.
        row_names: One a row, written above it; none if empty.

    Raises:
        ValueError: If there is nothing to show.
    """
    if not rows or not all(len(row) for row in rows):
        raise ValueError("Expected at least one picture in every row of a contact sheet")
    side = rows[0].shape[1]
    columns = max(len(row) for row in rows)
    label = _LINE if row_names else 0
    pitch = side + _GAP
    width = max(columns * pitch + _GAP, 8 * max(map(len, (title, RESEARCH_USE, *row_names))))
    height = 2 * _LINE + _GAP + len(rows) * (pitch + label)
    sheet = Image.new("L", (width, height), 255)
    write = ImageDraw.Draw(sheet)
    write.text((_GAP, 2), title, fill=0)
    write.text((_GAP, _LINE + 2), RESEARCH_USE, fill=0)
    for number, row in enumerate(rows):
        top = 2 * _LINE + _GAP + number * (pitch + label)
        if row_names:
            write.text((_GAP, top + 2), row_names[number], fill=0)
        for column, picture in enumerate(row):
            sheet.paste(Image.fromarray(picture), (_GAP + column * pitch, top + label))
    _save(sheet, out)


def in_rows(pictures: Pictures, columns: int | None = None) -> list[Pictures]:
    """Part pictures (n, size, size) into rows of about as many as there are rows."""
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    return [pictures[start : start + columns] for start in range(0, len(pictures), columns)]


def write_samples(
    pictures: Pictures,
    folder: Path,
    *,
    label: str | None,
    name: str,
    origin: Mapping[str, Any],
) -> Manifest | None:
    """Write each drawn film as a PNG, and manifest.csv, with which they can be trained on.

    Each counts as a patient of its own, from the source `generated`, in the train split: a drawn
    film is never validated or tested on.

    Args:
        pictures: Grey levels, shape (n, size, size).
        folder: New or empty.
        label: Of the films that were learned; None writes no manifest.
        name: Begins every patient_id; the run's name and the seed.
        origin: What drew them, for origin.json; `manifest_sha256` names the films learned from.

    Raises:
        DataError: If the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder} is not empty. Choose another folder for --out.")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    paths = [f"images/{number:05d}.png" for number in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        _save(Image.fromarray(picture), folder / path)
    with replacing(folder / _ORIGIN) as file:
        file.write(json.dumps(dict(origin), indent=2, allow_nan=False).encode())
    if label is None:
        return None
    frame = pl.DataFrame(
        {
            "path": paths,
            "patient_id": [f"{name}-{number:05d}" for number in range(len(pictures))],
            "source": SOURCE,
            "label": label,
            "split": "train",
        }
    )
    manifest = Manifest.from_frame(frame, folder, notes=(_GENERATED,))
    manifest.write(folder / "manifest.csv")
    return manifest


def read_origin(folder: Path) -> dict[str, Any]:
    """Return what drew the films of a folder.

    Raises:
        DataError: If its origin.json cannot be read.
    """
    try:
        values: dict[str, Any] = json.loads((folder / _ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder / _ORIGIN} cannot be read: {error}. Draw the films with `hilum generate "
            "sample`."
        ) from error
    return values


def _save(picture: Image.Image, path: Path) -> None:
    facts = PngInfo()
    facts.add_text("Description", f"{_GENERATED} {RESEARCH_USE}")
    with replacing(path) as file:
        picture.save(file, format="PNG", pnginfo=facts)
