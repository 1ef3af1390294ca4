"""Films cropped to their lungs, or with nothing but lungs, or with everything else: to train on.

What remains of a score when a network sees lungs alone, and when it sees all but the lungs, says
where the score comes from. The films are written as a set of their own with a manifest, so that
`hilum train`, `crossval` and `evaluate` take them as any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.data.preprocessing import to_uint8
from hilum.data.reading import read_radiograph
from hilum.errors import DataError, ImageReadError
from hilum.screening.lungs import LungSegmenter
from hilum.screening.storing import store_png

__all__ = ["KINDS", "AppliedMasks", "Kind", "apply_masks", "show_only"]

Kind = Literal["crop", "lungs", "outside"]
KINDS: tuple[Kind, ...] = ("crop", "lungs", "outside")
_MARGIN = 0.05


@dataclass(slots=True, kw_only=True)
class AppliedMasks:
    """What was written: films with a good and a poor mask, those without lungs, those unread."""

    good: int = 0
    poor: int = 0
    without: int = 0
    """Films on which no lung was found. They are left out."""

    failed: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason of films that could not be read. They are left out."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        failed = [{"path": path, "reason": reason} for path, reason in self.failed]
        return {
            "good": self.good, "poor": self.poor, "without_lungs": self.without, "failed": failed,
        }  # fmt: skip


def show_only(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], kind: Kind) -> NDArray[np.uint8]:
    """Return a film of which only part is shown.

    Args:
        pixels: Shape (height, width).
        mask: True where lung is; the same shape, and true somewhere.
        kind: `crop` for the smallest square around the lungs with 5 % more on each side, as far as
            the film goes; `lungs` for black outside them; `outside` for black inside them.
    """
    if kind != "crop":
        shown = mask if kind == "lungs" else ~mask
        return np.where(shown, pixels, np.uint8(0))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    side = max(rows[-1] - rows[0], columns[-1] - columns[0]) * (1 + 2 * _MARGIN)
    spans = []
    for found, length in ((rows, pixels.shape[0]), (columns, pixels.shape[1])):
        size = min(int(side) + 1, length)
        first = int((found[0] + found[-1] + 1 - size) / 2)
        first = min(max(first, 0), length - size)
        spans.append(slice(first, first + size))
    return np.ascontiguousarray(pixels[spans[0], spans[1]])


def apply_masks(
    manifest: Manifest,
    out: str | Path,
    segmenter: LungSegmenter,
    kind: Kind,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> AppliedMasks:
    """Write every film with only part of it shown, and a manifest of them.

    The folder gets films/*.png, 8 bits, and manifest.csv with the columns the films had. Masks come
    from the segmenter for all films alike, drawn ones or not, so that no source is treated better.

    Args:
        manifest: The films.
        out: A folder that is new or empty.
        segmenter: What finds the lungs.
        kind: What is shown; see `show_only`.
        progress: Called with (films done, films in all).

    Raises:
        DataError: If `out` is not empty, or no film could be written.
    """
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is not an empty folder. Choose a new one.")
    (folder / "films").mkdir(parents=True, exist_ok=True)
    done, rows = AppliedMasks(), []
    for number, row in enumerate(manifest.frame.iter_rows(named=True)):
        try:
            film = read_radiograph(manifest.root / row["path"])
        except ImageReadError as error:
            done.failed.append((row["path"], error.reason))
        else:
            found = segmenter.mask(film)
            if found.mask.any():
                name = f"films/{number:06d}.png"
                picture = show_only(to_uint8(film), found.mask, kind)
                store_png(Image.fromarray(picture), folder / name)
                rows.append({**row, "path": name, "lung_mask": None})
            else:
                done.without += 1
            done.good += found.good
            done.poor += not found.good
        if progress is not None:
            progress(number + 1, len(manifest))
    if not rows:
        raise DataError(f"None of {len(manifest)} films could be written; nothing to train on.")
    _write_manifest(rows, folder / "manifest.csv")
    return done


def _write_manifest(rows: list[dict[str, Any]], path: Path) -> None:
    import polars as pl

    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame.select(
        name for name in frame.columns if frame[name].null_count() < frame.height
    ).write_csv(path)
