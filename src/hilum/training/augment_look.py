"""Random changes of how a picture looks, not of where things lie: grey curve, sharpness, grain ...

A network that learns a hospital learns its look: the grey curve of its machines, their sharpness,
their grain. These changes take the look away as a clue, one draw an image, all from one generator.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, distributed
from torch.nn import functional

from hilum.training.batches import Place
from hilum.training.recipe import Augmentation

__all__ = ["change_look", "changes_look"]

_BLUR = (1.0, 4.0, 6.0, 4.0, 1.0)
"""Binomial weights of the blur that sharpness moves towards, over 5 pixels."""

_ERASED = (0.2, 0.5)
"""Smallest and largest side of an erased rectangle, as shares of the picture's side."""


def changes_look(how: Augmentation) -> bool:
    """Return whether a recipe asks for any of these changes."""
    return any((how.gamma, how.sharpness, how.noise, how.erase, how.look))


def change_look(
    images: Tensor, how: Augmentation, generator: torch.Generator, place: Place
) -> Tensor:
    """Return changed copies of `images`.

    Args:
        images: Grey levels in [0, 1], shape (n, 1, size, size).
        how: What may be changed, and by how much.
        generator: Where the draws come from, on the CPU.
        place: Where the images stand in the batch that is drawn for. Looks are borrowed from all
            of it: where other processes hold some, every one of them must call this.

    Returns:
        Same shape, in [0, 1].
    """
    count = images.shape[0]
    own = slice(place.first, place.first + count)
    draws = torch.rand(place.whole, 10, generator=generator)[own].to(images.device)
    if how.look:
        partner = torch.randperm(place.whole, generator=generator)[own].to(images.device)
        images = _borrow_look(images, place, partner, share=draws[:, 1] * (draws[:, 0] < how.look))
    if how.gamma:
        exponent = torch.exp((2 * draws[:, 2] - 1) * math.log1p(how.gamma))
        images = images.clamp(0, 1) ** exponent.reshape(-1, 1, 1, 1)
    if how.sharpness:
        step = ((2 * draws[:, 3] - 1) * how.sharpness).reshape(-1, 1, 1, 1)
        images = images + step * (_blurred(images) - images)
    if how.noise:
        shape = (place.whole, *images.shape[1:])
        grain = torch.randn(shape, generator=generator)[own].to(images.device)
        images = images + grain * (draws[:, 4] * how.noise).reshape(-1, 1, 1, 1)
    if how.erase:
        images = _erased(images, draws[:, 5] < how.erase, draws[:, 6:10])
    return images.clamp(0, 1)


def _borrow_look(images: Tensor, place: Place, partner: Tensor, *, share: Tensor) -> Tensor:
    """Mix a share of its partner's Fourier amplitudes into each picture's; phases hold the shapes.

    References:
        Xu et al., "A Fourier-based Framework for Domain Generalization", CVPR 2021, section 3.2.
    """
    spectrum = torch.fft.rfft2(images.float())
    amplitude = spectrum.abs()
    lent = _of_all(amplitude, place)[partner]
    wanted = amplitude + share.reshape(-1, 1, 1, 1) * (lent - amplitude)
    changed = spectrum * (wanted / amplitude.clamp_min(1e-6))
    turned: Tensor = torch.fft.irfft2(changed, s=images.shape[2:])
    return turned


def _of_all(own: Tensor, place: Place) -> Tensor:
    """Return what the processes hold of a batch, one after the other, shape (place.whole, ...)."""
    if own.shape[0] == place.whole:
        return own
    whole = own.new_zeros((place.whole, *own.shape[1:]))
    whole[place.first : place.first + own.shape[0]] = own
    # A sum, since parts may differ in length; nothing is rounded, as all others hold zeros.
    distributed.all_reduce(whole)
    return whole


def _blurred(images: Tensor) -> Tensor:
    weights = images.new_tensor(_BLUR) / sum(_BLUR)
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    rows = functional.conv2d(padded, weights.reshape(1, 1, 5, 1))
    return functional.conv2d(rows, weights.reshape(1, 1, 1, 5))


def _erased(images: Tensor, chosen: Tensor, draws: Tensor) -> Tensor:
    """Set a rectangle of each chosen picture to the picture's mean grey."""
    side = torch.arange(images.shape[-1], device=images.device) / images.shape[-1]
    low, high = _ERASED
    extent = low + (high - low) * draws[:, :2]
    first = draws[:, 2:] * (1 - extent)
    inside = [
        (side >= first[:, axis, None]) & (side < (first + extent)[:, axis, None]) for axis in (0, 1)
    ]
    gone = inside[0][:, None, :, None] & inside[1][:, None, None, :] & chosen.reshape(-1, 1, 1, 1)
    return torch.where(gone, images.mean((2, 3), keepdim=True), images)
