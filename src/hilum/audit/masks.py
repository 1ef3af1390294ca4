"""Where the lungs of a film are, and where its lesion, if that is known.

Lungs come from the manifest's `lung_mask` where someone drew them, otherwise from the lung
segmenter, and not at all where that finds its own mask poor. Lesions are known of phantoms only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import HilumError, ImageReadError

if TYPE_CHECKING:
    from hilum.screening.lungs import LungSegmenter

__all__ = ["Found", "Masks"]

Kind = Literal["lungs", "lesion"]
_COLUMNS: Mapping[Kind, str] = {"lungs": "lung_mask", "lesion": "lesion_mask"}


@dataclass(frozen=True, slots=True)
class Found:
    """A mask, or why there is none."""

    mask: NDArray[np.bool_] | None
    """Shape of the film's pixels."""

    why_not: str = ""


class Masks:
    """Find masks.

    Args:
        root: What relative mask paths are relative to.
        segmenter: Finds the lungs nobody drew; None: those films have no lungs.
    """

    def __init__(self, root: Path, segmenter: LungSegmenter | None) -> None:
        self._root = root
        self._segmenter = segmenter

    @property
    def has_segmenter(self) -> bool:
        """Whether lungs are also found where nobody drew them."""
        return self._segmenter is not None

    def drawn(self, kind: Kind, row: Mapping[str, object]) -> Path | None:
        """Return the mask file a manifest row names, if any."""
        name = row.get(_COLUMNS[kind])
        return self._root / str(name) if name else None

    def origin(self, kind: Kind, row: Mapping[str, object]) -> str:
        """Name where the mask comes from, for the key of an answer."""
        drawn = self.drawn(kind, row)
        if drawn is not None:
            try:
                return hashlib.sha256(drawn.read_bytes()).hexdigest()[:16]
            except OSError:
                return "unreadable"
        if kind == "lungs" and self._segmenter is not None:
            return self._segmenter.id[:16]
        return "none"

    def find(self, kind: Kind, row: Mapping[str, object], film: Radiograph) -> Found:
        """Return the mask of a film."""
        drawn = self.drawn(kind, row)
        if drawn is not None:
            return _read(drawn, film.shape)
        if kind == "lesion":
            return Found(None, "no lesion is drawn")
        if self._segmenter is None:
            return Found(None, "no lungs are drawn, and there is no segmenter")
        found = self._segmenter.mask(film)
        if not found.good:
            return Found(None, f"the lungs found are poor: {'; '.join(found.faults)}")
        return Found(found.mask)


def _read(path: Path, shape: tuple[int, int]) -> Found:
    try:
        drawn = read_radiograph(path)
    except ImageReadError as error:
        return Found(None, f"its mask cannot be read: {error.reason}")
    except (HilumError, OSError) as error:
        return Found(None, f"its mask cannot be read: {error}")
    mask = _fitted(drawn.pixels > 0, shape)
    if not mask.any():
        return Found(None, "its mask is empty")
    return Found(mask)


def _fitted(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask at another size, the nearest pixel for each."""
    rows = (np.arange(shape[0]) * mask.shape[0]) // shape[0]
    columns = (np.arange(shape[1]) * mask.shape[1]) // shape[1]
    return np.asarray(mask[np.ix_(rows, columns)])
