"""What is done to a film before the network is asked again.

A change works on the film's own pixels, before the preprocessing, so that a network is shown what
a file with that change would have shown it. Each has a key that names it and all its settings:
answers are kept under it and never computed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["AS_THEY_ARE", "LESIONS", "LUNGS", "Change", "View"]

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class View:
    """A film as a change sees it."""

    pixels: Pixels
    """Grey levels, shape (height, width), brighter = denser. Not to be written to."""

    mask: NDArray[np.bool_] | None
    """Where the lungs or the lesion are, same shape; None unless the change asks for it."""

    rng: np.random.Generator
    """Seeded by the film and the change: the same film is always changed alike."""


@dataclass(frozen=True, slots=True)
class Change:
    """One way to change a film."""

    key: str
    """Name and settings: "jpeg-30". Say another when the code changes what it does."""

    title: str
    """For a reader: "saved as JPEG of quality 30"."""

    apply: Callable[[View], Pixels]
    """Returns the changed grey levels; another shape is allowed."""

    mask: Literal["", "lungs", "lesion"] = ""
    """What it must know the place of; a film where that is not known has no answer."""

    asks_network: bool = True
    """False: only the mask is kept."""


def _unchanged(view: View) -> Pixels:
    return view.pixels


AS_THEY_ARE = Change("as-they-are", "as they are", _unchanged)
"""No change: what every other answer is compared with. Its evidence maps are kept, too."""

LUNGS = Change("lungs", "where the lungs are", _unchanged, mask="lungs", asks_network=False)
"""Where the lungs are in the square the network sees."""

LESIONS = Change("lesion", "where the lesion is", _unchanged, mask="lesion", asks_network=False)
"""Where the lesion is; phantoms know it."""
