"""What the two loops written by hand share: the learning rate's course and the mean of weights."""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["follow", "rate_share"]

_WARM_UP = 0.05


def rate_share(done: float) -> float:
    """Return the learning rate as a share of its peak: a short rise, then half a cosine.

    Args:
        done: Share of all steps that were taken, in [0, 1].
    """
    if done < _WARM_UP:
        return (done + 0.002) / (_WARM_UP + 0.002)
    return 0.5 * (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP)))


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, keep: float, *, buffers: bool = False) -> None:
    """Move a running mean of weights towards the network's.

    Args:
        average: Changed in place; of the same architecture.
        network: As it is now.
        keep: Share of the mean that stays, in [0, 1].
        buffers: Average floating-point buffers, such as running statistics, likewise; otherwise
            they stay as they are.
    """
    for ours, theirs in zip(average.parameters(), network.parameters(), strict=True):
        ours.lerp_(theirs, 1 - keep)
    if buffers:
        for mean, now in zip(average.buffers(), network.buffers(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - keep)
