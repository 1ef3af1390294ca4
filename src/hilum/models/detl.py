"""The convolutional network of domain-extension transfer learning.

Three pairs of valid 3x3 convolutions, each with ReLU and followed by max pooling, and dense layers
of 256 and 128 before the classes. The paper counts twelve layers: six convolutions, three poolings,
three dense. It does not say for what size of picture, nor that convolutions are rectified, nor how
weights begin. Here the size is the recipe's, ReLU follows every convolution, and weights begin as
in Keras, which it was written in: Glorot's uniform, biases at zero. (From PyTorch's own, nine
layers deep and without normalisation, its features are too small to learn from at first.)

References:
    Basu and Mitra, "Deep Learning for Screening COVID-19 using Chest X-Ray Images", arXiv
    2004.10507, section III-B.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from pathlib import Path

from torch import nn

from hilum.models.blocks import starts_after_pools
from hilum.models.registry import NetworkSpec, networks
from hilum.models.trunk_and_head import DenseHead, TrunkAndHead
from hilum.models.weights import random_weights_only, start_like_keras

__all__ = ["create_detl"]

WIDTHS = (32, 64, 128)
HIDDEN = (256, 128)
MINIMUM = 36


def create_detl(
    *,
    outputs: int,
    channels: int,
    size: int,
    dropout: float | None = None,
    weights: str | Path = "none",
) -> TrunkAndHead:
    """Build the network for pictures of one size; its head flattens the whole feature map.

    Args:
        outputs: Number of logits.
        channels: Input channels, 1 or 3.
        size: Side of the pictures in pixels, at least 36.
        dropout: Dropout after the head's hidden layers; none if not given.
        weights: Must be "none".

    Raises:
        ConfigError: If `weights` asks for published weights: there are none.
    """
    random_weights_only("detl", weights)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    side, before = size, channels
    for pair, width in enumerate(WIDTHS, start=1):
        parts[f"pair{pair}"] = nn.Sequential(
            nn.Conv2d(before, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU()
        )
        parts[f"pool{pair}"] = nn.MaxPool2d(2)
        side, before = (side - 4) // 2, width
    trunk = nn.Sequential(parts)
    sizes = pairwise((before * side * side, *HIDDEN, outputs))
    layers = [nn.Linear(inwards, outwards) for inwards, outwards in sizes]
    start_like_keras(trunk, *layers)
    head = DenseHead(grid=side, layers=layers, dropout=dropout or 0.0, averaged=False)
    return TrunkAndHead(trunk, head, block_starts=starts_after_pools(trunk))


networks.add(
    NetworkSpec(
        "detl",
        224,
        MINIMUM,
        "dense",
        "Basu and Mitra, arXiv 2004.10507",
        head_follows_size=True,
    ),
    create_detl,
)
