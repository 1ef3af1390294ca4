"""Lung masks of every film that has none, as PNG files, with a table that says which to believe."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from hilum.data.reading import read_radiograph
from hilum.errors import DataError, ImageReadError
from hilum.screening.lungs import LungMask, LungSegmenter
from hilum.screening.lungs_quality import MaskQuality
from hilum.screening.storing import store_png

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["TABLE", "WrittenMasks", "write_masks"]

TABLE = "lung_masks.csv"
_FOLDER = "masks"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_FIGURES = tuple(entry.name for entry in fields(MaskQuality))
_COLUMNS = ("path", "source", "patient_id", "good", "mask", "reasons", *_FIGURES)


@dataclass(slots=True, kw_only=True)
class WrittenMasks:
    """What was written: films with a good and a poor mask by source, and those not readable."""

    good: dict[str, int] = field(default_factory=dict)
    poor: dict[str, int] = field(default_factory=dict)
    drawn: int = 0
    """Films that have a mask drawn by a person, and were passed over."""

    failed: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason of films that could not be read."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "good": self.good,
            "poor": self.poor,
            "drawn_by_people": self.drawn,
            "failed": [{"path": path, "reason": reason} for path, reason in self.failed],
        }


def write_masks(
    manifest: Manifest,
    out: str | Path,
    segmenter: LungSegmenter,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> WrittenMasks:
    """Find the lungs of every film without a drawn mask; write the good masks and a table of all.

    The folder gets masks/*.png (white is lung, at the film's size) and lung_masks.csv: one row a
    film, poor masks with the reasons and without a file.

    Args:
        manifest: The films.
        out: A folder that is new or empty.
        segmenter: What finds the lungs.
        progress: Called with (films done, films in all).

    Raises:
        DataError: If `out` is not empty.
    """
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is not an empty folder. Choose a new one.")
    (folder / _FOLDER).mkdir(parents=True, exist_ok=True)
    frame, written = manifest.frame, WrittenMasks()
    if "lung_mask" in frame.columns:
        written.drawn = frame.height - frame["lung_mask"].null_count()
        frame = frame.filter(frame["lung_mask"].is_null())
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        table.writeheader()
        for number, row in enumerate(frame.iter_rows(named=True)):
            try:
                found = segmenter.mask(read_radiograph(manifest.root / row["path"]))
            except ImageReadError as error:
                written.failed.append((row["path"], error.reason))
            else:
                table.writerow(_entry(row, found, folder, number))
                counts = written.good if found.good else written.poor
                counts[row["source"]] = counts.get(row["source"], 0) + 1
            if progress is not None:
                progress(number + 1, frame.height)
    return written


def _entry(row: dict[str, Any], found: LungMask, folder: Path, number: int) -> dict[str, Any]:
    """Write a good mask; return the film's row of the table."""
    name = ""
    if found.good:
        stem = _UNSAFE.sub("-", Path(row["path"]).stem).strip("-")[:60] or "film"
        name = f"{_FOLDER}/{number:06d}-{stem}.png"
        store_png(Image.fromarray(found.mask.astype(np.uint8) * 255), folder / name)
    figures = {key: round(value, 4) for key, value in found.quality.to_dict().items()}
    known = {key: row[key] for key in ("path", "source", "patient_id")}
    return {
        **known, "good": found.good, "mask": name, "reasons": "; ".join(found.reasons), **figures,
    }  # fmt: skip
