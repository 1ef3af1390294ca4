"""Pictures of what a check looked at: prepared films in a row, heat on them, a region's outline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.audit.record import Picture
from hilum.data.preprocessing import prepare
from hilum.data.reading import read_radiograph
from hilum.screening.colours import heat_colours

if TYPE_CHECKING:
    from hilum.audit.subject import Subject

__all__ = ["evidence_row"]

_SIDE = 256
_GAP = 6
_STRONGEST = 0.6
_OUTLINE = (120, 220, 255)

Shown = tuple[int, NDArray[np.float32], NDArray[np.bool_], str]
"""(row among the tested films, map (h, w), region over the square, whose evidence)."""


def evidence_row(subject: Subject, films: Sequence[Shown], what: str) -> Picture:
    """Draw the films whose evidence lies least in a region, side by side.

    Args:
        subject: Whose films.
        films: At least one; the least first.
        what: What is outlined: "lungs".
    """
    drawn = [_drawn(subject, *film[:3]) for film in films]
    gap = np.zeros((_SIDE, _GAP, 3), np.uint8)
    row = [part for one in drawn for part in (one, gap)][:-1]
    labels = ", ".join(film[3] for film in films)
    return Picture(
        f"The films whose evidence lies least within the {what} (outlined), as the network sees "
        f"them; the evidence is that for {labels}, each map scaled to its own maximum.",
        np.concatenate(row, axis=1),
    )


def _drawn(
    subject: Subject, row: int, evidence: NDArray[np.float32], region: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    preprocessing = subject.bundle.record.preprocessing
    film = read_radiograph(subject.path(row), smallest_side=preprocessing.decode_side)
    size = (_SIDE, _SIDE)
    grey = Image.fromarray(prepare(film, preprocessing)).resize(size, Image.Resampling.BICUBIC)
    heat = Image.fromarray(evidence / evidence.max()).resize(size, Image.Resampling.BILINEAR)
    share = np.clip(np.asarray(heat, np.float32), 0, 1)
    colours = heat_colours()[np.rint(share * 255).astype(np.uint8)].astype(np.float32)
    weight = (_STRONGEST * share)[..., None]
    base = np.repeat(np.asarray(grey, np.float32)[..., None], 3, axis=2)
    picture = base * (1 - weight) + colours * weight
    picture[_edge(region)] = _OUTLINE
    return np.asarray(np.rint(picture), np.uint8)


def _edge(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the outermost pixels of a region at the picture's size."""
    wide = Image.fromarray(region.astype(np.uint8) * 255).resize(
        (_SIDE, _SIDE), Image.Resampling.BILINEAR
    )
    inside = np.pad(np.asarray(wide) > 127, 1)
    kept = inside[1:-1, 1:-1]
    around = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    return np.asarray(kept & ~around)
