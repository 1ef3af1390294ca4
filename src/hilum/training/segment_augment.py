"""Random changes to films and their lung masks, wide enough to stand for hospitals never seen.

Global changes of the grey scale are left out on purpose: every film is equalised afterwards, which
undoes them. What equalisation does not undo is drawn here: shading across the film, burnt-out ends
of the scale, cloudy opacities, blur, grain, frames and lettering.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

__all__ = ["augment_films", "not_chests"]

_ROTATION = math.radians(12)
_ZOOM = (0.72, 1.45)
_ASPECT = 0.18
_SHIFT = 0.24
"""In grid units: the side is 2."""


def augment_films(
    pictures: NDArray[np.uint8], masks: NDArray[np.uint8], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return changed films and masks, both in [0, 1] and of shape (n, 1, size, size).

    Args:
        pictures: Grey levels, shape (n, size, size).
        masks: 255 where a pixel is all lung, shape (n, size, size).
        generator: Where chance comes from.
    """
    both = torch.from_numpy(np.stack([pictures, masks], axis=1)).float() / 255
    matrices = _matrices(len(both), generator)
    grid = affine_grid(matrices, list(both.shape), align_corners=False)
    both = grid_sample(both, grid, align_corners=False)
    films, lungs = both[:, :1], both[:, 1:]
    films = _cloud(films, generator)
    films = _shade(films, generator)
    films = _soften(films, generator)
    films = _wire(films, generator)
    films = _letter(films, generator)
    films, lungs = _frame(films, lungs, generator)
    grain = _draw(generator, (len(films), 1, 1, 1)) * 0.05
    films = films + grain * torch.randn(films.shape, generator=generator)
    return films.clamp(0, 1), lungs


def not_chests(films: Tensor, generator: torch.Generator) -> Tensor:
    """Return two pictures without two upright lungs, shape (2, 1, size, size).

    Noise of some coarseness, and one of the films turned by one, two or three quarters, perhaps
    mirrored: the network is to find nothing there, so that nobody believes what it would find.

    Args:
        films: What `augment_films` returned, shape (n, 1, size, size).
        generator: Where chance comes from.
    """
    side = int(2 ** float(_draw(generator, (1,)) * 6 + 1))
    coarse = torch.randn(1, 1, side, side, generator=generator)
    noise = interpolate(coarse, size=films.shape[-2:], mode="bicubic", align_corners=False)
    draws = _draw(generator, (3,)).tolist()
    film = films[int(draws[0] * len(films))][None]
    turned = torch.rot90(film, 1 + int(draws[1] * 3), (2, 3))
    turned = turned.flip(3) if draws[2] < 0.5 else turned
    return torch.cat([(0.5 + 0.25 * noise).clamp(0, 1), turned])


def _draw(generator: torch.Generator, shape: tuple[int, ...]) -> Tensor:
    return torch.rand(shape, generator=generator)


def _matrices(count: int, generator: torch.Generator) -> Tensor:
    """Return the matrices (n, 2, 3) that take output coordinates to input coordinates."""
    draws = _draw(generator, (count, 6))
    angle = (2 * draws[:, 0] - 1) * _ROTATION
    low, high = math.log(_ZOOM[0]), math.log(_ZOOM[1])
    zoom = torch.exp(low + (high - low) * draws[:, 1])
    wide = torch.exp((2 * draws[:, 2] - 1) * _ASPECT)
    shift = (2 * draws[:, 3:5] - 1) * _SHIFT
    mirror = torch.where(draws[:, 5] < 0.5, -1.0, 1.0)
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    rows = [
        *(cosine * mirror * wide, -sine / wide, shift[:, 0]),
        *(sine * mirror * wide, cosine / wide, shift[:, 1]),
    ]
    return torch.stack(rows, dim=1).reshape(-1, 2, 3)


def _field(films: Tensor, cells: int, generator: torch.Generator) -> Tensor:
    """Return smooth random fields, one a film."""
    coarse = torch.randn(len(films), 1, cells, cells, generator=generator)
    return interpolate(coarse, size=films.shape[-2:], mode="bicubic", align_corners=False)


