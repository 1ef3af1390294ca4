"""What is asked of a process that looks at films, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.serve.storage.jobs import Region

__all__ = ["Draw", "Drawn", "Failed", "Look", "Reply", "Seen", "Show", "Shown", "Task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Screen a film.

    Args:
        path: Where its bytes lie.
        struck: Regions that the network must not see, as shares of height and width.
    """

    path: str
    struck: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a screener said of a film.

    Args:
        told: `Screening.to_dict()`, without the path.
        facts: What the film says of itself: keywords to text, and its size, depth and spacing.
        cams: Maps of all classes, shape (classes, h, w); None without an answer.
        region: What the network saw, as shares of the film's height and width.
    """

    told: dict[str, Any]
    facts: dict[str, Any]
    cams: NDArray[np.float32] | None = None
    region: Region | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Return a film's grey levels, for a screen.

    Args:
        path: Where its bytes lie.
        longest: Pixels of its longer side, at most.
    """

    path: str
    longest: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Grey levels of a film, brighter = denser.

    Args:
        shape: (height, width) of what is shown.
        full_shape: (height, width) of the film.
        bits: 8 or 16 a pixel.
        white: The value that stands for white.
        spacing_mm: Distance of pixels (rows, columns) of what is shown, if known.
        spacing_kind: "calibrated" or "detector".
        pixels: Row by row, little-endian.
    """

    shape: tuple[int, int]
    full_shape: tuple[int, int]
    bits: int
    white: int
    spacing_mm: tuple[float, float] | None
    spacing_kind: str | None
    pixels: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Draw the evidence for one class on a film.

    Args:
        path: Where its bytes lie.
        told: The answer it was given, as `Seen.told`.
        cams: Its maps, shape (classes, h, w).
        label: The class.
    """

    path: str
    told: Mapping[str, Any]
    cams: NDArray[np.float32] = field(repr=False)
    label: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture.

    Args:
        png: Its bytes.
    """

    png: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """A film of which nothing can be had, and why.

    Args:
        reason: A sentence without the film's path.
        deaths: Processes that died over it.
    """

    reason: str
    deaths: int = 0


Task = Look | Show | Draw
Reply = Seen | Shown | Drawn | Failed
