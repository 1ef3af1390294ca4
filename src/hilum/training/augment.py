"""Random changes to training pictures: one draw an image, on the whole batch at once.

Written with torch's own sampling grid rather than an augmentation library, because every draw here
comes from one generator that the caller seeds by epoch and step: a run that is stopped and resumed
sees exactly the pictures the unbroken run would have seen. Several processes draw for the batch of
all of them and each takes its part, so that their number changes no picture. Pixels that come from
outside are black, or the picture's edge drawn out, as the recipe says.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from hilum.training.augment_look import change_look, changes_look
from hilum.training.batches import Place
from hilum.training.recipe import Augmentation

__all__ = ["augment"]


def augment(
    images: Tensor, how: Augmentation, generator: torch.Generator, place: Place | None = None
) -> Tensor:
    """Return changed copies of `images`.

    Args:
        images: Grey levels in [0, 1], shape (n, 1, size, size).
        how: What may be changed, and by how much.
        generator: Where the draws come from, on the CPU; a draw of each kind an image.
        place: Where the images stand in the batch that is drawn for; they are all of it if None.

    Returns:
        Same shape, in [0, 1].
    """
    place = place or Place(0, images.shape[0])
    draws = _drawn(images, 7, generator, place)
    if _moves(how):
        matrices = _matrices(draws, how)
        if how.shear_deg:
            matrices = matrices @ _shears(_drawn(images, 1, generator, place), how)
        grid = affine_grid(matrices, list(images.shape), align_corners=False)
        outside = "border" if how.fill == "edge" else "zeros"
        images = grid_sample(images, grid, align_corners=False, padding_mode=outside)
    if how.contrast or how.brightness:
        images = _relight(images, draws, how)
    if changes_look(how):
        images = change_look(images, how, generator, place)
    return images


def _drawn(images: Tensor, kinds: int, generator: torch.Generator, place: Place) -> Tensor:
    """Return numbers in [0, 1) for each image, shape (n, kinds), where the images are.

    Drawn on the CPU, so that every device sees the same; sent without waiting for the device.
    """
    draws = torch.rand(place.whole, kinds, generator=generator)
    own = draws[place.first : place.first + images.shape[0]]
    if images.is_cuda:
        return own.pin_memory().to(images.device, non_blocking=True)
    return own


def _moves(how: Augmentation) -> bool:
    still = Augmentation()
    moving = ("rotation_deg", "translate", "scale", "flip", "shear_deg")
    return any(getattr(how, name) != getattr(still, name) for name in moving)


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


def _shears(draws: Tensor, how: Augmentation) -> Tensor:
    """Return matrices (n, 3, 3) that shear output coordinates along the rows."""
    angle = _between(draws[:, 0], -1, 1) * math.radians(how.shear_deg)
    shears = torch.eye(3, device=draws.device).repeat(draws.shape[0], 1, 1)
    shears[:, 0, 1] = torch.tan(angle)
    return shears


def _relight(images: Tensor, draws: Tensor, how: Augmentation) -> Tensor:
    shape = (-1, 1, 1, 1)
    gain = 1 + _between(draws[:, 5], -how.contrast, how.contrast).reshape(shape)
    light = 1 + _between(draws[:, 6], -how.brightness, how.brightness).reshape(shape)
    mean = images.mean((2, 3), keepdim=True)
    return (((images - mean) * gain + mean) * light).clamp(0, 1)
