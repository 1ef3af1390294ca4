"""The terms of the objective, each by itself: reconstruction, KL, and what the scaling makes of it.

Summed over pixels and over latent dimensions for each film, then averaged over films: only so is
reconstruction + KL the negative evidence lower bound, in nats a film.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hilum.generate.settings import Objective

__all__ = [
    "Terms",
    "active_dimensions",
    "encoder_information",
    "implied_sigma",
    "kl_from_standard_normal",
    "objective",
    "reconstruction_loss",
    "terms_of",
]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one batch costs, means over its films.

    Args:
        reconstruction: -log p(x|z) in nats a film, as the likelihood defines it.
        kl: KL(q(z|x) || N(0, 1)) in nats a film.
        squared_error: Summed over the pixels of a film, grey in [0, 1].
    """

    reconstruction: Tensor
    kl: Tensor
    squared_error: Tensor

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound in nats a film, whatever the recipe weighs."""
        return -(self.reconstruction + self.kl)


def reconstruction_loss(films: Tensor, logits: Tensor, log_sigma: Tensor | None) -> Tensor:
    """Return -log p(x|z) of each film in nats, shape (n,).

    Args:
        films: Grey levels, shape (n, 1, h, w), in [0, 1].
        logits: Logits of the decoder's means, same shape.
        log_sigma: Log deviation of a pixel for the Gaussian, a scalar; None for Bernoulli.
    """
    if log_sigma is None:
        each = functional.binary_cross_entropy_with_logits(logits, films, reduction="none")
        return each.flatten(1).sum(1)
    error = (films - torch.sigmoid(logits)) * torch.exp(-log_sigma)
    return (0.5 * error.square() + log_sigma + _HALF_LOG_2PI).flatten(1).sum(1)


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_variance)) || N(0, 1)) in nats, summed over dimensions.

    Args:
        mean: Shape (n, latent).
        log_variance: Shape (n, latent).

    Returns:
        Shape (n,), at least 0.

    References:
        Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)


def terms_of(
    films: Tensor, logits: Tensor, mean: Tensor, log_variance: Tensor, log_sigma: Tensor | None
) -> Terms:
    """Return every term for a batch; shapes as in the functions above."""
    return Terms(
        reconstruction_loss(films, logits, log_sigma).mean(),
        kl_from_standard_normal(mean, log_variance).mean(),
        (films - torch.sigmoid(logits)).square().flatten(1).sum(1).mean(),
    )


def objective(terms: Terms, how: Objective, *, beta: float, pixels: int, latent: int) -> Tensor:
    """Weigh reconstruction and KL as a recipe asks; the information term is not in it.

    Args:
        terms: Of a batch.
        how: The recipe's objective.
        beta: Weight of KL now, which during warm-up is below the recipe's.
        pixels: Pixels of a film.
        latent: Numbers that describe it.

    Returns:
        A scalar: reconstruction + beta * KL, or, `published`, squared error / pixels + beta * KL /
        latent.
    """
    if how.scaling == "published":
        return terms.squared_error / pixels + beta * terms.kl / latent
    return terms.reconstruction + beta * terms.kl


def implied_sigma(*, pixels: int, latent: int, beta: float = 1.0) -> float:
    """Return the pixel deviation for which the published scaling is an evidence lower bound.

    Mean squared error + beta * mean KL is 1 / pixels times SSE + beta * (pixels / latent) * KL,
    and SSE / (2 sigma^2) + KL is the bound's, so sigma^2 = beta * pixels / (2 latent). At 64
    pixels and 512 numbers that is 2: twice the step from black to white, so most of what a film
    shows passes for noise.

    >>> implied_sigma(pixels=64 * 64, latent=512)
    2.0
    """
    return math.sqrt(beta * pixels / (2 * latent))


def active_dimensions(means: NDArray[np.float32], *, above: float = 0.01) -> int:
    """Count the dimensions whose mean varies from film to film.

    Args:
        means: Means of q(z|x), shape (n, latent), n at least 2.
        above: Variance over films that counts as varying.

    References:
        Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016.
    """
    return int((means.astype(np.float64).var(axis=0) > above).sum())


def encoder_information(mean: Tensor, log_variance: Tensor, drawn: Tensor) -> float:
    """Estimate the information between film and latent without a critic, in nats.

    Mean of log q(z|x) - log(1/n sum_j q(z|x_j)) over the films given; never above log(n).

    Args:
        mean: Shape (n, latent).
        log_variance: Shape (n, latent).
        drawn: One z a film from q(z|x), shape (n, latent).

    References:
        Hoffman and Johnson, "ELBO surgery", NeurIPS workshop 2016.
    """
    mean, log_variance, drawn = mean.double(), log_variance.double(), drawn.double()
    precision = torch.exp(-log_variance)
    # log q(z_i|x_j) up to a constant, from (z - m)^2 v = z^2 v - 2 z m v + m^2 v
    squares = drawn.square() @ precision.T - 2 * drawn @ (mean * precision).T
    squares += (mean.square() * precision).sum(1)
    density = -0.5 * (squares + log_variance.sum(1))
    mixture = torch.logsumexp(density, dim=1) - math.log(len(mean))
    return float((density.diagonal() - mixture).mean())
