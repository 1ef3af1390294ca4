"""A convolutional residual autoencoder whose middle is a normal distribution.

Any square size fits: a halving rounds up, and each doubling returns to the side its halving came
from. The latent is one vector a film; the published code kept a map of 11 x 11 vectors at 224
pixels, because its last convolution was made for 64.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from hilum.generate.settings import VaeRecipe

__all__ = ["ResDown", "ResUp", "Vae", "in_32_bits", "new_vae", "sides"]

Activation = Literal["leaky_relu", "rrelu"]


def sides(size: int, halvings: int) -> list[int]:
    """Return the side in pixels before each halving and after the last.

    >>> sides(224, 5)
    [224, 112, 56, 28, 14, 7]
    """
    found = [size]
    for _ in range(halvings):
        found.append(-(-found[-1] // 2))
    return found


def _activation(name: Activation) -> nn.Module:
    return nn.RReLU() if name == "rrelu" else nn.LeakyReLU(0.2)


class ResDown(nn.Module):
    """Halve the side: two convolutions about an average, beside one on the averaged input.

    Args:
        before: Channels in.
        after: Channels out.
        activation: Name of the non-linearity.

    References:
        Ditria, CNN-VAE (github.com/LukeDitria/CNN-VAE), the state of January 2020.
    """

    def __init__(self, before: int, after: int, activation: Activation) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after // 2, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(after // 2)
        self.second = nn.Conv2d(after // 2, after, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(after)
        self.beside = nn.Conv2d(before, after, 3, padding=1)
        self.act = _activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, before, h, w) to (n, after, ceil(h / 2), ceil(w / 2))."""
        inner = self.act(self.first_norm(self.first(x)))
        inner = self.second_norm(self.second(_halved(inner)))
        out: Tensor = self.act(inner + self.beside(_halved(x)))
        return out


class ResUp(nn.Module):
    """Double the side by repeating pixels, then as `ResDown` does.

    Args:
        before: Channels in.
        after: Channels out.
        side: Side in pixels to grow to.
        activation: Name of the non-linearity.
    """

    def __init__(self, before: int, after: int, side: int, activation: Activation) -> None:
        super().__init__()
        self.side = side
        self.first = nn.Conv2d(before, before // 2, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(before // 2)
        self.second = nn.Conv2d(before // 2, after, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(after)
        self.beside = nn.Conv2d(before, after, 3, padding=1)
        self.act = _activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, before, h, w) to (n, after, side, side)."""
        x = functional.interpolate(x, size=(self.side, self.side), mode="nearest")
        inner = self.act(self.first_norm(self.first(x)))
        out: Tensor = self.act(self.second_norm(self.second(inner)) + self.beside(x))
        return out


class Vae(nn.Module):
    """Describe a film by a normal distribution over `latent` numbers, and draw it again.

    Args:
        size: Side of a film in pixels.
        latent: Numbers that describe it.
        width: Channels after the first halving; doubled with each, at most 8 times this.
        halvings: Blocks that halve the side.
        activation: Name of the non-linearity.
        sigma: Where the learned deviation of a pixel starts; see `log_sigma`.
    """

    def __init__(
        self,
        *,
        size: int,
        latent: int,
        width: int,
        halvings: int,
        activation: Activation = "leaky_relu",
        sigma: float = 0.1,
    ) -> None:
        super().__init__()
        grid = sides(size, halvings)
        channels = [1, *(width * min(2**step, 8) for step in range(halvings))]
        self.size, self.latent = size, latent
        self.grid = (channels[-1], grid[-1], grid[-1])
        self.encoder = nn.Sequential(
            *(ResDown(channels[i], channels[i + 1], activation) for i in range(halvings))
        )
        cells = math.prod(self.grid)
        self.to_mean = nn.Linear(cells, latent)
        self.to_log_variance = nn.Linear(cells, latent)
        self.from_latent = nn.Linear(latent, cells)
        up = [max(count, width) for count in channels]
        self.decoder = nn.Sequential(
            *(ResUp(up[i + 1], up[i], grid[i], activation) for i in reversed(range(halvings))),
            nn.Conv2d(up[0], 1, 3, padding=1),
        )
        self.log_sigma = nn.Parameter(torch.tensor(math.log(sigma)))
        """Natural logarithm of the deviation of a pixel; trained only where a recipe says so."""

    def encode(self, films: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x), each (n, latent), in 32 bits.

        Args:
            films: Grey levels, shape (n, 1, size, size), in [0, 1].
        """
        features = self.encoder(films * 2 - 1).flatten(1)
        with in_32_bits(features):
            features = features.float()
            return self.to_mean(features), self.to_log_variance(features)

    @staticmethod
    def draw(
        mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw one z a film from q(z|x), shape (n, latent), so that gradients pass."""
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + (0.5 * log_variance).exp() * noise

    def decode(self, latent: Tensor) -> Tensor:
        """Return the logit of each pixel's mean, shape (n, 1, size, size), in 32 bits.

        Args:
            latent: Shape (n, latent).
        """
        cells = self.from_latent(latent).unflatten(1, self.grid)
        logits: Tensor = self.decoder(cells)
        return logits.float()


def new_vae(recipe: VaeRecipe) -> Vae:
    """Build a recipe's autoencoder with weights that follow from its seed."""
    how, sigma = recipe.architecture, recipe.objective.sigma
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        vae = Vae(
            size=recipe.preprocessing.size,
            latent=how.latent,
            width=how.width,
            halvings=recipe.halvings,
            activation=how.activation,
            sigma=0.1 if sigma == "learned" else sigma,
        )
    vae.log_sigma.requires_grad_(sigma == "learned")
    return vae


def in_32_bits(x: Tensor) -> AbstractContextManager[None]:
    """Turn lower precision off for a block, on the device of `x`."""
    return nullcontext() if x.is_meta else torch.autocast(x.device.type, enabled=False)


def _halved(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 2, ceil_mode=True)
