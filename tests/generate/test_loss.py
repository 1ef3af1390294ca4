"""The terms against computation by hand, and what the published scaling amounts to."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from hilum.generate.loss import (
    Terms,
    active_dimensions,
    encoder_information,
    implied_sigma,
    kl_from_standard_normal,
    objective,
    reconstruction_loss,
    terms_of,
)
from hilum.generate.settings import Objective


def batch(films: int = 3, side: int = 5, latent: int = 4) -> tuple[torch.Tensor, ...]:
    rng = torch.Generator().manual_seed(0)
    shape = (films, 1, side, side)
    return (
        torch.rand(shape, generator=rng),
        torch.randn(shape, generator=rng),
        torch.randn(films, latent, generator=rng),
        torch.randn(films, latent, generator=rng),
    )


def test_kl_is_what_the_closed_form_of_two_normals_says() -> None:
    _, _, mean, log_variance = batch()
    posterior = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    expected = kl_divergence(posterior, prior)
    assert torch.allclose(kl_from_standard_normal(mean, log_variance), expected, atol=1e-5)


def test_kl_by_hand() -> None:
    # One dimension with mean 2 and variance 1: 2^2 / 2 = 2. One with variance e: (e - 2) / 2.
    mean, log_variance = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert kl_from_standard_normal(mean, log_variance).item() == pytest.approx(2 + (math.e - 2) / 2)


def test_the_gaussian_term_is_the_density_summed_over_pixels() -> None:
    films, logits, _, _ = batch()
    density = Normal(torch.sigmoid(logits), 0.3).log_prob(films).flatten(1).sum(1)
    found = reconstruction_loss(films, logits, torch.tensor(0.3).log())
    assert torch.allclose(found, -density, atol=1e-4)


def test_the_bernoulli_term_is_the_density_summed_over_pixels() -> None:
    films, logits, _, _ = batch()
    films = films.round()
    density = Bernoulli(logits=logits).log_prob(films).flatten(1).sum(1)
    assert torch.allclose(reconstruction_loss(films, logits, None), -density, atol=1e-4)


def test_terms_are_means_over_films_of_sums_over_all_else() -> None:
    films, logits, mean, log_variance = batch()
    one_by_one = [
        terms_of(*(part[i : i + 1] for part in (films, logits, mean, log_variance)), None)
        for i in range(3)
    ]
    together = terms_of(films, logits, mean, log_variance, None)
    for name in ("reconstruction", "kl", "squared_error"):
        each = [getattr(terms, name).item() for terms in one_by_one]
        assert getattr(together, name).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_with_sums_and_beta_one_the_objective_is_the_negative_elbo() -> None:
    terms = Terms(torch.tensor(100.0), torch.tensor(7.0), torch.tensor(3.0))
    assert objective(terms, Objective(), beta=1, pixels=64, latent=8) == -terms.elbo
    assert objective(terms, Objective(), beta=0.5, pixels=64, latent=8).item() == 103.5


def test_the_published_scaling_is_the_elbo_of_a_far_noisier_camera() -> None:
    films, logits, mean, log_variance = batch()
    pixels, latent, beta = 25, 4, 0.7
    sigma = implied_sigma(pixels=pixels, latent=latent, beta=beta)
    terms = terms_of(films, logits, mean, log_variance, torch.tensor(sigma).log())
    published = Objective(scaling="published")
    found = objective(terms, published, beta=beta, pixels=pixels, latent=latent)
    constant = pixels * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
    # latent / beta times the published loss is the negative bound, but for the constant
    assert (found * latent / beta).item() == pytest.approx(-terms.elbo.item() - constant, rel=1e-5)


def test_at_224_pixels_the_published_scaling_assumes_noise_of_seven_times_the_range() -> None:
    assert implied_sigma(pixels=224 * 224, latent=512) == pytest.approx(7.0)


def test_dimensions_that_never_vary_are_not_active() -> None:
    means = np.random.default_rng(0).normal(0, [1, 0.5, 0.01, 0], (200, 4)).astype(np.float32)
    assert active_dimensions(means) == 2


def test_encoder_information_of_a_gaussian_channel_is_what_the_formula_says() -> None:
    # z = m + noise with m ~ N(0, 3) and noise ~ N(0, 1): I = 0.5 log(1 + 3) nats.
    rng = torch.Generator().manual_seed(0)
    mean = math.sqrt(3) * torch.randn(3000, 1, generator=rng)
    drawn = mean + torch.randn(3000, 1, generator=rng)
    found = encoder_information(mean, torch.zeros_like(mean), drawn)
    assert found == pytest.approx(0.5 * math.log(4), abs=0.05)


def test_encoder_information_is_none_where_the_latent_says_nothing_of_the_film() -> None:
    drawn = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    none = encoder_information(torch.zeros(100, 3), torch.zeros(100, 3), drawn)
    assert none == pytest.approx(0, abs=1e-9)


def test_encoder_information_never_exceeds_the_logarithm_of_the_films() -> None:
    mean = 100.0 * torch.arange(50.0).unsqueeze(1)
    found = encoder_information(mean, torch.zeros_like(mean), mean)
    assert found == pytest.approx(math.log(50), rel=1e-6)
