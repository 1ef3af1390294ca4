"""Where the latents of training films really lie.

Films are drawn from a standard normal, but after training the latents of real films do not fill
it: most draws then fall where the decoder has learned nothing. A full normal fitted to them
afterwards is the plainest repair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from hilum.data.atomic import replacing
from hilum.errors import TrainingError
from hilum.generate.vae import Vae

__all__ = ["FittedPrior", "fit_prior", "load_prior", "save_prior"]


@dataclass(frozen=True, slots=True)
class FittedPrior:
    """A normal distribution of latents.

    Args:
        mean: Shape (latent,).
        scale: Lower triangle whose square is the covariance, shape (latent, latent).
    """

    mean: Tensor
    scale: Tensor

    def place(self, noise: Tensor) -> Tensor:
        """Turn standard normal numbers (n, latent) into latents (n, latent)."""
        return self.mean + noise @ self.scale.T


@torch.no_grad()
def fit_prior(vae: Vae, batches: Iterable[Tensor]) -> FittedPrior:
    """Fit mean and covariance of z where films are drawn from those given, then z from q(z|x).

    Args:
        vae: In evaluation mode.
        batches: Films, each (n, 1, size, size), in [0, 1].

    References:
        Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020, section 4.
    """
    found = [vae.encode(films) for films in batches]
    means = torch.cat([mean for mean, _ in found]).cpu().double()
    variance = torch.cat([log_variance for _, log_variance in found]).cpu().double().exp().mean(0)
    centre = means.mean(0)
    spread = (means - centre).T @ (means - centre) / len(means) + torch.diag(variance)
    return FittedPrior(centre.float(), torch.linalg.cholesky(spread).float())


def save_prior(prior: FittedPrior, path: Path) -> None:
    """Write a fitted prior whole or not at all."""
    with replacing(path) as file:
        file.write(save({"mean": prior.mean, "scale": prior.scale.contiguous()}))


def load_prior(path: Path) -> FittedPrior:
    """Read a fitted prior.

    Raises:
        TrainingError: If it is not there or damaged.
    """
    try:
        found = load_file(path)
        return FittedPrior(found["mean"], found["scale"])
    except (OSError, SafetensorError, KeyError) as error:
        raise TrainingError(
            f"{path} cannot be read: {error}. It is written when a run is finished; go on with "
            "`hilum generate train --resume`."
        ) from error
