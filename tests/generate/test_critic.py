"""The critic's bound stays below the truth where that is known, and comes near it."""

from __future__ import annotations

import math

import pytest
import torch

from hilum.generate.critic import Critic, information_bound, others

CORRELATION = 0.8
TRUE_INFORMATION = -0.5 * math.log(1 - CORRELATION**2)


def pairs(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two standard normals with a correlation of 0.8."""
    rng = torch.Generator().manual_seed(seed)
    x, noise = torch.randn(2, count, generator=rng)
    return x, CORRELATION * x + math.sqrt(1 - CORRELATION**2) * noise


def log_ratio(x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """log p(x, z) / (p(x) p(z)) of those two."""
    r = CORRELATION
    square = (r * r * (x * x + z * z) - 2 * r * x * z) / (1 - r * r)
    return -0.5 * square - 0.5 * math.log(1 - r * r)


def bound(score: object, x: torch.Tensor, z: torch.Tensor) -> float:
    other = z[torch.randperm(len(z), generator=torch.Generator().manual_seed(9))]
    return information_bound(score(x, z), score(x, other)).item()  # type: ignore[operator]


def test_the_best_possible_critic_attains_the_information() -> None:
    found = bound(lambda x, z: 1 + log_ratio(x, z), *pairs(400_000, 0))
    assert found == pytest.approx(TRUE_INFORMATION, abs=0.02)


@pytest.mark.parametrize("worse", [0.0, 0.3, 0.7, 1.3])
def test_any_other_critic_stays_below_it(worse: float) -> None:
    found = bound(lambda x, z: 1 + worse * log_ratio(x, z), *pairs(400_000, 1))
    assert found < TRUE_INFORMATION - 0.01


def test_a_trained_critic_stays_below_the_truth_and_comes_near_it() -> None:
    torch.manual_seed(0)
    critic = Critic(size=4, latent=1, width=4)
    adam = torch.optim.Adam(critic.parameters(), lr=2e-3)
    for step in range(250):
        x, z = pairs(256, seed=step)
        films, latent = x.view(-1, 1, 1, 1).expand(-1, 1, 4, 4), z.unsqueeze(1)
        loss = -information_bound(*critic(films, latent, others(latent)))
        adam.zero_grad()
        loss.backward()
        adam.step()
    x, z = pairs(20_000, seed=10_000)
    films, latent = x.view(-1, 1, 1, 1).expand(-1, 1, 4, 4), z.unsqueeze(1)
    with torch.no_grad():
        found = information_bound(*critic(films, latent, others(latent))).item()
    assert 0.7 * TRUE_INFORMATION < found < TRUE_INFORMATION + 0.03


@pytest.mark.parametrize("size", [16, 64, 96, 224])
def test_it_scores_pairs_of_any_size_within_its_limits(size: int) -> None:
    critic = Critic(size=size, latent=3, width=4, limit=2.0)
    latent = 1e6 * torch.randn(4, 3)
    joint, apart = critic(torch.rand(4, 1, size, size), latent, others(latent))
    assert joint.shape == apart.shape == (4,)
    assert joint.abs().max() <= 2
    assert apart.abs().max() <= 2


def test_it_has_few_weights_where_the_published_one_has_301_million() -> None:
    with torch.device("meta"):
        critic = Critic(size=224, latent=512)
    assert sum(weight.numel() for weight in critic.parameters()) < 2_000_000


@pytest.mark.parametrize("count", [2, 3, 17])
def test_no_latent_stays_at_its_own_film(count: int) -> None:
    latent = torch.arange(count).unsqueeze(1)
    for seed in range(20):
        moved = others(latent, torch.Generator().manual_seed(seed))
        assert (moved != latent).all()
        assert sorted(moved.flatten().tolist()) == list(range(count))


def test_a_single_film_has_no_other() -> None:
    with pytest.raises(ValueError, match="at least 2 films to exchange, got 1"):
        others(torch.zeros(1, 4))
