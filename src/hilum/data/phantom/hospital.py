"""The hospitals phantoms come from: each exposes, prints and labels its films in its own way.

Nothing here depends on the subject or the finding: a model that can tell these hospitals apart has
learnt something true and useless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hilum.errors import ConfigError
from hilum.registry import suggestion

__all__ = ["HOSPITALS", "Hospital", "find_hospital"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """How one hospital's chest films look."""

    name: str

    aspect: float = 1.0
    """Width over height of the film."""

    field_mm: float = 372.0
    """Shorter side of the film at the subject, mm."""

    bedside: float = 0.2
    """Share of AP films, in [0, 1]."""

    bone_contrast: float = 0.036
    """What a mm of compact bone adds to the exponent; higher for a softer beam."""

    scatter: float = 0.24
    """Scattered over direct radiation; higher without a grid."""

    grain: float = 0.0035
    """Deviation of the quantum noise where nothing stands in the beam."""

    softness_mm: float = 0.5
    """Blur of focal spot and detector, mm."""

    detail: float = 0.4
    """How much fine contrast is raised, as digital systems do."""

    gamma: float = 1.2
    """Above 1 darkens the lungs."""

    contrast: float = 0.3
    """Strength of the S-shaped curve, in [0, 1]."""

    greys: tuple[float, float] = (0.08, 0.93)
    """What black and white become, in [0, 1]."""

    letter: tuple[str, Literal["left", "right"]] = ("L", "right")
    """Side marker, and the side of the picture it lies on."""

    ringed: bool = False
    """Whether the side marker lies in a ring."""

    station: str = ""
    """Code printed on every film."""

    says_portable: bool = False
    """Whether AP films carry the words."""

    inverted: bool = False
    """Whether its DICOM files are MONOCHROME1: 0 is white."""

    shutter: tuple[float, float] = (0.0, 0.0)
    """Largest width of the collimated edge as a share of the side, and its grey in [0, 1]."""


HOSPITALS = (
    Hospital(name="hospital-a"),
    Hospital(
        name="hospital-b",
        aspect=0.84,
        field_mm=356,
        bedside=0.3,
        grain=0.0035,
        scatter=0.3,
        detail=0.65,
        gamma=1.35,
        contrast=0.5,
        greys=(0.01, 0.99),
        letter=("R", "left"),
        ringed=True,
        station="B2-07",
        inverted=True,
        shutter=(0.05, 0.0),
    ),
    Hospital(
        name="hospital-c",
        aspect=1.19,
        field_mm=362,
        bedside=0.5,
        bone_contrast=0.029,
        scatter=0.4,
        grain=0.005,
        softness_mm=1.0,
        detail=0.15,
        gamma=0.98,
        contrast=0.1,
        greys=(0.07, 0.9),
        letter=("L", "right"),
        says_portable=True,
    ),
    Hospital(
        name="hospital-d",
        field_mm=392,
        bedside=0.1,
        bone_contrast=0.04,
        scatter=0.18,
        grain=0.0025,
        detail=0.5,
        gamma=1.1,
        contrast=0.4,
        greys=(0.02, 0.9),
        letter=("R", "left"),
        station="CXR 4",
        shutter=(0.07, 0.96),
    ),
    Hospital(
        name="hospital-e",
        aspect=0.92,
        field_mm=366,
        bedside=0.35,
        bone_contrast=0.033,
        scatter=0.35,
        grain=0.005,
        softness_mm=0.8,
        detail=0.9,
        gamma=1.05,
        contrast=0.2,
        greys=(0.05, 0.97),
        letter=("L", "right"),
        ringed=True,
        says_portable=True,
        inverted=True,
        shutter=(0.04, 0.0),
    ),
)
"""All there are; a cohort of three takes the first three."""


def find_hospital(name: str) -> Hospital:
    """Return the hospital of this name.

    Raises:
        ConfigError: If there is none; names the nearest.
    """
    known = {hospital.name: hospital for hospital in HOSPITALS}
    if name not in known:
        raise ConfigError(f"No hospital called {name!r}. {suggestion(name, [*known])}")
    return known[name]
