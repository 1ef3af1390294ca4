"""What the two loops written by hand share."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hilum.training.by_hand import follow, rate_share


def test_the_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    assert rate_share(0) == pytest.approx(0.002 / 0.052)
    assert rate_share(0.05) == 1
    assert rate_share(0.525) == pytest.approx(0.5)
    assert rate_share(1) == pytest.approx(0, abs=1e-12)


@pytest.fixture
def pair() -> tuple[nn.Module, nn.Module]:
    """A mean whose every number is 1, and a network whose every number is 5."""
    average, network = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    for module, value in ((average, 1), (network, 5)):
        for tensor in module.state_dict().values():
            tensor.fill_(value)
    return average, network


def test_a_mean_of_weights_follows_by_the_share_that_it_does_not_keep(
    pair: tuple[nn.Module, nn.Module],
) -> None:
    average, network = pair
    follow(average, network, 0.75)
    assert all(torch.equal(one, torch.full((2,), 2.0)) for one in average.parameters())
    assert all(torch.all(one == 1) for one in average.buffers())
    assert all(torch.all(one == 5) for one in network.state_dict().values())


def test_buffers_follow_where_asked_but_counts_do_not(pair: tuple[nn.Module, nn.Module]) -> None:
    average, network = pair
    follow(average, network, 0.75, buffers=True)
    found = {name: float(one.max()) for name, one in average.named_buffers()}
    assert found == {"running_mean": 2, "running_var": 2, "num_batches_tracked": 1}
