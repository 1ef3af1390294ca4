"""The bones of a phantom: ribs, clavicles, scapulae, arms and spine.

A rib is a hollow band along a loop in space, seen from the front: its back half falls outwards,
its front half inwards, and where it turns along the beam at the chest wall it adds up to the
bright edge that real films show.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilum.data.phantom.canvas import Canvas, Plane, curve, ramp
from hilum.data.phantom.thorax import Thorax

__all__ = ["bones"]

_SHELL = np.array([0.25, 0.9, 0.62, 0.5, 0.46, 0.46, 0.5, 0.62, 1.15, 0.3])
"""Thickness of a hollow bone across its width, in radii: two bright rims."""

_SPINE_REACH = 60.0
"""Farthest from the midline that any part of a vertebra lies, mm."""

_RIM = np.array([0.1, 0.42, 0.5, 0.48, 0.46, 0.46, 0.48, 0.55, 0.85, 0.25])
"""A rib's: its lower rim is the sharper one."""


def bones(thorax: Thorax, canvas: Canvas) -> Plane:
    """Return the thickness of bone along every ray, mm of compact bone."""
    ribs = _ribs(thorax, canvas) * _rib_fade(thorax, canvas)
    bone = (ribs + _girdle(thorax, canvas) + _spine(thorax, canvas)) * thorax.subject.bone
    return np.asarray(bone, np.float32)


def _rib_fade(thorax: Thorax, canvas: Canvas) -> Plane:
    """Let the lowest ribs fade: cartilage, and a thinner bone."""
    return 0.45 + 0.55 * ramp(canvas.y, thorax.height + 70, thorax.height - 20)


def _ribs(thorax: Thorax, canvas: Canvas) -> Plane:
    """Draw both sides of the rib cage, back and front."""
    subject = thorax.subject
    rng = np.random.default_rng([subject.seed, 2])
    paths, radii, weights = [], [], []
    front = np.interp(np.linspace(0, 1, 60), [0, 0.45, 0.65, 0.93, 1], [1, 1, 0.6, 0.5, 0.15])
    wander = rng.normal(0, 1.0, (2, subject.rib_count, 2))
    for side, sign in enumerate((-1, 1)):
        for index in range(subject.rib_count):
            path = _rib(thorax, index, wander[side, index])
            middle = thorax.midline(path[:, 1].astype(np.float32))
            path[:, 0] = sign * path[:, 0] + middle + path[:, 2] * thorax.pose.turn
            paths.append(path)
            taper = np.interp(np.linspace(0, 1, len(path)), [0, 0.1, 0.8, 1], [0.8, 1, 0.95, 1.05])
            weights.append(front * (0.7 if index == 0 else 1.0))
            radii.append(subject.rib_width * taper * (0.9 if index == 0 else 1.0))
    flat = canvas.tubes(np.stack(paths), np.stack(radii), _RIM * 1.4, np.stack(weights))
    return np.asarray(np.minimum(flat, 7 + 0.2 * flat), np.float32)


