"""The InfoMax critic: does this latent belong to this film?

Whatever it answers, its answers give a lower bound of the information between film and latent; the
better it is, the tighter. The published critic was dense on all pixels, 301 million weights at 224;
this one looks with convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hilum.generate.vae import in_32_bits

__all__ = ["Critic", "information_bound", "others"]

_GRID = 4
_HIDDEN = 256


class Critic(nn.Module):
    """Score pairs of film and latent.

    Without batch normalisation, which would tell it of the other pairs in the batch.

    Args:
        size: Side of a film in pixels.
        latent: Numbers that describe a film.
        width: Channels after the first halving.
        limit: Scores lie in (-limit, limit), so that their exponentials stay finite. Any bounded
            score still gives a lower bound, of at most about this many nats.
    """

    def __init__(self, *, size: int, latent: int, width: int = 16, limit: float = 10.0) -> None:
        super().__init__()
        self.limit = limit
        layers: list[nn.Module] = []
        before, after, side = 1, width, size
        while side > _GRID:
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            before, after, side = after, min(after * 2, width * 8), side // 2
        self.look = nn.Sequential(
            *layers,
            nn.AdaptiveAvgPool2d(min(side, _GRID)),
            nn.Flatten(),
            nn.Linear(before * min(side, _GRID) ** 2, _HIDDEN),
        )
        self.judge = nn.Sequential(
            nn.LeakyReLU(0.2),
            nn.Linear(_HIDDEN + latent, _HIDDEN),
            nn.LeakyReLU(0.2),
            nn.Linear(_HIDDEN, _HIDDEN // 4),
            nn.LeakyReLU(0.2),
            nn.Linear(_HIDDEN // 4, 1),
        )

    def score(self, seen: Tensor, latent: Tensor) -> Tensor:
        """Score latents (n, latent) against films already looked at (n, 256); shape (n,)."""
        with in_32_bits(seen):
            raw = self.judge(torch.cat([seen.float(), latent.float()], dim=1)).squeeze(1)
            bounded: Tensor = self.limit * torch.tanh(raw / self.limit)
            return bounded

    def forward(self, films: Tensor, latent: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Score each film with its own latent and with another film's.

        Args:
            films: Shape (n, 1, size, size), in [0, 1].
            latent: Their latents, shape (n, latent).
            other: The same latents, each at another film's place.

        Returns:
            Scores of the true and of the false pairs, each (n,).
        """
        seen = self.look(films * 2 - 1)
        return self.score(seen, latent), self.score(seen, other)


def others(latent: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return the latents in an order that leaves none at its own film's place.

    Args:
        latent: Shape (n, latent), n at least 2.
        generator: Where chance comes from.

    Raises:
        ValueError: If there is no other film to exchange with.
    """
    count = latent.shape[0]
    if count < 2:
        raise ValueError(f"Expected latents of at least 2 films to exchange, got {count}")
    order = torch.randperm(count, generator=generator)
    taken = torch.empty_like(order)
    taken[order] = order.roll(1)  # one cycle through all, so nothing stays where it was
    return latent[taken.to(latent.device)]


def information_bound(joint: Tensor, apart: Tensor) -> Tensor:
    """Return a lower bound of the information between the parts of a pair, in nats.

    I >= E_joint[D] - E_apart[exp(D - 1)], for any D.

    Args:
        joint: Scores of pairs that belong together, shape (n,).
        apart: Scores of pairs that do not, shape (m,).

    References:
        Nguyen, Wainwright and Jordan, "Estimating divergence functionals and the likelihood ratio
        by convex risk minimization", IEEE Trans. Inf. Theory 56, 2010. Rezaabad and Vishwanath,
        "Learning representations by maximizing mutual information in variational autoencoders",
        arXiv 1912.13361.
    """
    return joint.mean() - (apart - 1).exp().mean()
