"""Random changes to training pictures: one draw an image, on the whole batch at once.

Written with torch's own sampling grid rather than an augmentation library, because every draw here
comes from one generator that the caller seeds by epoch and step: a run that is stopped and resumed
sees exactly the pictures the unbroken run would have seen. Pixels that come from outside are black,
or the picture's edge drawn out, as the recipe says.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from hilum.training.recipe import Augmentation

__all__ = ["augment"]


def augment(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Return changed copies of `images`.

    Args:
        images: Grey levels in [0, 1], shape (n, 1, size, size).
        how: What may be changed, and by how much.
        generator: Where the draws come from, on the CPU; n draws of each kind.

    Returns:
        Same shape, in [0, 1].
    """
    count = images.shape[0]
    draws = torch.rand(count, 7, generator=generator).to(images.device)
    if _moves(how):
        matrices = _matrices(draws, how)
        if how.shear_deg:
            matrices = matrices @ _shears(how, count, generator).to(images.device)
        grid = affine_grid(matrices, list(images.shape), align_corners=False)
        outside = "border" if how.fill == "edge" else "zeros"
        images = grid_sample(images, grid, align_corners=False, padding_mode=outside)
    if how.contrast or how.brightness:
        images = _relight(images, draws, how)
    return images


def _moves(how: Augmentation) -> bool:
    still = Augmentation(brightness=how.brightness, contrast=how.contrast, fill=how.fill)
    return how != still


def _between(share: Tensor, low: float, high: float) -> Tensor:
    return low + share * (high - low)


def _matrices(draws: Tensor, how: Augmentation) -> Tensor:
    """Return the matrices (n, 2, 3) that take output coordinates to input coordinates."""
    angle = _between(draws[:, 0], -1, 1) * math.radians(how.rotation_deg)
    # Magnifications are drawn evenly on a logarithmic scale: 0.5 is as far from 1 as 2 is.
    zoom = torch.exp(_between(draws[:, 1], math.log(how.scale[0]), math.log(how.scale[1])))
    shift = _between(draws[:, 2:4], -2 * how.translate, 2 * how.translate)
    mirror = torch.where(draws[:, 4] < how.flip, -1.0, 1.0)
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    rows = [cosine * mirror, -sine, shift[:, 0], sine * mirror, cosine, shift[:, 1]]
    return torch.stack(rows, dim=1).reshape(-1, 2, 3)


def _shears(how: Augmentation, count: int, generator: torch.Generator) -> Tensor:
    """Return matrices (n, 3, 3) that shear output coordinates along the rows."""
    angle = _between(torch.rand(count, generator=generator), -1, 1) * math.radians(how.shear_deg)
    shears = torch.eye(3).repeat(count, 1, 1)
    shears[:, 0, 1] = torch.tan(angle)
    return shears


def _relight(images: Tensor, draws: Tensor, how: Augmentation) -> Tensor:
    shape = (-1, 1, 1, 1)
    gain = 1 + _between(draws[:, 5], -how.contrast, how.contrast).reshape(shape)
    light = 1 + _between(draws[:, 6], -how.brightness, how.brightness).reshape(shape)
    mean = images.mean((2, 3), keepdim=True)
    return (((images - mean) * gain + mean) * light).clamp(0, 1)