def _rib(thorax: Thorax, index: int, wander: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the path of one rib of the subject's left side: x, y, z in mm, shape (60, 3)."""
    subject, height = thorax.subject, thorax.height
    spacing = 0.0965 * height
    start = 0.035 * height + spacing * index + wander[0]
    slope = subject.rib_slope * (0.92 + 0.08 * thorax.pose.breath)
    turn = np.linspace(0, np.pi * np.interp(index, [0, 1, 4, 9], [0.86, 0.9, 0.86, 0.62]), 60)
    fall = np.interp(index, [0, 1, 3, 6, 10], [34.0, 64.0, 88.0, 112.0, 130.0]) * slope
    y = start - 7 * np.sin(np.minimum(turn, 0.9) * 1.75) + fall * (1 - np.cos(turn)) / 2
    y += wander[1] * np.sin(turn)
    lateral = float(np.interp(np.pi / 2, turn, y)) if turn[-1] > np.pi / 2 else float(y[-1])
    wide = float(thorax.half_width(np.asarray([max(lateral, 1.0)], np.float32))[0]) + 2
    x = 17 + (wide - 17) * np.sin(turn) ** np.where(turn < np.pi / 2, 0.82, 0.95)
    return np.stack([x, y, -85 * np.cos(turn)], axis=1)


def _girdle(thorax: Thorax, canvas: Canvas) -> Plane:
    """Draw clavicles, scapulae and upper arms."""
    plane = canvas.empty()
    for sign in (-1, 1):
        plane += _clavicle(thorax, canvas, sign)
        plane += _scapula(thorax, canvas, sign)
        plane += _arm(thorax, canvas, sign)
    return plane


def _clavicle(thorax: Thorax, canvas: Canvas, sign: int) -> Plane:
    """Draw one collar bone; its inner end lies in front and shows how the subject is turned."""
    size, rise, turn = thorax.subject.half_width / 139, thorax.subject.clavicle, thorax.pose.turn
    high = (14 if thorax.pose.view == "AP" else 40) + 38 * turn * sign
    knots = [
        (12.0, high + 3),
        (34.0, high + 1),
        (68.0, high - 0.42 * rise),
        (108.0, high - rise),
        (140.0, high - rise - 5),
        (166.0, high - 0.8 * rise - 7),
    ]
    path = _flat([(sign * size * x, y) for x, y in knots])
    along = np.linspace(0, 1, 40)
    path[..., 0] += 75 * turn * (1 - 0.9 * along)
    width = np.interp(along, [0, 0.04, 0.16, 0.5, 0.9, 1], [6, 9, 7.2, 5.4, 6.8, 4])
    weight = np.interp(along, [0, 0.1, 0.9, 1], [0.3, 0.95, 1, 0.3])
    return canvas.tubes(path, width[None], _SHELL * 1.35, weight[None])


def _arm(thorax: Thorax, canvas: Canvas, sign: int) -> Plane:
    """Draw the head and shaft of one upper arm."""
    size = thorax.subject.half_width / 139
    elbow = 226.0 if thorax.pose.view == "AP" else 252.0
    shaft = _flat([(sign * size * x, y) for x, y in ((188.0, 24.0), (206.0, 80.0), (elbow, 210.0))])
    weight = np.linspace(0, 6, 40).clip(0, 1)[None]
    plane = canvas.tubes(shaft, np.full((1, 40), 11.0), _SHELL * 0.9, weight)
    return plane + canvas.ellipsoid((sign * 184 * size, 20), (25 * size, 27 * size), 8)


def _flat(knots: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Return a curve that lies in the plane of the film, shape (1, 40, 3)."""
    path = np.zeros((1, 40, 3))
    path[0, :, :2] = curve([*knots])
    return path


def _scapula(thorax: Thorax, canvas: Canvas, sign: int) -> Plane:
    """Draw one shoulder blade: a thin plate, a rim, a ridge; drawn aside on upright films."""
    size = thorax.subject.half_width / 139
    aside = 0 if thorax.pose.view == "AP" else 20
    tip = (sign * (128 + aside) * size, 158.0)
    medial = [(108 + aside, 24.0), (111 + aside, 70.0), (118 + aside, 120.0)]
    lateral = [(172.0, 44.0), (160.0, 80.0), (146 + aside / 2, 125.0)]
    rims = []
    for knots in (medial, lateral):
        points = [(sign * x * size, y) for x, y in knots]
        rims.append(curve([*points, tip]))
    ridge = curve(
        [(sign * (112 + aside) * size, 52), (sign * 150 * size, 16), (sign * 184 * size, -7)]
    )
    paths = np.zeros((3, 40, 3))
    paths[..., :2] = [*rims, ridge]
    radii = np.array([[2.6], [4.2], [5.5]]) * np.ones((1, 40))
    plane = canvas.tubes(paths, radii) * 0.5
    weights = np.linspace(0, 1, 24)[:, None, None]
    sheet = np.zeros((24, 40, 3))
    sheet[..., :2] = rims[0] * (1 - weights) + rims[1] * weights
    gap = np.abs(rims[1][:, 0] - rims[0][:, 0]) / 46 + 0.4
    return plane + canvas.tubes(sheet, np.broadcast_to(gap, (24, 40)).copy(), np.ones(6)) * 1.2


def _spine(thorax: Thorax, canvas: Canvas) -> Plane:
    """Draw the vertebrae: bodies parted by discs, pedicles, spinous and transverse processes."""
    plane = canvas.empty()
    near = np.flatnonzero(np.abs(canvas.x[0]) < _SPINE_REACH)
    if not near.size:
        return plane
    columns = slice(int(near[0]), int(near[-1]) + 1)
    plane[:, columns] = _vertebrae(thorax, canvas.x[:, columns], canvas.y)
    return plane


def _vertebrae(thorax: Thorax, x: Plane, y: Plane) -> Plane:
    """Return the thickness of bone at places round the midline, mm."""
    x = x - thorax.midline(y)
    spacing = 0.0965 * thorax.height
    level = y / spacing + 0.35
    phase = level - np.floor(level)
    wide = 15.5 + 3.5 * ramp(y, 0, 260) + 2.2 * np.abs(2 * phase - 1) ** 3
    body = np.sqrt(np.maximum(1 - (x / wide) ** 4, 0)) * 5.5
    disc = ramp(np.abs(phase - 0.5), 0.36, 0.46)
    plates = np.exp(-(((np.abs(phase - 0.5) - 0.35) / 0.045) ** 2)) * 1.1
    plane = body * (1 - 0.25 * disc) + plates * (np.abs(x) < wide - 1)
    knob = np.exp(-((((np.abs(x) - 10.5) / 3.4) ** 2) + ((phase - 0.33) / 0.17) ** 2)) * 4.5
    drop = np.exp(-(((x - 55 * thorax.pose.turn) / 3.2) ** 2 + ((phase - 0.62) / 0.2) ** 2)) * 5
    wing = (
        ramp(np.abs(x), 34, 20) * np.exp(-(((phase - 0.3 + 0.004 * np.abs(x)) / 0.13) ** 2)) * 2.6
    )
    return np.asarray(plane + knob + drop + wing, np.float32)
