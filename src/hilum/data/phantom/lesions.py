"""The findings a phantom can have: tissue where there should be air.

Each returns the millimetres of air that give way to tissue along every ray. Places are drawn from
the subject, so that the films of one subject show one course of one disease; `severity` sets size
and density, so that the faint end is hard to see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hilum.data.phantom.canvas import Canvas, Plane, blur, noise, ramp
from hilum.data.phantom.thorax import Thorax
from hilum.data.phantom.vessels import tree
from hilum.registry import Registry

__all__ = ["Lesion", "Scene", "lesions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a finding is drawn into.

    Args:
        thorax: The subject in this pose.
        canvas: The grid of rays.
        air: Air in the lungs along every ray, mm.
        mask: The lungs.
        severity: 0 (hardly there) to 1 (gross).
        rng: Draws places and shapes; the same on every film of a subject.
    """

    thorax: Thorax
    canvas: Canvas
    air: Plane
    mask: NDArray[np.bool_]
    severity: float
    rng: np.random.Generator

    def place(self, sign: int, down: float, out: float) -> tuple[float, float]:
        """Return a point in a lung, mm.

        Args:
            sign: -1 for the subject's right lung (left in the picture), 1 for the left.
            down: Share of the way from the top of the lungs to the dome.
            out: Share of the way from the heart's border to the chest wall.
        """
        beside = self.canvas.x[0] * sign > 0
        row = round((down * self.thorax.height - self.canvas.top_mm) / self.canvas.pixel_mm)
        row = min(max(row, 0), self.canvas.shape[0] - 1)
        span = np.abs(self.canvas.x[0, self.mask[row] & beside])
        if span.size:
            inner, outer = float(span.min()), float(span.max())
        else:
            inner, outer = 60.0, 0.8 * self.thorax.subject.half_width
        return sign * (inner + out * (outer - inner)), down * self.thorax.height

    def cloud(self, centre: tuple[float, float], radii: tuple[float, float]) -> Plane:
        """Return distances from a centre in radii, disturbed so that no outline is an ellipse."""
        canvas = self.canvas
        away = ((canvas.x - centre[0]) / radii[0]) ** 2 + ((canvas.y - centre[1]) / radii[1]) ** 2
        rough = 0.16 * noise(self.rng, canvas, 24) + 0.08 * noise(self.rng, canvas, 9)
        return np.asarray(np.sqrt(away) + rough, np.float32)


Lesion: TypeAlias = Callable[[Scene], Plane]
"""Draws a finding: scene -> mm of tissue in place of air, shape (h, w)."""

lesions: Registry[Plane] = Registry("finding")


def normal(scene: Scene) -> Plane:
    """Draw nothing."""
    return scene.canvas.empty()


def consolidation(scene: Scene) -> Plane:
    """Draw one lobe, or part of one, filled: dense, with open bronchi, perhaps at a fissure."""
    rng, canvas, severity = scene.rng, scene.canvas, scene.severity
    sign = int(rng.choice([-1, 1]))
    down = float(rng.choice([0.3, 0.62, 0.84])) + rng.uniform(-0.06, 0.06)
    centre = scene.place(sign, down, rng.uniform(0.25, 0.75))
    size = 32 + 24 * severity
    cloud = scene.cloud(centre, (size * rng.uniform(0.9, 1.25), size * rng.uniform(0.75, 1.1)))
    filled = ramp(cloud, 1.12, 0.55)
    if down < 0.7 and rng.random() < 0.6:
        filled *= _beyond_fissure(scene, centre, upper=down < 0.45)
    bronchi = tree(rng, scene.thorax, canvas, sign, 1.7, generations=4)
    dense = (0.4 + 0.5 * severity) * (1 + 0.07 * noise(rng, canvas, 12))
    open_air = np.minimum(bronchi * (0.25 + 0.5 * severity), 4.5)
    return np.asarray(filled * np.maximum(dense * np.minimum(scene.air, 105) - open_air, 0), "f4")


def _beyond_fissure(scene: Scene, centre: tuple[float, float], *, upper: bool) -> Plane:
    """Cut a shadow off along a slightly sloping line, as a fissure does."""
    slope = float(scene.rng.uniform(-0.12, 0.12))
    edge = centre[1] + (12 if upper else -12)
    height = scene.canvas.y - edge - slope * (scene.canvas.x - centre[0])
    return ramp(height, 2.0, -2.0) if upper else ramp(height, -2.0, 2.0)


def ground_glass(scene: Scene) -> Plane:
    """Draw hazy patches near the chest wall of both lungs, more of them low down."""
    rng, canvas = scene.rng, scene.canvas
    share = canvas.empty()
    for index in range(int(rng.integers(5, 9))):
        sign = -1 if index % 2 else 1
        centre = scene.place(sign, rng.beta(2.2, 1.4) * 0.8 + 0.14, rng.uniform(0.5, 0.95))
        size = rng.uniform(24, 38) * (0.9 + 0.4 * scene.severity)
        cloud = scene.cloud(centre, (size * 0.85, size * 1.15))
        share = 1 - (1 - share) * (1 - 0.7 * ramp(cloud, 1.35, 0.1))
    mottled = 1 + 0.22 * noise(rng, canvas, 6) + 0.16 * noise(rng, canvas, 3)
    dense = (0.19 + 0.35 * scene.severity) * np.maximum(mottled, 0)
    return np.asarray(share * dense * np.minimum(scene.air, 120), np.float32)


def nodule(scene: Scene) -> Plane:
    """Draw one to three round shadows."""
    rng, canvas = scene.rng, scene.canvas
    solid = canvas.empty()
    for _ in range(int(rng.integers(1, 4))):
        sign = int(rng.choice([-1, 1]))
        centre = scene.place(sign, rng.uniform(0.18, 0.86), rng.uniform(0.2, 0.85))
        radius = rng.uniform(5.5, 9) + 10 * scene.severity
        squash = rng.uniform(0.85, 1.15)
        depth = 2.4 * radius * (0.7 + 0.5 * scene.severity)
        ball = canvas.ellipsoid(centre, (radius * squash, radius / squash), depth)
        solid = np.maximum(solid, ball)
    return np.minimum(blur(solid, 0.9 / canvas.pixel_mm), scene.air)


lesions.register("normal", normal)
lesions.register("consolidation", consolidation)
lesions.register("ground_glass", ground_glass)
lesions.register("nodule", nodule)
