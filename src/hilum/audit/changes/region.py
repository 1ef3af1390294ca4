"""Parts of the film painted over: what a network says of the rest.

What is painted in is, but for the checks named after black, the mean grey of what stays: it tells
nothing of what was there, and strays from other films less than black does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hilum.audit.changes.morphology import grown
from hilum.audit.perturb import Change, View

__all__ = [
    "BORDER",
    "BORDER_ONLY",
    "CENTRE_ONLY",
    "CORNERS_BLACK",
    "LUNGS_BLACK",
    "LUNGS_BOXED",
    "LUNGS_GREY",
    "LUNGS_ONLY",
    "TOP_STRIPS",
]

Pixels = NDArray[np.uint8]

BORDER = 0.125
"""Width of the border on each side, as a share of that side's length."""

_CORNER = 0.2
_BOX_MARGIN = 0.03
_LUNG_MARGIN = 0.02
_GREY = 128
_AROUND = 0.04


def _lungs_black(view: View) -> Pixels:
    painted = view.pixels.copy()
    painted[_mask(view)] = 0
    return painted


def _lungs_grey(view: View) -> Pixels:
    """Paint over the lungs and what is near them, so that their fine outline is not left."""
    mask = _mask(view)
    return _painted(view.pixels, grown(mask, round(_AROUND * min(mask.shape))))


def _lungs_boxed(view: View) -> Pixels:
    """Paint over a box round both lungs, so that not even their outline is left."""
    mask = _mask(view)
    margin = round(_BOX_MARGIN * min(mask.shape))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.zeros_like(mask)
    box[
        max(0, rows[0] - margin) : rows[-1] + margin + 1,
        max(0, columns[0] - margin) : columns[-1] + margin + 1,
    ] = True
    return _painted(view.pixels, box)


def _lungs_only(view: View) -> Pixels:
    """Keep the lungs in an even grey that is the same on every film."""
    mask = _mask(view)
    near = grown(mask, round(_LUNG_MARGIN * min(mask.shape)))
    return np.where(near, view.pixels, np.uint8(_GREY))


def _border(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    height, width = (round(BORDER * length) for length in shape)
    border = np.ones(shape, bool)
    border[height : shape[0] - height, width : shape[1] - width] = False
    return border


def _border_only(view: View) -> Pixels:
    return _painted(view.pixels, ~_border(view.pixels.shape))


def _centre_only(view: View) -> Pixels:
    """Put the centre's mirror image in place of the border: a hard edge confuses by itself."""
    height, width = (round(BORDER * length) for length in view.pixels.shape)
    centre = view.pixels[height : -height or None, width : -width or None]
    return np.pad(centre, ((height, height), (width, width)), mode="symmetric")


def _top_black(view: View, share: float) -> Pixels:
    painted = view.pixels.copy()
    painted[: round(share * len(painted))] = 0
    return painted


def _corners_black(view: View) -> Pixels:
    painted = view.pixels.copy()
    side = round(_CORNER * min(painted.shape))
    for rows in (slice(None, side), slice(-side, None)):
        for columns in (slice(None, side), slice(-side, None)):
            painted[rows, columns] = 0
    return painted


def _painted(pixels: Pixels, where: NDArray[np.bool_]) -> Pixels:
    """Return the film with a part in the mean grey of the rest; black if nothing is left."""
    painted = pixels.copy()
    rest = pixels[~where]
    painted[where] = round(float(rest.mean())) if rest.size else 0
    return painted


def _mask(view: View) -> NDArray[np.bool_]:
    if view.mask is None:
        raise ValueError("This change needs to know where the lungs are")
    return view.mask


LUNGS_BLACK = Change("lungs-black", "with the lungs black", _lungs_black, mask="lungs")

LUNGS_GREY = Change(
    "lungs-grey-4", "with the lungs and what is near them grey", _lungs_grey, mask="lungs"
)

LUNGS_BOXED = Change(
    "lungs-boxed",
    "with a grey box over the lungs that hides their outline",
    _lungs_boxed,
    mask="lungs",
)

LUNGS_ONLY = Change("lungs-only-2", "with nothing but the lungs", _lungs_only, mask="lungs")

BORDER_ONLY = Change(
    "border-only-125", "with nothing but the outermost 12.5 % of each side", _border_only
)

CENTRE_ONLY = Change(
    "centre-mirrored-125",
    "with the outermost 12.5 % of each side replaced by the centre's mirror image",
    _centre_only,
)

CORNERS_BLACK = Change("corners-black-20", "with the four corners black", _corners_black)


def _top_strip(percent: int) -> Change:
    apply: Callable[[View], Pixels] = partial(_top_black, share=percent / 100)
    return Change(f"top-black-{percent}", f"with the top {percent} % black", apply)


TOP_STRIPS = (_top_strip(8), _top_strip(15))
"""COVID-Net's crop, and about twice that."""
