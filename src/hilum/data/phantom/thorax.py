"""The soft parts of a phantom: body, lungs, heart and great vessels, diaphragm, gas.

The air in the lungs is the chord of the chest cavity less the chords of whatever stands in it, so
that every silhouette (heart border, aortic knob, domes) comes out where air meets tissue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.data.phantom.canvas import Canvas, Plane, curve, ramp
from hilum.data.phantom.subject import Pose, Subject

__all__ = ["Thorax"]

_WIDTHS = [
    (-0.05, 0.2), (0.0, 0.35), (0.012, 0.43), (0.05, 0.54), (0.11, 0.655), (0.2, 0.775),
    (0.35, 0.885), (0.5, 0.95), (0.7, 0.99), (0.9, 1.0), (1.1, 1.0), (1.3, 0.97), (1.8, 0.93),
]  # fmt: skip
"""Half width of the cavity over the lung height, as shares."""

_DEPTHS = [
    (-0.01, 0.0), (0.01, 22.0), (0.05, 55.0), (0.12, 92.0), (0.3, 140.0), (0.6, 165.0),
    (1.0, 175.0), (1.8, 175.0),
]  # fmt: skip
"""Front-to-back depth of the cavity in mm."""

_RIGHT_CORE = [
    (-0.05, 62.0), (0.0, 46.0), (0.02, 36.0), (0.06, 30.0), (0.13, 26.5), (0.22, 25.0),
    (0.34, 26.0), (0.5, 23.0), (0.8, 22.0), (1.3, 26.0),
]  # fmt: skip
_LEFT_CORE = [
    (-0.05, 62.0), (0.0, 46.0), (0.02, 37.0), (0.06, 32.0), (0.13, 29.5), (0.22, 28.0),
    (0.34, 25.0), (0.5, 24.0), (0.8, 22.0), (1.3, 26.0),
]  # fmt: skip
"""Half width in mm of what fills the whole depth: spine, gullet, great vessels of the neck."""

_SHOULDER = [
    (0.0, -160.0), (46.0, -112.0), (57.0, -76.0), (76.0, -54.0), (105.0, -36.0), (145.0, -19.0),
    (176.0, -8.0), (200.0, 8.0), (218.0, 36.0), (229.0, 80.0), (240.0, 200.0),
]  # fmt: skip
"""Height in mm of the top of neck and shoulder over the distance from the midline."""

_BODY = [
    (-0.6, 112.0), (-0.15, 118.0), (0.0, 138.0), (0.2, 190.0), (0.5, 220.0), (1.0, 226.0),
    (2.0, 232.0),
]  # fmt: skip
"""Front-to-back thickness of the trunk in mm."""


@dataclass(frozen=True, slots=True)
class Thorax:
    """The geometry of one subject in one pose, in mm of the body.

    Args:
        subject: The lasting measures.
        pose: Stance and breath on this film.
    """

    subject: Subject
    pose: Pose

    @property
    def height(self) -> float:
        """Distance from the top of the lungs to the right dome in mm."""
        return self.subject.lung_height * self.pose.breath

    def half_width(self, y: Plane) -> Plane:
        """Half width of the inside of the rib cage at heights `y`, mm."""
        return _table(_WIDTHS, y / self.height) * np.float32(self.subject.half_width)

    def midline(self, y: Plane) -> Plane:
        """Sideways place of the spine at heights `y`, mm."""
        wave = np.sin(np.pi * np.clip(y / self.height, -0.2, 1.6))
        return np.asarray(self.subject.scoliosis * wave, np.float32)

    def dome(self, x: Plane) -> Plane:
        """Height of the diaphragm at `x`, mm; higher on the subject's right (x below 0)."""
        side = np.where(x < 0, 0, self.subject.left_dome)
        peak, edge = 0.45 * self.subject.half_width, self.subject.half_width
        medial = 9 * np.maximum(0, 1 - np.abs(x) / peak) ** 2
        lateral = np.clip((np.abs(x) - peak) / (edge - peak), 0, 1.2) ** 2.9
        return np.asarray(self.height + side + medial + lateral * self.subject.dome_curve, "f4")

    def cavity(self, canvas: Canvas) -> Plane:
        """Chord through both lungs as if nothing stood between or below them, mm."""
        x, y = canvas.x, canvas.y
        share = np.abs(x - self.midline(y) * 0.5) / self.half_width(y)
        chord = _table(_DEPTHS, y / self.height) * np.sqrt(np.maximum(1 - share**2.5, 0))
        level, offset = y / self.height, x - self.midline(y)
        soft = 1 + 3.2 * ramp(level, 0.38, 0.62)
        right = ramp((-offset - _table(_RIGHT_CORE, level)) / soft, -2.5, 4.5)
        left = ramp((offset - _table(_LEFT_CORE, level)) / soft, -2.5, 4.5)
        return np.asarray(chord * np.maximum(right, left), np.float32)

    def mediastinum(self, canvas: Canvas) -> Plane:
        """Chord through heart and great vessels outside the core, mm."""
        subject, height = self.subject, self.height
        front = 40 * self.pose.turn
        heart = subject.heart * (1.1 if self.pose.view == "AP" else 1.0)
        heart *= subject.half_width / 139
        tilt = 0.75 * subject.heart_tilt * min(1.0, self.pose.breath + 0.05)
        low = height + 0.4 * subject.left_dome - 24 * heart
        ball = canvas.ellipsoid
        solids = (
            ball((23 * heart + front, low), (72 * heart, 53 * heart), 170, tilt=tilt),
            ball((-9 * heart + front, low - 14), (36 * heart, 54 * heart), 120),
            ball((19 + front / 2, 0.265 * height), (19 * subject.aorta,) * 2, 85),
            ball((22 + front, 0.435 * height), (20 * heart, 30), 90, tilt=0.2),
            ball((27 + front, 0.57 * height), (26 * heart, 42), 110),
            ball((-42, 0.48 * height), (15, 30), 42, tilt=-0.25, power=1.3),
            ball((43, 0.45 * height), (16, 25), 42, tilt=0.3, power=1.3),
            ball((-17 + front, 0.32 * height), (14, 72), 60),
            ball((-11 + front, 0.42 * height), (24 * subject.aorta, 46), 70),
        )
        aorta = np.array([[(17, 0.27 * height, -20), (16, 0.6 * height, -35), (8, height, -35)]])
        filled: Plane = np.sqrt(sum(solid**2 for solid in solids[1:]) + solids[0] ** 2)
        return filled + canvas.tubes(aorta, np.full((1, 3), 12 * subject.aorta))

    def air(self, canvas: Canvas, cavity: Plane) -> Plane:
        """Chord through aerated lung, mm, given the chord of the cavity."""
        below = canvas.y - self.dome(canvas.x)
        front = np.clip(below / 36, 0, 1) ** np.float32(0.5)
        free = (1 - 0.3 * ramp(below, -0.8, 0.8)) * (1 - front)
        share = np.minimum(self.mediastinum(canvas) / np.maximum(cavity, 1), 1)
        return np.asarray(cavity * free * (1 - share * (1 - 0.18 * share)), np.float32)

    def lung_mask(self, canvas: Canvas, cavity: Plane, air: Plane) -> NDArray[np.bool_]:
        """Where a reader would outline the lungs: beside the heart, above the domes."""
        clear = (air > 0.4 * cavity) & (cavity > 16)
        return clear & (canvas.y < self.dome(canvas.x))

    def lung_field(self, canvas: Canvas, cavity: Plane) -> NDArray[np.bool_]:
        """Return the lungs with what of them lies behind heart and great vessels."""
        return np.asarray((cavity > 16) & (canvas.y < self.dome(canvas.x)), np.bool_)

    def body(self, canvas: Canvas) -> Plane:
        """Thickness of trunk, shoulders, neck and arms as if solid, mm."""
        x, y, girth = canvas.x, canvas.y, self.subject.girth
        pad = 24 + 52 * girth + 8 * ramp(y, 150, 40)
        side = np.maximum(self.half_width(np.maximum(y, 0.2 * self.height)) + pad, 60)
        depth = _table(_BODY, y / self.height) * (self.subject.half_width / 139)
        depth = depth + 110 * girth * ramp(y, -40, 120)
        trunk = depth * np.sqrt(np.maximum(1 - (np.abs(x) / side) ** 3.6, 0))
        top = _table(
            _SHOULDER,
            np.abs(x) * np.float32(139 / self.subject.half_width) - np.float32(12 * girth),
        )
        trunk *= np.sqrt(np.clip((y - top) / 30, 0, 1))
        girdle = (142 + 50 * girth) * np.sqrt(np.clip((y - top) / 50, 0, 1)) * ramp(y, 170, 60)
        arms = self._arms(canvas)
        return np.asarray((trunk**4 + girdle**4 + arms**4) ** 0.25, np.float32)

    def breasts(self, canvas: Canvas) -> Plane:
        """Thickness of breasts and chest muscles, mm."""
        size, subject = self.subject.half_width / 139, self.subject
        wide = 52 + 0.35 * subject.breast
        low = 0.62 * self.height + 0.55 * subject.breast + 14
        plane = canvas.empty()
        for sign in (-1, 1):
            turn = 60 * self.pose.turn
            plane += canvas.ellipsoid(
                (sign * 78 * size + turn, low),
                (wide * size, 0.92 * wide),
                0.9 * subject.breast,
                power=0.6,
            )
            plane += canvas.ellipsoid(
                (sign * 118 * size, 62), (66, 48), 16, tilt=-sign * 0.6, power=1
            )
        return plane

    def gas(self, canvas: Canvas) -> Plane:
        """Air in windpipe, bronchi, stomach and bowel, mm."""
        plane = self._airways(canvas)
        rng = np.random.default_rng([self.subject.seed, 1])
        floor = self.height + self.subject.left_dome
        bubble = self.subject.bubble
        if bubble:
            flat = canvas.ellipsoid((58, floor + 12 + 0.7 * bubble), (bubble, 0.7 * bubble), 42)
            level = floor + 12 + 0.95 * bubble
            plane += flat * ramp(canvas.y, level + 1.5, level) if self.pose.view == "PA" else flat
        for _ in range(rng.integers(1, 6)):
            place = (rng.uniform(-110, 115), floor + rng.uniform(70, 130))
            radii = (rng.uniform(10, 26), rng.uniform(8, 16))
            loop = canvas.ellipsoid(place, radii, 17, tilt=rng.uniform(-1, 1), power=1.4)
            plane += loop * ramp(canvas.y, floor + 45, floor + 60)
        return plane

    def _airways(self, canvas: Canvas) -> Plane:
        height, bend = self.height, 3 * self.subject.aorta
        carina = (-1.0, 0.335 * height)
        trachea = curve([(0, -130), (0, 0), (-bend, 0.22 * height), carina])
        right = curve([carina, (-14, 0.4 * height), (-27, 0.47 * height)])
        left = curve([carina, (17, 0.415 * height), (37, 0.465 * height)])
        paths = np.zeros((3, 40, 3))
        paths[..., :2] = [trachea, right, left]
        narrow = np.linspace(1, 0.6, 40)
        radii = np.stack([np.full(40, 8.6), 6.6 * narrow, 6.0 * narrow])
        return canvas.tubes(paths[:1], radii[:1]) + 0.8 * canvas.tubes(paths[1:], radii[1:])

    def _arms(self, canvas: Canvas) -> Plane:
        """Return the thickness of both upper arms below the shoulders, mm."""
        size = self.subject.half_width / 139
        reach, drop = (62.0, 188.0) if self.pose.view == "PA" else (36.0, 238.0)
        radius = (38 + 16 * self.subject.girth) * size
        along = np.hypot(reach * size, drop)
        away = np.abs(canvas.x) - 190 * size
        off_axis = (away * drop - (canvas.y - 22) * reach * size) / along
        chord = 2 * np.sqrt(np.maximum(radius**2 - off_axis**2, 0))
        return np.asarray(chord * ramp(canvas.y, 8, 95), np.float32)


def _table(knots: list[tuple[float, float]], at: Plane) -> Plane:
    """Read a smooth curve through knots at places `at`."""
    known = curve([tuple(knot) for knot in knots], 160)
    return np.interp(at, known[:, 0], known[:, 1]).astype(np.float32)
