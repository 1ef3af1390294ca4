"""Who is drawn: the measures that stay the same on every film of one subject, and the pose.

A subject is a record of lengths and shares; the pose is what changes between two films of the same
subject: how deep the breath, how straight the stance, how far the tube.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["Pose", "Subject", "View"]

View = Literal["PA", "AP"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The anatomy of one phantom subject. Lengths in mm, shares of a typical adult otherwise."""

    sex: Literal["F", "M"]

    age: int
    """Years."""

    half_width: float
    """Greatest half width of the inside of the rib cage, mm."""

    lung_height: float
    """From the top of the lungs to the right dome at full breath, mm."""

    girth: float
    """Fat, 0 (thin) to 1 (very obese)."""

    heart: float
    """Width of the heart, 1 is typical."""

    heart_tilt: float
    """Turn of the heart's long axis from the horizontal, radians; larger stands steeper."""

    aorta: float
    """Size of the aortic knob, 1 is typical; grows with age."""

    left_dome: float
    """How much lower the left dome of the diaphragm stands, mm."""

    dome_curve: float
    """Depth of the costophrenic angles below the dome, mm."""

    rib_slope: float
    """Fall of the ribs from back to front, 1 is typical."""

    rib_count: int
    """Pairs of ribs drawn, 9 to 11."""

    rib_width: float
    """Half height of a rib, mm."""

    bone: float
    """Mineral in the bones, 1 is typical; falls with age."""

    clavicle: float
    """Rise of the clavicles towards the shoulders, mm."""

    breast: float
    """Thickness of the breasts, mm; 0 for none."""

    scoliosis: float
    """Sideways bend of the spine, mm."""

    bubble: float
    """Half width of the gas bubble in the stomach, mm; 0 for none."""

    vessels: float
    """Calibre of the lung vessels, 1 is typical."""

    seed: int
    """Draws what has no name: the vessel tree, the bowel gas, the lesions' places."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Subject:
        """Draw a subject: sizes vary as adults do, and depend on sex and age."""
        female = bool(rng.random() < 0.5)
        age = int(np.clip(rng.normal(55, 18), 18, 92))
        late = (age - 50) / 40
        girth = float(rng.beta(1.6, 3.0))
        size = 0.93 if female else 1.0
        return cls(
            sex="F" if female else "M",
            age=age,
            half_width=float(np.clip(rng.normal(139, 6), 122, 156)) * size,
            lung_height=float(np.clip(rng.normal(226, 16) - 30 * girth, 165, 270)) * size,
            girth=girth,
            heart=float(np.clip(rng.normal(1.0 + 0.06 * late + 0.1 * girth, 0.09), 0.78, 1.4)),
            heart_tilt=float(np.clip(rng.normal(0.78 - 0.35 * girth, 0.1), 0.35, 1.1)),
            aorta=float(np.clip(rng.normal(1 + 0.18 * late, 0.12), 0.7, 1.5)),
            left_dome=float(np.clip(rng.normal(11, 6), -4, 25)),
            dome_curve=float(np.clip(rng.normal(50, 7), 32, 66)),
            rib_slope=float(np.clip(rng.normal(1, 0.13), 0.65, 1.35)),
            rib_count=int(rng.choice([9, 10, 11], p=[0.2, 0.6, 0.2])),
            rib_width=float(np.clip(rng.normal(6.6, 0.6), 5.2, 8.2)) * size,
            bone=float(np.clip(rng.normal(1 - 0.15 * late, 0.13), 0.6, 1.35)),
            clavicle=float(rng.normal(24, 9)),
            breast=float(rng.uniform(8, 30) + 30 * girth) if female else 12 * max(0, girth - 0.4),
            scoliosis=float(rng.normal(0, 3.5)),
            bubble=float(rng.uniform(12, 34)) if rng.random() < 0.6 else 0.0,
            vessels=float(np.clip(rng.normal(1, 0.13), 0.7, 1.4)),
            seed=int(rng.integers(2**62)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a subject stood, or lay, for one film."""

    view: View
    """PA: upright, back to the tube. AP: in bed, heart magnified, arms down, breath shallow."""

    breath: float
    """Share of a full breath, 0.8 to 1."""

    turn: float
    """Sideways shift per mm of depth; what is in front moves by it."""

    roll: float
    """Turn of the picture, degrees."""

    shift: tuple[float, float]
    """Offset of the body on the film, mm."""

    zoom: float
    """Magnification, 1 is typical."""

    @classmethod
    def draw(cls, rng: np.random.Generator, view: View) -> Pose:
        """Draw a pose; bedside films are less tidy."""
        untidy = 1.8 if view == "AP" else 1.0
        return cls(
            view=view,
            breath=float(np.clip(rng.normal(0.97 if view == "PA" else 0.9, 0.04), 0.76, 1.06)),
            turn=float(rng.normal(0, 0.022 * untidy)),
            roll=float(np.clip(rng.normal(0, 0.9 * untidy), -4, 4)),
            shift=(float(rng.normal(0, 4 * untidy)), float(rng.normal(0, 6 * untidy))),
            zoom=float(np.clip(rng.normal(1, 0.03), 0.9, 1.1)),
        )
