"""Is this mask two lungs? Figures that say so, and limits beyond which it is called poor.

A segmenter answers whatever it is shown. Nothing here looks at the truth: the figures are of the
mask itself and of how sure the network was. The limits lie in the bundle; training finds them on
held-out films whose masks are good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import BundleError
from hilum.registry import suggestion
from hilum.screening.lungs_components import hull_area

__all__ = ["MaskLimits", "MaskQuality", "find_limits", "overlap", "weigh"]

_RARE = 0.02
"""Share of good masks at either end that may be odd: drawn masks are, too."""

_SLACK = 0.5
"""How far limits lie beyond the rest, as a share of the way from the median to there."""


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float]:
    """Return Dice and intersection over union of two masks, in [0, 1]; 1 where both are empty.

    Dice = 2 |A and B| / (|A| + |B|), IoU = |A and B| / |A or B|.

    Raises:
        ValueError: If their shapes differ.

    >>> overlap(np.array([True, True]), np.array([True, False]))
    (0.6666666666666666, 0.5)
    """
    if one.shape != other.shape:
        raise ValueError(f"masks must have one shape, got {one.shape} and {other.shape}")
    both, either = int((one & other).sum()), int((one | other).sum())
    if either == 0:
        return 1.0, 1.0
    return 2 * both / (either + both), both / either


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskQuality:
    """What a mask looks like, in figures that need no truth."""

    certainty: float
    """Dice of the mask with the probabilities it was cut from, in [0, 1]; 1 = no doubt anywhere."""

    agreement: float
    """Dice of the masks of the film and of its mirror image, in [0, 1]."""

    area: float
    """Share of the film that is lung, in [0, 1]."""

    balance: float
    """Area of the smaller lung over that of the larger, in [0, 1]; 0 where there is one only."""

    stray: float
    """Share of what was taken for lung that lies outside the two largest parts, in [0, 1]."""

    apart: float
    """Distance of the lungs' centres across, over the width of both together; 0 for one."""

    level: float
    """Share of the shorter lung's height that lies beside the other one, in [0, 1]."""

    taper: float
    """Mean width of the lungs' upper third over that of their lower third; above 1 = top-heavy."""

    solid: float
    """Area of a lung over that of the convex figure round it, of the more ragged one, in [0, 1]."""

    cut: float
    """Share of the film's own edge that is lung, in [0, 1]: lungs that leave the film."""

    def to_dict(self) -> dict[str, float]:
        """Return plain values for JSON."""
        return asdict(self)


_POOR = {
    "certainty": "the outline is uncertain",
    "agreement": "the mirrored film got other lungs",
    "area": "the lungs take an unusual share of the film",
    "balance": "the lungs differ much in size, or one is missing",
    "stray": "parts besides two lungs were taken for lung",
    "apart": "the two parts do not lie side by side",
    "level": "the two parts do not lie at one height",
    "taper": "the lungs are wider at the top than at the bottom: is the film upside down?",
    "solid": "a lung is ragged or has arms",
    "cut": "the lungs run out of the film",
}
_LOW = ("certainty", "agreement", "area", "balance", "apart", "level", "solid")
_HIGH = ("area", "stray", "taper", "cut")
_OF_THE_NETWORK = ("certainty", "agreement", "stray")
_AT_LEAST_ALLOWED = {"stray": 0.02, "cut": 0.05}
"""What is no fault whatever the films showed that limits were found on."""


@dataclass(frozen=True, slots=True)
class MaskLimits:
    """The least and the most that a good mask shows, by name of the figure."""

    least: Mapping[str, float]
    most: Mapping[str, float]

    def reasons(self, quality: MaskQuality) -> tuple[str, ...]:
        """Return why a mask is poor, one line a reason; none if it is good.

        Where there is no lung or one, what cannot be said of it is not held against it as well.
        """
        if not quality.area:
            return ("no lung was found",)
        missing = ("apart", "level") if not quality.balance else ()
        found = []
        for name, value in quality.to_dict().items():
            if name in missing:
                continue
            low, high = self.least.get(name, -math.inf), self.most.get(name, math.inf)
            if value < low:
                found.append(f"{_POOR[name]} ({name} {value:.2f}, at least {low:.2f} expected)")
            elif value > high:
                found.append(f"{_POOR[name]} ({name} {value:.2f}, at most {high:.2f} expected)")
        return tuple(found)

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Return plain values for a bundle's record."""
        return {"least": dict(self.least), "most": dict(self.most)}

    @classmethod
    def from_dict(cls, values: Any) -> MaskLimits:
        """Read what `to_dict` wrote.

        Raises:
            BundleError: With everything that is missing, unknown or not a number.
        """
        sides = ("least", "most")
        if not isinstance(values, Mapping) or set(values) != {*sides}:
            raise BundleError(f"mask_limits must be an object with least and most, got {values!r}")
        known = [entry.name for entry in fields(MaskQuality)]
        problems = [
            problem for side in sides for problem in _side_problems(side, values[side], known)
        ]
        if problems:
            raise BundleError("\n".join(["The segmenter's limits cannot be used:", *problems]))
        return cls(least=dict(values["least"]), most=dict(values["most"]))


