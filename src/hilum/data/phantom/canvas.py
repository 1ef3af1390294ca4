"""The sheet a phantom is drawn on: millimetres of tissue along every ray.

Every structure is a smooth solid whose chord along the beam is added to one plane of thickness, as
a real beam adds up what it passes. Positions are millimetres in the body: x to the right of the
picture (the subject's left) from the midline, y downwards from the top of the lungs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Canvas", "Plane", "blur", "curve", "noise", "ramp", "resize"]

Plane: TypeAlias = NDArray[np.float32]
"""One value a pixel, shape (h, w)."""


_OVERSAMPLING = 2
"""Tiles of a tube on the length of a pixel; at 2 a grid of them leaves no ripple."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """A grid of rays through the body.

    Args:
        shape: Rows and columns.
        pixel_mm: Side of a pixel in mm.
        left_mm: x of the first column's centre.
        top_mm: y of the first row's centre.
    """

    shape: tuple[int, int]
    pixel_mm: float
    left_mm: float
    top_mm: float

    @property
    def x(self) -> Plane:
        """Place of every column, x in mm, shape (1, w)."""
        return (self.left_mm + self.pixel_mm * np.arange(self.shape[1], dtype=np.float32))[None, :]

    @property
    def y(self) -> Plane:
        """Place of every row, y in mm, shape (h, 1)."""
        return (self.top_mm + self.pixel_mm * np.arange(self.shape[0], dtype=np.float32))[:, None]

    def empty(self) -> Plane:
        """Return a plane of zeros."""
        return np.zeros(self.shape, np.float32)

    def ellipsoid(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        depth: float,
        *,
        tilt: float = 0.0,
        power: float = 0.5,
    ) -> Plane:
        """Return the chord through an ellipsoid, shape (h, w), in mm.

        Args:
            centre: x and y in mm.
            radii: Half axes in mm before tilting.
            depth: Longest chord in mm.
            tilt: Clockwise turn of the axes in radians.
            power: 0.5 for an ellipsoid; larger for a softer edge.
        """
        plane = self.empty()
        rows, columns = self._box(centre, max(radii))
        dx, dy = self.x[:, columns] - centre[0], self.y[rows] - centre[1]
        along = dx * np.float32(np.cos(tilt)) + dy * np.float32(np.sin(tilt))
        across = dy * np.float32(np.cos(tilt)) - dx * np.float32(np.sin(tilt))
        inside = 1 - (along / np.float32(radii[0])) ** 2 - (across / np.float32(radii[1])) ** 2
        plane[rows, columns] = depth * np.maximum(inside, 0) ** np.float32(power)
        return plane

    def tubes(
        self,
        points: NDArray[np.float64],
        radii: NDArray[np.float64],
        profile: NDArray[np.float64] | None = None,
        weights: NDArray[np.float64] | None = None,
    ) -> Plane:
        """Return the chord through tubes along curves in space, shape (h, w), in mm.

        The tubes are cut into small tiles whose mass is spread over the four nearest pixels, so a
        tube that runs along the beam piles up as bright as it should.

        Args:
            points: x, y and depth z in mm along each curve, shape (n, t, 3).
            radii: Half width in mm along each curve, shape (n, t).
            profile: Thickness across the tube from one edge to the other as a multiple of its
                radius, sampled evenly; a solid cylinder if left out.
            weights: What the thickness is multiplied by along each curve, shape (n, t).
        """
        count = self._steps(points)
        points, radii = _resampled(points, count), _resampled(radii, count)
        steps = np.diff(points, axis=1)
        middle = (points[:, 1:] + points[:, :-1]) / 2
        radius = (radii[:, 1:] + radii[:, :-1]) / 2
        flat = np.maximum(np.hypot(steps[..., 0], steps[..., 1]), 1e-9)
        length = np.sqrt((steps**2).sum(axis=-1))
        count = max(3, int(np.ceil(_OVERSAMPLING * 2 * radius.max() / self.pixel_mm)))
        across = (np.arange(count) + 0.5) * 2 / count - 1
        if profile is None:
            thickness = 2 * np.sqrt(1 - across**2)
        else:
            thickness = np.interp(across, np.linspace(-1, 1, profile.size), profile)
        offset = across.astype("f4") * radius.astype("f4")[..., None]
        tile = radius**2 * length * 2 / count
        if weights is not None:
            tile = tile * _resampled(weights, len(tile[0]) + 1)[:, 1:]
        mass = (thickness.astype("f4") * tile.astype("f4")[..., None]).ravel()
        place = ((middle[..., :2] - (self.left_mm, self.top_mm)) / self.pixel_mm).astype("f4")
        aside = (steps[..., 1::-1] * (-1, 1) / (flat[..., None] * self.pixel_mm)).astype("f4")
        columns = (place[..., :1] + aside[..., :1] * offset).ravel()
        rows = (place[..., 1:] + aside[..., 1:] * offset).ravel()
        return self._spread(columns, rows, mass)

    def _box(self, centre: tuple[float, float], reach: float) -> tuple[slice, slice]:
        edges = []
        for middle, start, size in zip(
            centre[::-1], (self.top_mm, self.left_mm), self.shape, strict=True
        ):
            low = int(np.floor((middle - reach - start) / self.pixel_mm))
            high = int(np.ceil((middle + reach - start) / self.pixel_mm)) + 1
            edges.append(slice(min(max(low, 0), size), min(max(high, 0), size)))
        return edges[0], edges[1]

    def _steps(self, points: NDArray[np.float64]) -> int:
        """Count the samples of a curve so that its tiles are smaller than a pixel."""
        flat = np.diff(points[..., :2], axis=1)
        longest = float(np.sqrt((flat**2).sum(axis=-1)).sum(axis=1).max())
        steps = int(np.ceil(_OVERSAMPLING * longest / self.pixel_mm)) + 1
        return max(int(points.shape[1]), steps)

    def _spread(
        self,
        column: NDArray[np.float32],
        row: NDArray[np.float32],
        mass: NDArray[np.float32],
    ) -> Plane:
        """Share masses (mm cubed) at points (pixels) among the pixels round them; return mm."""
        height, width = self.shape
        kept = (column >= 0) & (column < width - 1) & (row >= 0) & (row < height - 1)
        if not kept.all():
            column, row, mass = column[kept], row[kept], mass[kept]
        plane = self.empty()
        if not mass.size:
            return plane
        left, top = column.astype(np.intp), row.astype(np.intp)
        first, above = int(left.min()), int(top.min())
        wide, high = int(left.max()) - first + 2, int(top.max()) - above + 2
        start = (top - above) * wide + (left - first)
        right, low = column - left.astype(np.float32), row - top.astype(np.float32)
        lower, lower_right = mass * low, mass * low * right
        shares = {
            0: mass - lower - mass * right + lower_right,
            1: mass * right - lower_right,
            wide: lower - lower_right,
            wide + 1: lower_right,
        }
        box = np.zeros(high * wide)
        for shift, share in shares.items():
            box[shift:] += np.bincount(start, share, minlength=box.size)[: box.size - shift]
        window = plane[above : above + high, first : first + wide]
        window += (box / self.pixel_mm**2).reshape(high, wide).astype(np.float32)
        return plane


def _resampled(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Sample curves (n, t, ...) at `count` places, linearly."""
    place = np.linspace(0, values.shape[1] - 1, count)
    low = np.minimum(place.astype(int), values.shape[1] - 2)
    share = (place - low).reshape(-1, *(1,) * (values.ndim - 2))
    between = values[:, low] + (values[:, low + 1] - values[:, low]) * share
    return np.asarray(between, np.float64)


