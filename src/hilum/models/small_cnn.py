"""A small network for demonstrations and tests: minutes, not hours, on a laptop."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from hilum.models.registry import NetworkSpec, networks
from hilum.models.trunk_and_head import PooledHead, TrunkAndHead
from hilum.models.weights import random_weights_only

__all__ = ["create_small_cnn"]

WIDTHS = (16, 32, 64, 128)


def _block(before: int, after: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def create_small_cnn(
    *, outputs: int, channels: int, dropout: float | None = None, weights: str | Path = "none"
) -> TrunkAndHead:
    """Build four stages of two 3x3 convolutions, each halving the side, and a pooled head.

    Raises:
        ConfigError: If `weights` asks for anything but random weights: none are published.
    """
    random_weights_only("small_cnn", weights)
    trunk = nn.Sequential()
    before = channels
    for stage, width in enumerate(WIDTHS):
        trunk.add_module(f"down{stage + 1}", _block(before, width, stride=2))
        trunk.add_module(f"keep{stage + 1}", _block(width, width, stride=1))
        before = width
    head = PooledHead(nn.Linear(before, outputs), dropout=0.1 if dropout is None else dropout)
    starts = [f"down{stage}" for stage in range(2, len(WIDTHS) + 1)]
    return TrunkAndHead(trunk, head, block_starts=starts)


networks.add(
    NetworkSpec("small_cnn", 128, 16, "pooled", "hilum; for demonstrations"), create_small_cnn
)