def _side_problems(side: str, values: Any, known: Sequence[str]) -> list[str]:
    if not isinstance(values, Mapping):
        return [f"  - mask_limits.{side} must be an object of numbers, got {values!r:.80}"]
    found = []
    for name, value in values.items():
        if name not in known:
            found.append(f"  - mask_limits.{side}.{name}: unknown. {suggestion(name, [*known])}")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            found.append(f"  - mask_limits.{side}.{name} must be a number, got {value!r:.80}")
    return found


def find_limits(found: Sequence[MaskQuality], drawn: Sequence[MaskQuality]) -> MaskLimits:
    """Return what a good mask may show: what 96 of 100 do, and half as far again.

    How sure the network is comes from its own good masks. What lungs look like comes from masks
    that were drawn, so that a habit of the network does not pass for anatomy.

    Args:
        found: Quality of masks that the network found and that came close to the drawn ones.
        drawn: Quality of drawn masks.

    Raises:
        ValueError: If either is empty.
    """
    if not found or not drawn:
        raise ValueError(f"need found and drawn masks, got {len(found)} and {len(drawn)}")
    columns = {
        entry.name: np.array(
            [
                getattr(one, entry.name)
                for one in (found if entry.name in _OF_THE_NETWORK else drawn)
            ]
        )
        for entry in fields(MaskQuality)
    }
    least = {name: _beyond(columns[name], _RARE) for name in _LOW}
    most = {name: _beyond(columns[name], 1 - _RARE) for name in _HIGH}
    for name, allowed in _AT_LEAST_ALLOWED.items():
        most[name] = max(most[name], allowed)
    return MaskLimits(least=least, most=most)


def _beyond(values: NDArray[np.float64], share: float) -> float:
    end, middle = np.quantile(values, (share, 0.5))
    return round(float(end + _SLACK * (end - middle)), 4)


def weigh(kept: NDArray[np.int64], likely: NDArray[np.float32], agreement: float) -> MaskQuality:
    """Return the figures of a mask.

    Args:
        kept: Parts of the mask, numbered by size from 1, 0 outside; shape (height, width).
        likely: Probability of lung, shape (height, width).
        agreement: Dice of the masks of the film and of its mirror image.
    """
    raw, lungs = likely >= 0.5, [kept == 1, kept == 2]
    both = lungs[0] | lungs[1]
    sizes = [int(lung.sum()) for lung in lungs]
    edge = np.concatenate([raw[0], raw[-1], raw[1:-1, 0], raw[1:-1, -1]])
    total = float(likely.sum()) + int(raw.sum())
    return MaskQuality(
        certainty=2 * float(likely[raw].sum()) / total if total else 0.0,
        agreement=agreement,
        area=float(both.mean()),
        balance=sizes[1] / sizes[0] if sizes[0] else 0.0,
        stray=1 - int((raw & both).sum()) / int(raw.sum()) if raw.any() else 1.0,
        apart=_apart(lungs) if sizes[1] else 0.0,
        level=_level(lungs) if sizes[1] else 0.0,
        taper=float(np.mean([_taper(lung) for lung in lungs if lung.any()])) if sizes[0] else 0.0,
        solid=min((_solid(lung) for lung in lungs if lung.any()), default=0.0),
        cut=float(edge.mean()),
    )


def _solid(lung: NDArray[np.bool_]) -> float:
    return float(lung.sum()) / hull_area(lung)


def _apart(lungs: Sequence[NDArray[np.bool_]]) -> float:
    centres = [float(np.nonzero(lung)[1].mean()) for lung in lungs]
    columns = np.nonzero((lungs[0] | lungs[1]).any(axis=0))[0]
    return abs(centres[0] - centres[1]) / float(columns[-1] - columns[0] + 1)


def _level(lungs: Sequence[NDArray[np.bool_]]) -> float:
    spans = [np.nonzero(lung.any(axis=1))[0][[0, -1]] for lung in lungs]
    shared = min(span[1] for span in spans) - max(span[0] for span in spans) + 1
    shorter = min(span[1] - span[0] + 1 for span in spans)
    return max(0.0, float(shared) / float(shorter))


def _taper(lung: NDArray[np.bool_]) -> float:
    widths = lung.sum(axis=1)
    rows = np.nonzero(widths)[0]
    third = max(1, len(rows) // 3)
    return float(widths[rows[:third]].mean() / widths[rows[-third:]].mean())
