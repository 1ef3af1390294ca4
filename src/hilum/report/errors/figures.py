"""The picture of the errors that stands alone: the contact sheet of films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.report.contact_sheet import Cell, draw_sheet
from hilum.report.drawing import Mark, short
from hilum.report.errors.maps import Seen

__all__ = ["draw_error_sheet"]

_SIDE = 170


def draw_error_sheet(
    films: Sequence[Seen], title: str, marks: Mapping[str, Mark], out: Path
) -> None:
    """Draw the films called wrongly, each beside its maps where there are any.

    Args:
        films: At least one that was read; those that were not are left out.
        title: Of the sheet.
        marks: Of the classes.
        out: PNG file to write.

    References:
        Paper 2, figure 8.
    """
    explained = any(seen.evidence for seen in films)
    cells = [_cell(seen, marks, explained=explained) for seen in films if seen.film is not None]
    across = 2 if explained else min(6, max(3, len(cells)))
    draw_sheet(cells, title, marks, out, across=across)


def _cell(seen: Seen, marks: Mapping[str, Mark], *, explained: bool) -> Cell:
    about = seen.about
    pictures = [seen.film] if seen.film is not None else []
    if seen.evidence is not None:
        pictures += [seen.evidence.called, seen.evidence.true]
    tiles = [_square(picture) for picture in pictures]
    if explained and seen.evidence is None:
        tiles += [np.full_like(tiles[0], 255)] * 2
    share, rest = about["probability_called"], about["probability_true"]
    said = f"{about['rank']}. {short(about['true'])} called {short(about['called'])}"
    caption = f"{said}: {share:.2f}, true class {rest:.2f}" if explained else f"{said}\n{share:.2f}"
    both = (marks[about["true"]], marks[about["called"]])
    return Cell(np.concatenate(tiles, axis=1), both, caption.replace(r"\$", "$"))


def _square(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture in RGB, whole, on a black square."""
    image = Image.fromarray(picture).convert("RGB")
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (_SIDE, _SIDE))
    square.paste(image, ((_SIDE - image.width) // 2, (_SIDE - image.height) // 2))
    return np.asarray(square)
