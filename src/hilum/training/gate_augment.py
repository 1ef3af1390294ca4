"""Films turned into wrong ones on the fly, with what was done to them as the truth.

The order follows what happens to a film: a part of it is kept, it is exposed and printed on, it is
turned or mirrored, its grey scale is inverted, and at last hilum equalises it as screening does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from hilum.data.preprocessing import equalize
from hilum.training.gate_network import POSES, SIDE

__all__ = ["Shown", "spoil", "turned"]

_PIECES = ("left", "right", "top", "bottom", "corner", "close")


@dataclass(frozen=True, slots=True)
class Shown:
    """A batch as the network sees it, and what is true of it.

    Args:
        images: Equalised grey levels in [0, 1], shape (n, 1, 96, 96).
        chest: 1 for chest films, whole or in part, shape (n,).
        inverted: 1 where the grey scale is inverted, shape (n,).
        piece: 1 where only a part of the chest is shown, shape (n,).
        pose: m * 4 + k as `GateNet` counts them, shape (n,).
    """

    images: Tensor
    chest: Tensor
    inverted: Tensor
    piece: Tensor
    pose: Tensor


def turned(images: Tensor, pose: Tensor) -> Tensor:
    """Mirror and turn each image (n, 1, h, h) by its pose (n,)."""
    out = torch.empty_like(images)
    for number in range(POSES):
        chosen = pose == number
        if chosen.any():
            some = images[chosen]
            some = some.flip(-1) if number >= 4 else some
            out[chosen] = torch.rot90(some, number % 4, dims=(-2, -1))
    return out


def spoil(
    films: NDArray[np.uint8], strangers: NDArray[np.uint8], rng: np.random.Generator
) -> Shown:
    """Return a batch: films, half of them wrong in one way or several, and strangers.

    Args:
        films: Upright chest films as squares, uint8 of shape (n, 192, 192).
        strangers: Pictures of something else, uint8 of shape (k, 192, 192).
        rng: Draws everything.
    """
    n, k = len(films), len(strangers)
    piece = rng.random(n) < 0.25
    scrambled = _scrambled(films, rng, max(1, k // 3))
    pictures = _float(np.concatenate([films, strangers, scrambled]))
    total = len(pictures)
    windows = np.stack(
        [_window(rng, bool(piece[row]) if row < n else False) for row in range(total)]
    )
    pictures = _warped(pictures, windows, rng)
    pictures = _exposed(pictures, rng)
    pose = np.where(rng.random(total) < 0.45, 0, rng.integers(0, POSES, total))
    inverted = rng.random(total) < 0.25
    turned_ones = turned(pictures, torch.from_numpy(pose))
    flipped = torch.from_numpy(inverted)[:, None, None, None]
    seen = torch.where(flipped, 1 - turned_ones, turned_ones)
    chest = np.zeros(total, np.float32)
    chest[:n] = 1
    pieces = np.zeros(total, np.float32)
    pieces[:n] = piece
    return Shown(
        images=_equalised(seen),
        chest=torch.from_numpy(chest),
        inverted=torch.from_numpy(inverted.astype(np.float32)),
        piece=torch.from_numpy(pieces),
        pose=torch.from_numpy(pose.astype(np.int64)),
    )


def _float(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pictures).float()[:, None] / 255


def _window(rng: np.random.Generator, piece: bool) -> NDArray[np.float64]:
    """Return left, top, right and bottom of what is kept, as shares of the film."""
    if not piece:
        # Films are published cropped a little, or with a margin round them.
        cut = rng.uniform(-0.06, 0.08, 4)
        return np.array([cut[0], cut[1], 1 - cut[2], 1 - cut[3]])
    kind = _PIECES[int(rng.integers(len(_PIECES)))]
    far, near = rng.uniform(0.4, 0.6, 2), rng.uniform(-0.04, 0.08, 4)
    box = np.array([near[0], near[1], 1 - near[2], 1 - near[3]])
    if (kind in ("left", "corner") and rng.random() < 0.5) or kind == "left":
        box[2] = far[0]
    elif kind in ("right", "corner"):
        box[0] = far[0]
    if kind == "top" or (kind == "corner" and rng.random() < 0.5):
        box[3] = far[1]
    elif kind in ("bottom", "corner"):
        box[1] = far[1]
    if kind == "close":
        side = rng.uniform(0.3, 0.5, 2)
        corner = rng.uniform(0.05, 0.95 - side)
        box = np.concatenate([corner, corner + side])
    return box


def _warped(pictures: Tensor, windows: NDArray[np.float64], rng: np.random.Generator) -> Tensor:
    """Cut the windows out, a little askew, at the size the network sees.

    Whole films are reduced first and parts of films are not, so that neither is the sharper.
    """
    n = len(pictures)
    left, top, right, bottom = (2 * windows.T - 1).astype(np.float32)
    angle = np.where(rng.random(n) < 0.7, rng.uniform(-0.14, 0.14, n), 0)
    cos, sin = np.cos(angle), np.sin(angle)
    wide, high = (right - left) / 2, (bottom - top) / 2
    theta = np.stack(
        [
            np.stack([wide * cos, -wide * sin, (left + right) / 2], 1),
            np.stack([high * sin, high * cos, (top + bottom) / 2], 1),
        ],
        axis=1,
    ).astype(np.float32)
    grid = affine_grid(torch.from_numpy(theta), [n, 1, SIDE, SIDE], align_corners=False)
    fill = np.where(rng.random(n) < 0.75, 0, rng.choice([0.5, 1.0], n)).astype(np.float32)
    ground = torch.from_numpy(fill)[:, None, None, None]
    out = torch.empty(n, 1, SIDE, SIDE)
    part = torch.from_numpy((wide * high) < 0.7)
    for chosen, side in ((part, pictures.shape[-1]), (~part, SIDE * 4 // 3)):
        if chosen.any():
            source = interpolate(pictures[chosen], size=(side, side), mode="area")
            moved = grid_sample(source - ground[chosen], grid[chosen], align_corners=False)
            out[chosen] = moved + ground[chosen]
    return out


def _exposed(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Expose unevenly, clip, blur, add grain, frames and letters to some."""
    n = len(pictures)

    def column(values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))[:, None, None, None]

    along = torch.linspace(-1, 1, SIDE)
    slope = column(rng.normal(0, 0.15, n)) * along + column(rng.normal(0, 0.15, n)) * along[:, None]
    pictures = pictures * (1 + slope)
    low, high = column(rng.uniform(0, 0.2, n)), column(rng.uniform(0.7, 1, n))
    pictures = ((pictures - low) / (high - low)).clamp(0, 1)
    small = interpolate(pictures, scale_factor=0.45, mode="bilinear", align_corners=False)
    blurred = interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    pictures = torch.where(column(rng.random(n)) < 0.3, blurred, pictures)
    grain = torch.from_numpy(rng.standard_normal(pictures.shape, np.float32))
    pictures = pictures + grain * column(rng.uniform(0, 0.05, n))
    for row in range(n):
        if rng.random() < 0.25:
            _frame(pictures[row, 0], rng)
        for _ in range(int(rng.integers(0, 4))):
            _letter(pictures[row, 0], rng)
    return pictures.clamp(0, 1)


