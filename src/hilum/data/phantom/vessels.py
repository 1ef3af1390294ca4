"""The vessels of the lungs: two trees that branch from the hila.

Grown one generation at a time with all branches at once. The trees depend on the subject alone, so
that two films of one subject show the same vessels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.data.phantom.canvas import Canvas, Plane
from hilum.data.phantom.thorax import Thorax

__all__ = ["tree", "vessels"]

_STEPS = 7


@dataclass(frozen=True, slots=True)
class _Shoots:
    """The growing ends of a tree: places (n, 2), headings, radii and lengths (n,)."""

    places: NDArray[np.float64]
    headings: NDArray[np.float64]
    radii: NDArray[np.float64]
    lengths: NDArray[np.float64]


def vessels(thorax: Thorax, canvas: Canvas) -> Plane:
    """Return the thickness of blood along every ray, mm, as if the trees grew past the lungs."""
    rng = np.random.default_rng([thorax.subject.seed, 3])
    calibre = 3.9 * thorax.subject.vessels
    return sum((tree(rng, thorax, canvas, sign, calibre) for sign in (-1, 1)), canvas.empty())


def tree(
    rng: np.random.Generator,
    thorax: Thorax,
    canvas: Canvas,
    sign: int,
    calibre: float,
    *,
    generations: int = 5,
) -> Plane:
    """Return the chord through one branching tree, mm.

    Args:
        rng: Draws the branches.
        thorax: Says where the hilum is.
        canvas: What to draw on.
        sign: -1 for the subject's right lung, 1 for the left.
        calibre: Radius of the first branches to the upper lobe in mm; those below are wider.
        generations: How often the branches fork.
    """
    plane = canvas.empty()
    shoots = _roots(rng, thorax, sign, calibre)
    for generation in range(generations):
        radii = shoots.radii[:, None] * np.linspace(1.08, 0.9, _STEPS)
        paths, shoots = _grow(rng, shoots, generation)
        plane += canvas.tubes(paths, radii)
    return plane


def _roots(rng: np.random.Generator, thorax: Thorax, sign: int, calibre: float) -> _Shoots:
    """Start the branches of one hilum; those to the lower lobe are the widest."""
    height = thorax.height
    hilum = np.array([sign * 37.0, (0.475 if sign < 0 else 0.445) * height])
    headings = np.array([-1.25, -0.95, -0.5, -0.05, 0.42, 0.8, 1.1, 1.35])
    headings = headings + rng.normal(0, 0.09, headings.size)
    down = np.clip(np.sin(headings), 0, 1)
    radii = calibre * (1 + 0.85 * down + rng.normal(0, 0.07, headings.size))
    spread = np.stack([sign * rng.uniform(-13, 6, headings.size), 20 * np.sin(headings)], axis=1)
    lengths = (0.125 + 0.05 * down + 0.03 * np.abs(np.sin(headings))) * height
    return _Shoots(hilum + spread, _faced(headings, sign), radii, lengths)


def _faced(headings: NDArray[np.float64], sign: int) -> NDArray[np.float64]:
    return headings if sign > 0 else np.pi - headings


def _grow(
    rng: np.random.Generator, shoots: _Shoots, generation: int
) -> tuple[NDArray[np.float64], _Shoots]:
    """Draw one generation of branches and split each end in two.

    Returns:
        The branches, shape (n, steps, 3), and twice as many shoots, each pair from one end.
    """
    count = shoots.radii.size
    t = np.linspace(0, 1, _STEPS)
    bend = rng.normal(0, 0.22, count)
    lean = rng.uniform(-1, 1, count) * min(0.35 + 0.18 * generation, 1.1)
    heading = shoots.headings[:, None] + bend[:, None] * (t - 0.5) * 2
    step = (shoots.lengths * np.cos(lean))[:, None] / (_STEPS - 1)
    moves = np.stack([np.cos(heading), np.sin(heading)], axis=-1) * step[..., None]
    paths = np.zeros((count, _STEPS, 3))
    paths[..., :2] = shoots.places[:, None] + np.cumsum(moves, axis=1) - moves[:, :1]
    paths[..., 2] = (shoots.lengths * np.sin(lean))[:, None] * t
    fork = np.abs(rng.normal(0.42, 0.14, (count, 2))) * np.array([1, -1]) * 0.85
    fork *= rng.choice([-1, 1], count)[:, None]
    uneven = np.sort(rng.uniform(0.62, 0.9, (count, 2)), axis=1)[:, ::-1]
    ends = np.repeat(paths[:, -1, :2], 2, axis=0)
    radii = np.repeat(shoots.radii, 2) * 0.76
    lengths = np.repeat(shoots.lengths, 2) * uneven.ravel()
    return paths, _Shoots(ends, (heading[:, -1:] + fork).ravel(), radii, lengths)
