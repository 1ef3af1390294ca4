"""VGG16's convolutions under a dense head of 1024 and 512 units, made for one size of picture.

The paper's network for 256 pixels and one output has 48,795,457 parameters. It begins with
ImageNet weights in the convolutions (`weights: default`) and freezes none of them. The head begins
as Keras has it, and has no dropout unless asked for: that is an improvement the paper proposes.
Without ImageNet weights the convolutions begin as torchvision's do, from He's normal weights.

References:
    Wali, "Detecting COVID-19 from Medical X-ray Images", Cornell University: Flatten, then dense
    layers of 1024, 512 and 1 on Keras's VGG16 without its top.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torchvision.models as tv
from torch import nn

from hilum.models.blocks import starts_after_pools
from hilum.models.registry import NetworkSpec, networks
from hilum.models.torchvision_nets import set_input_channels
from hilum.models.trunk_and_head import DenseHead, TrunkAndHead
from hilum.models.weights import load_library_weights, start_like_keras

__all__ = ["create_vgg_dense"]

HIDDEN = (1024, 512)
SHRINKS = 32
WIDTH = 512


def create_vgg_dense(
    *,
    outputs: int,
    channels: int,
    size: int,
    dropout: float | None = None,
    weights: str | Path = "none",
) -> TrunkAndHead:
    """Build the network for pictures of one size.

    Args:
        outputs: Number of logits.
        channels: Input channels, 1 or 3.
        size: Side of the pictures in pixels, at least 32.
        dropout: Dropout after the head's hidden layers; none if not given.
        weights: "none", or weights of torchvision's vgg16 for the convolutions.

    Raises:
        ConfigError: If the weights do not fit.
    """
    trunk = _convolutions(channels, weights)
    side = size // SHRINKS
    widths = (WIDTH * side * side, *HIDDEN, outputs)
    layers = [nn.Linear(before, after) for before, after in pairwise(widths)]
    start_like_keras(*layers)
    head = DenseHead(grid=side, layers=layers, dropout=dropout or 0.0, averaged=False)
    return TrunkAndHead(trunk, head, block_starts=starts_after_pools(trunk))


def _convolutions(channels: int, weights: str | Path) -> nn.Sequential:
    """Return torchvision's VGG16 without its classifier, which is most of it and is left out."""
    if str(weights) == "none":
        layers: nn.Sequential = tv.vgg.make_layers(tv.vgg.cfgs["D"])
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        set_input_channels(layers, "0", channels)
        return layers
    net = tv.vgg16(weights=None, init_weights=False)
    set_input_channels(net, "features.0", channels)
    load_library_weights(net, weights, name="vgg16", first="features.0", last=("classifier",))
    features: nn.Sequential = net.features
    return features


networks.add(
    NetworkSpec(
        "vgg16_dense",
        256,
        SHRINKS,
        "dense",
        "VGG16, dense head; Wali, Cornell",
        head_follows_size=True,
    ),
    create_vgg_dense,
)