def _chosen(films: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Return 1 for a share of the films and 0 for the rest, shape (n, 1, 1, 1)."""
    return (_draw(generator, (len(films), 1, 1, 1)) < share).float()


def _cloud(films: Tensor, generator: torch.Generator) -> Tensor:
    """Lay whitish clouds over some films, as opacities are, and thin them out elsewhere."""
    cloud = _field(films, 7, generator).clamp(min=0.2) - 0.2
    strength = 0.4 * _draw(generator, (len(films), 1, 1, 1)) * _chosen(films, 0.4, generator)
    seen = (films > 0.03).float()
    return films + strength * cloud * (1 - films).clamp(min=0) * seen


def _shade(films: Tensor, generator: torch.Generator) -> Tensor:
    """Brighten one part and darken another, and burn out the ends of the scale."""
    strength = 0.3 * _draw(generator, (len(films), 1, 1, 1))
    films = films * torch.exp(strength * _field(films, 3, generator))
    gain = 1 + 0.45 * _draw(generator, (len(films), 1, 1, 1))
    middle = 0.3 + 0.4 * _draw(generator, (len(films), 1, 1, 1))
    burnt = ((films - middle) * gain + middle).clamp(0, 1)
    return torch.where(_chosen(films, 0.5, generator) > 0, burnt, films)


def _soften(films: Tensor, generator: torch.Generator) -> Tensor:
    """Blur some films by making them small and large again, and sharpen some by the difference."""
    factor = 1.5 + 2 * float(_draw(generator, (1,)))
    small = interpolate(films, scale_factor=1 / factor, mode="bilinear", align_corners=False)
    blurred = interpolate(small, size=films.shape[-2:], mode="bilinear", align_corners=False)
    sharp = (films + 1.5 * (films - blurred)).clamp(0, 1)
    films = torch.where(_chosen(films, 0.25, generator) > 0, blurred, films)
    return torch.where(_chosen(films, 0.25, generator) > 0, sharp, films)


def _wire(films: Tensor, generator: torch.Generator) -> Tensor:
    """Lay up to four bright curves over some films, as tubes and leads are."""
    films, side = films.clone(), films.shape[-1]
    along = torch.linspace(-1, 1, side)
    for index in range(len(films)):
        for _ in range(int(float(_draw(generator, (1,))) * 9) - 4):
            draws = (2 * _draw(generator, (4,)) - 1).tolist()
            curve = draws[0] + draws[1] * along + draws[2] * along**2
            width = (0.6 + abs(draws[3])) * 2 / side
            near = (curve[:, None] - along[None, :]).abs() < width
            near = near if draws[3] > 0 else near.T
            films[index, 0][near] = films[index, 0][near] * 0.6 + 0.4
    return films


def _letter(films: Tensor, generator: torch.Generator) -> Tensor:
    """Print blocks like letters, tubes or markers on some films."""
    films, side = films.clone(), films.shape[-1]
    for film in films:
        for _ in range(int(float(_draw(generator, (1,))) * 4)):
            draws = _draw(generator, (5,)).tolist()
            height, width = 2 + int(draws[0] * side / 16), 2 + int(draws[1] * side / 8)
            row, column = int(draws[2] * (side - height)), int(draws[3] * (side - width))
            shown = (_draw(generator, (1, height, width)) < 0.6).float()
            part = film[:, row : row + height, column : column + width]
            grey = 0.85 if draws[4] > 0.25 else 0.0
            film[:, row : row + height, column : column + width] = torch.where(
                shown > 0, torch.tensor(grey), part
            )
    return films


def _frame(films: Tensor, lungs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cover the edges of some films in black, white or grey; what is covered is no lung."""
    films, lungs, side = films.clone(), lungs.clone(), films.shape[-1]
    for index in range(len(films)):
        draws = _draw(generator, (6,)).tolist()
        if draws[0] > 0.25:
            continue
        grey = (0.0, 0.0, 1.0, draws[1])[int(draws[1] * 4)]
        top, bottom, left, right = (int(draw * 0.12 * side) for draw in draws[2:])
        inside = torch.zeros(side, side)
        inside[top : side - bottom, left : side - right] = 1
        films[index] = films[index] * inside + grey * (1 - inside)
        lungs[index] = lungs[index] * inside
    return films, lungs
