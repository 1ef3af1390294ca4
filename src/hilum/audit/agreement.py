"""How far two explanations of one answer agree, and the sentence a reader needs when they do not.

Maps of one answer made in different ways that point to different places cannot all be right, and
nothing on the film says which is wrong. So what is said is that the map should not be trusted
there. Agreement is weaker evidence: all methods look into one network, and can be wrong together.

Maps are compared on the network's own grid, to which finer ones are averaged: their order, and the
cell in which each is strongest. Peaks on the finer grid were tried and warn less well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.audit.maps import cover, rank_correlation, share_inside
from hilum.screening.heatmap import is_empty

__all__ = [
    "FAR_APART",
    "UNRELATED",
    "Agreement",
    "MethodMap",
    "compare_maps",
    "in_words",
    "on_grid",
    "place_of",
    "share_in",
]

FAR_APART = 0.25
"""Distance of the peaks, as a share of the square's side, from which on two maps disagree: where
Grad-CAM and occlusion are that far apart, Grad-CAM misses the opacity of a phantom several times as
often. Measured in docs/second-opinions.md."""

UNRELATED = 0.0
"""Rank correlation at or below which two maps disagree: one says nothing of the order of the other.
No higher limit is set, because none was found to tell good maps from bad."""

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MethodMap:
    """One method's map of the evidence for one class.

    Args:
        method: Its name.
        label: The class.
        values: At least 0, shape (rows, columns), over the square the network sees.
        grid: (rows, columns) of the network's own map.
        in_lungs: Share of it inside the lungs, in [0, 1]; None if it is empty or the lungs are not
            known.
    """

    method: str
    label: str
    values: Map
    grid: tuple[int, int]
    in_lungs: float | None = None

    @property
    def empty(self) -> bool:
        """Whether it holds nothing, or something that is not a number."""
        return bool(is_empty(self.values[None])[0])

    @property
    def peak(self) -> float:
        """Its greatest value; 0 if it is empty."""
        return 0.0 if self.empty else float(self.values.max())

    @property
    def on_grid(self) -> Map:
        """The map averaged to the network's grid."""
        return on_grid(self.values, self.grid)

    @property
    def place(self) -> tuple[float, float] | None:
        """The centre of the grid's cell in which it is strongest, down and across, in [0, 1]."""
        return None if self.empty else place_of(self.on_grid)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        down, across = self.place or (None, None)
        return {
            "method": self.method,
            "empty": self.empty,
            "peak": self.peak,
            "peak_down": down,
            "peak_across": across,
            "in_lungs": self.in_lungs,
            "map": [] if self.empty else np.round(self.values.astype(float), 6).tolist(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two maps of the same class agree.

    Args:
        first: Method of the one.
        second: Of the other.
        rank_correlation: Spearman's, over the cells of the network's grid; None if a map is empty
            or the same everywhere.
        peaks_apart: Distance of the cells in which they are strongest, as a share of the square's
            side; None as well.
    """

    first: str
    second: str
    rank_correlation: float | None
    peaks_apart: float | None

    @property
    def known(self) -> bool:
        """Whether the two could be compared."""
        return self.rank_correlation is not None and self.peaks_apart is not None

    @property
    def disagree(self) -> bool:
        """Whether they point to different places."""
        if self.rank_correlation is None or self.peaks_apart is None:
            return False
        return self.rank_correlation <= UNRELATED or self.peaks_apart >= FAR_APART

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "between": [self.first, self.second],
            "rank_correlation": self.rank_correlation,
            "peaks_apart": self.peaks_apart,
            "disagree": self.disagree if self.known else None,
        }


def place_of(values: Map) -> tuple[float, float]:
    """Return where a map is strongest: down and across, as shares of its sides.

    >>> place_of(np.float32([[0, 0], [0, 1]]))
    (0.75, 0.75)
    """
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    return (float(row) + 0.5) / values.shape[0], (float(column) + 0.5) / values.shape[1]


def compare_maps(maps: Sequence[MethodMap]) -> list[Agreement]:
    """Return how far each two maps of a class agree, in the order given.

    Args:
        maps: Of one class and one film, by different methods.
    """
    found = []
    for place, first in enumerate(maps):
        for second in maps[place + 1 :]:
            correlation = apart = None
            if first.place is not None and second.place is not None:
                value = rank_correlation(first.on_grid, second.on_grid)
                if not math.isnan(value):
                    correlation, apart = value, math.dist(first.place, second.place)
            found.append(
                Agreement(
                    first=first.method,
                    second=second.method,
                    rank_correlation=correlation,
                    peaks_apart=apart,
                )
            )
    return found


def share_in(values: Map, region: NDArray[np.bool_]) -> float:
    """Return how much of a map lies in a region of the square, in [0, 1].

    Args:
        values: Not empty, shape (rows, columns).
        region: Over the square, shape (size, size).
    """
    return share_inside(values, cover(region, (values.shape[0], values.shape[1])))


def on_grid(values: Map, grid: tuple[int, int]) -> Map:
    """Return a map averaged to another grid."""
    if values.shape == grid:
        return values
    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize((grid[1], grid[0]), Image.Resampling.BOX))


def in_words(
    label: str, maps: Sequence[MethodMap], found: Sequence[Agreement], names: Mapping[str, str]
) -> str:
    """Say in a sentence or two what a reader may conclude.

    Args:
        label: The class.
        maps: Of that class.
        found: As `compare_maps` gives it.
        names: Method to what a reader calls it.
    """
    nothing = [names[one.method] for one in maps if one.empty]
    empty = f"The map of {' and '.join(nothing)} is empty. " if nothing else ""
    apart = [one for one in found if one.disagree]
    if apart:
        pairs = "; ".join(_pair(one, names) for one in apart)
        return (
            f"{empty}The maps disagree about where the evidence for {label} lies ({pairs}). Where "
            "the network looked is not known: do not trust the map of this film."
        )
    if not any(one.known for one in found):
        return f"{empty}There are no two maps for {label} to compare: nothing confirms the map."
    return (
        f"{empty}The maps agree about where the evidence for {label} lies. That says where the "
        "network looked, not that it was right to."
    )


def _pair(one: Agreement, names: Mapping[str, str]) -> str:
    between = f"{names[one.first]} and {names[one.second]}"
    if one.rank_correlation is None or one.peaks_apart is None:
        return f"{between}: not known"
    return (
        f"{between}: peaks {100 * one.peaks_apart:.0f}\u00a0% of the square's side apart, rank "
        f"correlation {one.rank_correlation:.2f}"
    )
