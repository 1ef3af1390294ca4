"""Shapes for every size and latent, and what drawing from q(z|x) is."""

from __future__ import annotations

import pytest
import torch

from hilum.generate.settings import halvings_for
from hilum.generate.vae import Vae, sides


def build(size: int, latent: int, width: int, device: str = "cpu") -> Vae:
    with torch.device(device):
        return Vae(size=size, latent=latent, width=width, halvings=halvings_for(size))


@pytest.mark.parametrize("size", [64, 96, 224])
@pytest.mark.parametrize("latent", [16, 4000])
def test_a_film_goes_in_and_comes_out_at_every_size(size: int, latent: int) -> None:
    vae = build(size, latent, 32, "meta")
    mean, log_variance = vae.encode(torch.empty(2, 1, size, size, device="meta"))
    assert mean.shape == log_variance.shape == (2, latent)
    assert vae.decode(mean).shape == (2, 1, size, size)


@pytest.mark.parametrize("size", [17, 50, 75])
def test_a_side_that_cannot_be_halved_evenly_comes_back(size: int) -> None:
    vae = build(size, 3, 4).eval()
    with torch.no_grad():
        mean, _ = vae.encode(torch.rand(2, 1, size, size))
        assert vae.decode(mean).shape == (2, 1, size, size)


def test_sides_round_up() -> None:
    assert sides(75, 3) == [75, 38, 19, 10]


def test_channels_double_up_to_eight_times_the_width() -> None:
    vae = build(224, 16, 8)
    assert [block.second.out_channels for block in vae.encoder] == [8, 16, 32, 64, 64]
    assert vae.grid == (64, 7, 7)


def test_draws_have_the_mean_and_the_deviation_they_were_asked_for() -> None:
    mean = torch.tensor([[1.0, -2.0]]).expand(40_000, 2)
    log_variance = torch.tensor([[0.0, 2.0]]).expand(40_000, 2)
    drawn = Vae.draw(mean, log_variance, torch.Generator().manual_seed(0))
    assert drawn.mean(0) == pytest.approx([1.0, -2.0], abs=0.05)
    assert drawn.std(0) == pytest.approx([1.0, torch.tensor(1.0).exp().item()], rel=0.02)


def test_gradients_pass_through_a_draw() -> None:
    mean = torch.zeros(3, 2, requires_grad=True)
    log_variance = torch.zeros(3, 2, requires_grad=True)
    Vae.draw(mean, log_variance).sum().backward()
    assert mean.grad is not None
    assert (mean.grad == 1).all()
    assert log_variance.grad is not None
    assert (log_variance.grad != 0).all()


def test_in_evaluation_the_mean_is_the_mean_and_not_the_features() -> None:
    vae = build(32, 5, 4).eval()
    films = torch.rand(2, 1, 32, 32)
    mean, _ = vae.encode(films)
    assert mean.shape == (2, 5)
    assert torch.equal(mean, vae.to_mean(vae.encoder(films * 2 - 1).flatten(1)))
