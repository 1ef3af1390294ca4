"""Is this a frontal chest radiograph? If not, why not.

A classifier answers whatever it is given: a hand, a page of text, a constant. The gate looks first,
and says in sentences what it found. A picture with reasons is refused: it gets no probabilities.
Warnings are shown beside the answer.

These are rules about the picture itself; every limit was set where it accepts all of 2,441 frontal
chest radiographs from four sources (2,393 reduced to 480 pixels, 48 as published) with room to
spare. They catch what is plainly something else. A hand or a knee passes them: that takes the
network's own features, for which a bundle's gate record has room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.preprocessing import to_uint8
from hilum.data.radiograph import Radiograph
from hilum.errors import BundleError
from hilum.registry import suggestion

__all__ = ["Limits", "Verdict", "check"]

_LOOK = 256
"""Longer side in pixels of the copy that grey levels are judged on."""

_LATERAL = ("LL", "RL", "LLD", "RLD", "LAT", "LATERAL", "L", "LLO", "RLO")
_CHEST = ("CHEST", "THORAX", "LUNG", "RIB", "STERNUM", "PORT CHEST", "HEART", "TORAX")


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
    """Correlation with two dark lungs, below which the grey scale looks inverted (a warning). One
    of 2,393 radiographs lay below it, and it is inverted; of those turned on purpose 47 % do."""

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found: reasons to refuse, and warnings that do not."""

    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the picture is taken for a frontal chest radiograph."""
        return not self.reasons


def check(radiograph: Radiograph, gate: Mapping[str, Any] | Limits | None = None) -> Verdict:
    """Judge whether a picture is a frontal chest radiograph.

    Args:
        radiograph: As `read_radiograph` returned it.
        gate: The bundle's gate record, or limits made from it.

    Raises:
        BundleError: If the gate record cannot be honoured.
    """
    limits = gate if isinstance(gate, Limits) else Limits.from_gate(gate or {})
    look = _small(radiograph)
    reasons = [
        *_about_tags(radiograph),
        *_about_shape(radiograph, limits),
        *_about_colour(radiograph, limits),
        *_about_greys(look, limits),
    ]
    return Verdict(tuple(reasons), tuple(_doubts(radiograph, look, limits)))


def _small(radiograph: Radiograph) -> NDArray[np.uint8]:
    """Return a copy of the picture in 8 bits whose longer side is at most `_LOOK` pixels."""
    picture = Image.fromarray(np.ascontiguousarray(to_uint8(radiograph)))
    # Whole-number steps keep the grey levels as they are: a mask stays a mask.
    step = max(1, max(picture.size) // _LOOK)
    return np.asarray(picture)[::step, ::step]


def _about_tags(radiograph: Radiograph) -> list[str]:
    view = (radiograph.view or "").strip().upper()
    if view in _LATERAL:
        return [f"The file says it is a lateral view ({view}); expected a frontal one."]
    return []


def _about_shape(radiograph: Radiograph, limits: Limits) -> list[str]:
    height, width = radiograph.full_shape
    shorter, longer = min(height, width), max(height, width)
    found = []
    if shorter < limits.shorter_side:
        found.append(
            f"The picture is too small: {width} x {height} pixels; its shorter side must be at "
            f"least {limits.shorter_side:.0f}."
        )
    if longer > limits.aspect * shorter:
        found.append(
            f"The picture is {longer / shorter:.1f} times as long as wide ({width} x {height} "
            f"pixels); a frontal chest radiograph is at most {limits.aspect:g} times."
        )
    return found


def _about_colour(radiograph: Radiograph, limits: Limits) -> list[str]:
    try:
        colour = float(radiograph.facts.get("colourfulness", "0"))
    except ValueError:
        return []
    if colour <= limits.colour:
        return []
    sentence = (
        f"The picture is in colour (its channels differ by {colour:.0f} grey levels on average); "
        "a radiograph is grey."
    )
    return [sentence]


def _about_greys(look: NDArray[np.uint8], limits: Limits) -> list[str]:
    """Judge the grey levels of the small copy; the first plain fault is enough."""
    shares = np.bincount(look.ravel(), minlength=256) / look.size
    low, high = np.searchsorted(np.cumsum(shares), (0.01, 0.99))
    levels = int((shares > 0).sum())
    two_tone = float(np.sort(shares.reshape(16, 16).sum(1))[-2:].sum())
    black, white = float(shares[:4].sum()), float(shares[252:].sum())
    likeness = _neighbour_correlation(look)
    judged = (
        (
            high - low < limits.spread,
            f"The picture is blank: nearly all of it lies within {high - low:.0f} of 256 greys.",
        ),
        (black > limits.black, f"The picture is mostly black: {black:.0%} of it."),
        (
            white > limits.white,
            f"The picture is mostly white: {white:.0%} of it; it looks like a page or a chart.",
        ),
        (
            levels < limits.levels,
            f"The picture has only {levels} different greys; it looks like a drawing or mask.",
        ),
        (
            two_tone > limits.two_tone,
            f"{two_tone:.0%} of the picture has one of two tones; it looks like text or a mask.",
        ),
        (
            likeness < limits.neighbours,
            f"Neighbouring pixels are hardly alike ({likeness:.2f}): noise or small print.",
        ),
    )
    return [sentence for wrong, sentence in judged if wrong][:1]


def _neighbour_correlation(look: NDArray[np.uint8]) -> float:
    """Return the correlation of each pixel with the one to its right, in [-1, 1]."""
    values = look.astype(np.float64) - look.mean()
    left, right = values[:, :-1], values[:, 1:]
    scale = np.sqrt((left**2).sum() * (right**2).sum())
    return float((left * right).sum() / scale) if scale > 0 else 1.0


def _doubts(radiograph: Radiograph, look: NDArray[np.uint8], limits: Limits) -> list[str]:
    found = []
    part = radiograph.facts.get("BodyPartExamined", "").strip().upper()
    if part and not any(name in part for name in _CHEST):
        found.append(f"The file says it shows {part}; expected CHEST. That tag is often wrong.")
    if _lungs_correlation(look) < limits.inverted:
        found.append(
            "The lungs look brighter than what lies between: the grey scale may be inverted."
        )
    return found


def _lungs_correlation(look: NDArray[np.uint8]) -> float:
    """Return how much the picture resembles two dark lungs on a brighter body, in [-1, 1]."""
    small = Image.fromarray(np.ascontiguousarray(look)).resize((64, 64), Image.Resampling.BOX)
    values = np.asarray(small, dtype=np.float64)
    rows, columns = np.mgrid[:64, :64] / 63.0
    # Where lungs lie in a frontal film, fitted to nothing finer than a grid of four numbers.
    down, across = ((rows - 0.35) / 0.2) ** 2, ((columns - 0.28) / 0.1) ** 2
    expected = -np.exp(-down - across)
    expected = expected + expected[:, ::-1]
    values, expected = values - values.mean(), expected - expected.mean()
    scale = np.sqrt((values**2).sum() * (expected**2).sum())
    return float((values * expected).sum() / scale) if scale > 0 else 0.0
