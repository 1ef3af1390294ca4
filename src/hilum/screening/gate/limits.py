"""Where the gate draws its lines: plain numbers that a bundle may move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hilum.errors import BundleError
from hilum.registry import suggestion

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where the gate draws its lines. The extremes met in 2,441 radiographs stand in brackets."""

    shorter_side: float = 100.0
    """Pixels below which too little is to be seen. [205]"""

    aspect: float = 2.0
    """Longer side over shorter side, above which it is a strip of a picture. [1.78]"""

    spread: float = 20.0
    """Grey levels of 256 between the 1st and 99th percentile, below which it is blank. [63]"""

    levels: float = 32.0
    """Grey levels of 256 in use, below which it is a drawing or a mask. [118]"""

    two_tone: float = 0.9
    """Share of pixels in the two commonest sixteenths of the scale: text, line art. [0.78]"""

    black: float = 0.85
    """Share of pixels that are black. [0.65]"""

    white: float = 0.5
    """Share of pixels that are white. [0.19]"""

    colour: float = 24.0
    """Mean difference of the colour channels in grey levels; a tinted film has some. [18.4]"""

    neighbours: float = 0.7
    """Correlation of neighbouring pixels, below which it is noise. [0.88]"""

    inverted: float = -0.3
    """Correlation with two dark lungs, below which the grey scale looks inverted (a warning). Asked
    only where the layout network is not. One of 2,393 radiographs lay below it, and it is inverted;
    of those turned on purpose 47 % do."""

    youngest: float = 18.0
    """Years of age below which the file's own tags say that it shows a child; 0 admits all."""

    chest: float | None = None
    """Probability of a chest, below which it is something else; None for the network's own limit,
    as in the four that follow. 0 never refuses."""

    turned: float | None = None
    """Probability of lying on a side or upside down, above which it does; 1 never refuses."""

    mirrored: float | None = None
    """Probability of left and right being exchanged, above which that is warned about."""

    negative: float | None = None
    """Probability of bright lungs and dark bones, above which the grey scale is inverted."""

    piece: float | None = None
    """Probability that only a part of the chest is shown, above which it is refused."""

    @classmethod
    def from_gate(cls, gate: Mapping[str, Any]) -> Limits:
        """Return the limits of a bundle's gate record, `{"limits": {...}}`, or the defaults.

        Raises:
            BundleError: If the record names a limit that does not exist or is not a number.
        """
        values = gate.get("limits", {})
        known = [entry.name for entry in fields(cls)]
        if not isinstance(values, Mapping):
            raise BundleError(f"gate.limits must be an object of numbers, got {values!r:.80}")
        problems = [
            f"gate.limits.{key}: no such limit. {suggestion(str(key), known)}"
            for key in values
            if key not in known
        ]
        problems += [
            f"gate.limits.{key} must be a number, got {value!r:.80}"
            for key, value in values.items()
            if isinstance(value, bool) or not isinstance(value, int | float)
        ]
        if problems:
            raise BundleError("\n".join(["The bundle's gate cannot be used:", *problems]))
        return cls(**{key: float(value) for key, value in values.items()})
