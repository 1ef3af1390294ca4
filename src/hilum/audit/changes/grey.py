"""The same film in other greys, as another viewer, window or detector would give it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hilum.audit.perturb import Change, View

__all__ = ["GREYS", "INVERTED", "STRONG_GREYS"]

Pixels = NDArray[np.uint8]

_LEVELS = np.arange(256)


def _gamma(view: View, gamma: float) -> Pixels:
    return _looked_up(255 * (_LEVELS / 255) ** gamma, view.pixels)


def _windowed(view: View, share: float) -> Pixels:
    """Stretch the grey between two percentiles to the whole range; clip the rest."""
    low, high = np.percentile(view.pixels[::2, ::2], [100 * share, 100 - 100 * share])
    return _looked_up(255 * (_LEVELS - low) / max(high - low, 1.0), view.pixels)


def _inverted(view: View) -> Pixels:
    return np.asarray(255 - view.pixels)


def _looked_up(table: NDArray[np.floating], pixels: Pixels) -> Pixels:
    return np.asarray(np.rint(np.clip(table, 0, 255)).astype(np.uint8)[pixels])


def _change(key: str, title: str, apply: Callable[[View], Pixels]) -> Change:
    return Change(f"grey-{key}", title, apply)


GREYS = (
    _change("gamma-85", "a little brighter (gamma 0.85)", partial(_gamma, gamma=0.85)),
    _change("gamma-120", "a little darker (gamma 1.2)", partial(_gamma, gamma=1.2)),
    _change("stretch-1", "stretched to the full range of grey", partial(_windowed, share=0.01)),
)
"""What another viewer shows."""

STRONG_GREYS = (
    _change("gamma-70", "brighter (gamma 0.7)", partial(_gamma, gamma=0.7)),
    _change("gamma-140", "darker (gamma 1.4)", partial(_gamma, gamma=1.4)),
    _change("window-10", "in a narrow window that clips a fifth", partial(_windowed, share=0.1)),
)
"""What a reader sees at once, and reads the film nevertheless."""

INVERTED = _change("inverted", "inverted, as where the photometric tag is ignored", _inverted)
"""A fault in reading, not a variant: no network has to bear it."""
