"""The picture a reader gets: the film, the heat on it, and what it means.

A picture is passed on without the page it stood on, so everything needed not to misread it is in
its pixels: for which class, with what probability, decided by which rule, by which bundle, and
that it is for research use only. The film's name is not: names hold patients' names.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from hilum.data.preprocessing import to_uint8
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import DataError
from hilum.screening.colours import heat_colours
from hilum.screening.cores import usable_cores
from hilum.screening.heatmap import Heatmap, heatmaps
from hilum.screening.lettering import AMBER, BACKGROUND, DIM, FAINT, TEXT, Lettering
from hilum.screening.record import BundleRecord
from hilum.screening.result import Screening
from hilum.screening.storing import overlay_name, store_png

__all__ = ["draw_overlay", "write_overlays"]

_LONGEST = 1024
_SHORTEST_WIDTH = 640
_HEADER, _FOOTER, _MARGIN = 84, 76, 18
_STRONGEST = 0.65
"""Opacity of the greatest heat; the film stays visible beneath it."""
_FAINTEST = 0.18
"""Heat below which the film shows as it is."""


@dataclass(frozen=True, slots=True)
class _Canvas:
    """A film scaled for display, and where it lies in the picture."""

    grey: Image.Image
    left: int
    width: int


def write_overlays(
    screening: Screening, record: BundleRecord, folder: str | Path
) -> dict[str, Path]:
    """Write one overlay a class and return their paths by class.

    Files are named after the film, a hash of its bytes and the class, so that films of the same
    name do not overwrite each other; each is written whole or not at all.

    Args:
        screening: An answer; without its film, the film is read again from its path.
        record: The record of the bundle that answered.
        folder: Where the PNG files go; made if missing.

    Raises:
        DataError: If the film cannot be read again, or has changed since.
        ValueError: If the screening holds no answer.
    """
    film = _sharp_film(screening)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    canvas = _canvas(film)

    def stored(index: int, label: str, heat: Heatmap) -> Path:
        picture = _draw(canvas, heat, screening, label)
        return store_png(picture, place / overlay_name(screening.path, film.sha256, index, label))

    # Encoding takes most of the time and leaves the interpreter free for the next class.
    with ThreadPoolExecutor(usable_cores()) as pool:
        waiting = {
            label: pool.submit(stored, index, label, heat)
            for index, (label, heat) in enumerate(_heat(screening, record, canvas).items())
        }
        return {label: future.result() for label, future in waiting.items()}


def draw_overlay(
    screening: Screening, record: BundleRecord, label: str, *, film: Radiograph | None = None
) -> Image.Image:
    """Draw the evidence for one class on the film.

    Args:
        screening: An answer.
        record: The record of the bundle that answered.
        label: The class.
        film: The radiograph; None takes the one kept in `screening`, or reads it again.

    Returns:
        An RGB picture whose film is at most 1024 pixels long.

    Raises:
        DataError: If the film cannot be read again, or has changed since.
        ValueError: If the screening holds no answer, or the bundle has no such class.
    """
    if label not in record.classes:
        raise ValueError(f"label must be one of {list(record.classes)}, got {label!r}")
    canvas = _canvas(film if film is not None else _sharp_film(screening))
    return _draw(canvas, _heat(screening, record, canvas)[label], screening, label)


def _sharp_film(screening: Screening) -> Radiograph:
    """Return the film at the detail worth showing; a reduced decoding is read again."""
    film = screening.film
    if film is not None and min(film.shape) >= min(_LONGEST, *film.full_shape):
        return film
    path = Path(screening.path)
    if film is not None and not path.is_file():
        return film
    sharp = read_radiograph(path, smallest_side=_LONGEST)
    if sharp.sha256 != screening.sha256:
        raise DataError(f"{path} has changed since it was screened; screen it again.")
    return sharp


def _canvas(film: Radiograph) -> _Canvas:
    grey = Image.fromarray(np.ascontiguousarray(to_uint8(film)))
    scale = _LONGEST / max(grey.size)
    size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
    # Small films are enlarged, so that lettering and film keep their proportions.
    grey = grey.resize(size, Image.Resampling.LANCZOS)
    width = max(grey.width, _SHORTEST_WIDTH)
    return _Canvas(grey, (width - grey.width) // 2, width)


def _heat(screening: Screening, record: BundleRecord, canvas: _Canvas) -> dict[str, Heatmap]:
    if screening.cams is None or screening.probabilities is None:
        raise ValueError("an overlay needs an answer; this film was refused or failed")
    shape = canvas.grey.height, canvas.grey.width
    maps = heatmaps(screening.cams, record.preprocessing, shape)
    return dict(zip(record.classes, maps, strict=True))


def _draw(canvas: _Canvas, heat: Heatmap, screening: Screening, label: str) -> Image.Image:
    height = _HEADER + canvas.grey.height + _FOOTER
    picture = Image.new("RGB", (canvas.width, height), BACKGROUND)
    film = canvas.grey.convert("RGB")
    if not heat.empty:
        film.paste(*_heat_layer(heat))
    _mark_region(film, heat.region)
    picture.paste(film, (canvas.left, _HEADER))
    letters = Lettering(ImageDraw.Draw(picture), canvas.width - 2 * _MARGIN)
    _write_header(letters, screening, label)
    if heat.empty:
        _write_empty(letters, picture, label)
    _write_footer(letters, picture, heat, screening)
    return picture


def _heat_layer(heat: Heatmap) -> tuple[Image.Image, tuple[int, int], Image.Image]:
    """Return the colours of the heat, where they go, and how opaque they are."""
    scaled = heat.heat * np.float32(255)
    levels = Image.fromarray(np.rint(scaled, out=scaled).astype(np.uint8))
    share = np.clip((np.arange(256) / 255 - _FAINTEST) / (1 - _FAINTEST), 0, 1)
    opacity = levels.point(np.rint(255 * _STRONGEST * share**0.75).tolist())
    levels.putpalette(heat_colours().tobytes())  # turns it into a picture of palette entries
    return levels.convert("RGB"), (0, 0), opacity


def _mark_region(film: Image.Image, region: tuple[int, int, int, int]) -> None:
    """Mark the corners of what the network saw, where that is not the whole film."""
    top, left, height, width = region
    right, bottom = left + width - 1, top + height - 1
    if top <= 0 and left <= 0 and right >= film.width - 1 and bottom >= film.height - 1:
        return
    draw, arm = ImageDraw.Draw(film), max(12, min(width, height) // 24)
    for x, inward in ((max(left, 1), 1), (min(right, film.width - 2), -1)):
        for y, down in ((max(top, 1), 1), (min(bottom, film.height - 2), -1)):
            draw.line([(x, y + down * arm), (x, y), (x + inward * arm, y)], fill=TEXT, width=2)


def _write_header(letters: Lettering, screening: Screening, label: str) -> None:
    probability = (screening.probabilities or {}).get(label, float("nan"))
    number = f"{100 * probability:.1f} %"
    used = letters.right(number, 12, size=30)
    letters.left(f"Evidence for {label}", 12, size=30, room=letters.room - used - 20)
    rule = f"{screening.threshold_name}: {screening.threshold.describe()}"
    decision = f"Decision: {screening.decision}   ({rule})"
    kind = "calibrated probability" if screening.calibrated else "probability, not calibrated"
    used = letters.right(kind, 52, size=16, colour=DIM)
    letters.left(decision, 52, size=16, colour=DIM, room=letters.room - used - 20)


def _write_empty(letters: Lettering, picture: Image.Image, label: str) -> None:
    y = picture.height - _FOOTER - 44
    letters.box(f"No evidence map for {label}: the map is empty.", y, size=18)


def _write_footer(
    letters: Lettering, picture: Image.Image, heat: Heatmap, screening: Screening
) -> None:
    y = picture.height - _FOOTER
    refused = "" if screening.accepted else "REFUSED BY THE GATE - "
    letters.right(f"{refused}RESEARCH USE ONLY", y + 10, size=22, colour=AMBER)
    note = f"{screening.bundle_name}  {screening.bundle[:12]}"
    letters.right(note, y + 44, size=15, colour=DIM, room=letters.room // 2)
    room = min(300, letters.room // 3)
    bar = np.repeat(heat_colours()[None], 12, axis=0)
    legend = Image.fromarray(bar).resize((room, 12))
    if heat.empty:
        legend = Image.new("RGB", legend.size, FAINT)
    picture.paste(legend, (_MARGIN, y + 20))
    letters.left("0", y + 44, size=15, colour=DIM)
    most = "no evidence" if heat.empty else f"max {heat.peak:.2g}"
    letters.ending_at(_MARGIN + room, most, y + 44, size=15, colour=DIM)
