"""Draw films, draw films again, and walk from one to another.

What comes out is the decoder's mean for each pixel, as grey levels, without the pixel's noise.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum.generate.films import to_tensor
from hilum.generate.prior import FittedPrior
from hilum.generate.vae import Vae

__all__ = ["describe", "draw", "interpolate", "pictures_of", "reconstruct"]

Pictures = NDArray[np.uint8]

_BATCH = 64


def draw(
    vae: Vae,
    count: int,
    *,
    seed: int,
    temperature: float = 1.0,
    prior: FittedPrior | None = None,
) -> Pictures:
    """Draw films from the prior.

    Args:
        vae: In evaluation mode, as `load_vae` returns it.
        count: How many, at least 1. The first n of a longer draw are those of a shorter one.
        seed: Decides them all, on whichever device.
        temperature: Deviation of the prior; below 1 draws films nearer to the average.
        prior: Where latents lie; the standard normal if None.

    Returns:
        Grey levels, shape (count, size, size).

    Raises:
        ValueError: If `count` < 1 or `temperature` is not above 0.
    """
    if count < 1 or not temperature > 0:
        raise ValueError(
            f"Expected a count of at least 1 and a temperature above 0, got {count}, {temperature}"
        )
    noise = np.random.default_rng(seed).standard_normal((count, vae.latent), dtype=np.float32)
    latent = torch.from_numpy(noise * np.float32(temperature))
    return pictures_of(vae, latent if prior is None else prior.place(latent))


def describe(vae: Vae, pictures: Pictures) -> NDArray[np.float32]:
    """Return the mean of q(z|x) for each film, shape (n, latent).

    Args:
        vae: In evaluation mode.
        pictures: Prepared as the recipe says, shape (n, size, size).

    Raises:
        ValueError: If the pictures have another size.
    """
    _check_size(vae, pictures)
    found = [means.cpu().numpy() for means in _means(vae, pictures)]
    return np.concatenate(found)


def reconstruct(vae: Vae, pictures: Pictures) -> Pictures:
    """Draw each film again from its own mean of q(z|x).

    Args:
        vae: In evaluation mode.
        pictures: Prepared as the recipe says, shape (n, size, size).

    Returns:
        Grey levels, same shape.

    Raises:
        ValueError: If the pictures have another size.
    """
    return pictures_of(vae, torch.from_numpy(describe(vae, pictures)))


def interpolate(vae: Vae, first: Pictures, last: Pictures, *, steps: int = 8) -> Pictures:
    """Walk from one film to another along a straight line between their means.

    Args:
        vae: In evaluation mode.
        first: Prepared as the recipe says, shape (size, size).
        last: As `first`.
        steps: Films in all, the reconstructions of both ends included; at least 2.

    Returns:
        Grey levels, shape (steps, size, size).

    Raises:
        ValueError: If there are fewer than 2 steps or a picture has another size.
    """
    if steps < 2:
        raise ValueError(f"Expected at least 2 steps, both ends included, got {steps}")
    ends = torch.from_numpy(describe(vae, np.stack([first, last])))
    share = torch.linspace(0, 1, steps).unsqueeze(1)
    return pictures_of(vae, ends[:1] * (1 - share) + ends[1:] * share)


@torch.no_grad()
def pictures_of(vae: Vae, latent: Tensor) -> Pictures:
    """Decode latents (n, latent) into grey levels (n, size, size)."""
    device = vae.log_sigma.device
    parts = [torch.sigmoid(vae.decode(part.to(device))) for part in torch.split(latent, _BATCH)]
    grey = torch.cat(parts).squeeze(1).mul(255).round().to(torch.uint8)
    found: Pictures = grey.cpu().numpy()
    return found


def _check_size(vae: Vae, pictures: Pictures) -> None:
    side = vae.size
    if pictures.dtype != np.uint8 or pictures.ndim != 3 or pictures.shape[1:] != (side, side):
        raise ValueError(
            f"Expected uint8 pictures of shape (n, {side}, {side}), "
            f"got {pictures.dtype} of shape {pictures.shape}"
        )


def _means(vae: Vae, pictures: Pictures) -> Iterator[Tensor]:
    device = vae.log_sigma.device
    for start in range(0, len(pictures), _BATCH):
        with torch.no_grad():
            yield vae.encode(to_tensor(pictures[start : start + _BATCH], device))[0]