def curve(knots: list[tuple[float, ...]], count: int = 40) -> NDArray[np.float64]:
    """Return a smooth curve through knots (Catmull-Rom), shape (count, dimensions).

    >>> curve([(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)], 3).round(6).tolist()
    [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    """
    known = np.asarray(knots, np.float64)
    padded = np.concatenate([2 * known[:1] - known[1:2], known, 2 * known[-1:] - known[-2:-1]])
    place = np.linspace(0, len(known) - 1, count)
    low = np.minimum(place.astype(int), len(known) - 2)
    t = (place - low)[:, None]
    a, b, c, d = (padded[low + step] for step in range(4))
    smooth = b + t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))) / 2
    return np.asarray(smooth, np.float64)


def ramp(values: Plane, start: float, stop: float) -> Plane:
    """Rise smoothly from 0 at `start` to 1 at `stop`; falls if `stop` is below `start`."""
    t = np.clip((values - np.float32(start)) / np.float32(stop - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def resize(plane: Plane, shape: tuple[int, int], *, smooth: bool = True) -> Plane:
    """Return the plane at another shape; bicubic, or box averages where `smooth` is false."""
    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.BOX
    return np.asarray(Image.fromarray(plane).resize(shape[::-1], method), np.float32)


def blur(plane: Plane, sigma: float) -> Plane:
    """Return the plane blurred by a Gaussian of `sigma` pixels; wide ones on a smaller copy."""
    if sigma < 0.1:
        return plane
    if sigma > 4:
        shrink = int(sigma // 2)
        shape = (max(2, plane.shape[0] // shrink), max(2, plane.shape[1] // shrink))
        small = blur(resize(plane, shape, smooth=False), sigma * shape[0] / plane.shape[0])
        return resize(small, (plane.shape[0], plane.shape[1]))
    reach = max(1, int(np.ceil(2.5 * sigma)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    for axis in (0, 1):
        pads = [(reach, reach) if other == axis else (0, 0) for other in (0, 1)]
        padded, size = np.pad(plane, pads, mode="edge"), plane.shape[axis]
        plane = np.zeros_like(plane)
        for step, weight in enumerate(weights):
            part = padded[step : step + size] if axis == 0 else padded[:, step : step + size]
            plane += weight * part
    return plane


def noise(rng: np.random.Generator, canvas: Canvas, grain_mm: float) -> Plane:
    """Return smooth noise of mean about 0 and deviation about 1 whose grains are `grain_mm` wide.

    The grains are placed in millimetres, so the same draw gives the same picture at any size.
    """
    grid = [max(3, round(size * canvas.pixel_mm / grain_mm) + 2) for size in canvas.shape]
    coarse = rng.standard_normal((grid[0], grid[1]), np.float32)
    return resize(coarse, canvas.shape) * np.float32(1.35)