def _frame(picture: Tensor, rng: np.random.Generator) -> None:
    top, bottom, left, right = (int(share * SIDE) for share in rng.uniform(0, 0.09, 4))
    grey = float(rng.choice([0.0, 0.0, 1.0, rng.random()]))
    picture[:top], picture[SIDE - bottom :] = grey, grey
    picture[:, :left], picture[:, SIDE - right :] = grey, grey


def _letter(picture: Tensor, rng: np.random.Generator) -> None:
    height, width = int(rng.integers(2, 7)), int(rng.integers(2, 12))
    row, column = int(rng.integers(0, SIDE - height)), int(rng.integers(0, SIDE - width))
    ink = torch.from_numpy(rng.random((height, width)) < 0.6)
    part = picture[row : row + height, column : column + width]
    part[ink] = 0.9 if rng.random() < 0.75 else 0.0


def _scrambled(films: NDArray[np.uint8], rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Make strangers of films: their pieces in another order, or a tiny part of one, enlarged."""
    out = []
    side = films.shape[-1]
    for film in films[rng.integers(0, len(films), count)]:
        if rng.random() < 0.5:
            cells = int(rng.choice([2, 3, 4, 6]))
            step = side // cells
            pieces = film.reshape(cells, step, cells, step).swapaxes(1, 2).reshape(-1, step, step)
            order = rng.permutation(cells * cells)
            while cells == 2 and (order == np.arange(4)).sum() > 1:
                order = rng.permutation(4)
            mixed = pieces[order].reshape(cells, cells, step, step)
            out.append(mixed.swapaxes(1, 2).reshape(side, side))
        else:
            size = int(rng.integers(side // 9, side // 5))
            row, column = rng.integers(0, side - size, 2)
            part = torch.from_numpy(film[row : row + size, column : column + size].copy())
            large = interpolate(part[None, None].float(), size=(side, side), mode="bilinear")
            out.append(large[0, 0].numpy().astype(np.uint8))
    return np.stack(out)


def _equalised(pictures: Tensor) -> Tensor:
    grey = np.rint(pictures[:, 0].numpy() * 255).astype(np.uint8)
    return torch.from_numpy(np.stack([equalize(one) for one in grey])).float()[:, None] / 255
