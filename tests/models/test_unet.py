"""The U-Net: sizes, refusals, and that every part of it is used."""

from __future__ import annotations

import pytest
import torch

from hilum.models.unet import WIDTHS, UNet


def test_logits_have_the_shape_of_the_films() -> None:
    for side in (64, 96):
        assert UNet((8, 16, 24))(torch.zeros(2, 1, side, side)).shape == (2, 1, side, side)


def test_the_default_is_a_third_of_a_million_parameters() -> None:
    count = sum(parameter.numel() for parameter in UNet(WIDTHS).parameters())
    assert 300_000 < count < 450_000


def test_every_parameter_gets_a_gradient() -> None:
    network = UNet((8, 16))
    network(torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))).sum().backward()
    missing = [name for name, value in network.named_parameters() if value.grad is None]
    assert not missing


def test_a_film_gets_the_same_answer_alone_and_in_a_batch() -> None:
    network = UNet((8, 16)).eval()
    films = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(network(films)[1:2], network(films[1:2]))


def test_what_lies_far_off_can_change_the_answer_through_the_coarse_levels() -> None:
    network = UNet().eval()
    films = torch.zeros(1, 1, 128, 128)
    changed = films.clone()
    changed[..., :8, :8] = 1
    with torch.inference_mode():
        apart = (network(films) - network(changed)).abs()[0, 0]
    assert apart[40, 40] > 0


@pytest.mark.parametrize("widths", [(16,), (8, 12), (8, 4)])
def test_widths_that_cannot_be_normalised_in_eights_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="widths must be at least two multiples of 8"):
        UNet(widths)


def test_a_side_that_cannot_be_halved_often_enough_is_refused() -> None:
    with pytest.raises(ValueError, match="the side must be a multiple of 16, got"):
        UNet()(torch.zeros(1, 1, 60, 60))
