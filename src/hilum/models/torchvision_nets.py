"""Networks that torchvision has, each cut into a trunk and a head.

torchvision's own modules are kept, so its state dicts load. The head receives the last feature
map after its non-linearity; for DenseNet that means after the ReLU that torchvision applies
in place, which is where other Grad-CAM implementations disagree with themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torchvision.models as tv
from torch import Tensor, nn

from hilum.models.blocks import starts_after_pools
from hilum.models.registry import NetworkSpec, networks
from hilum.models.trunk_and_head import DenseHead, PooledHead, TrunkAndHead
from hilum.models.weights import load_library_weights

__all__ = ["set_input_channels"]


class InceptionTrunk(nn.Module):
    """Inception v3 to its last mixed block; `both` adds what the auxiliary head takes."""

    def __init__(self, net: tv.Inception3) -> None:
        super().__init__()
        names = [name for name, _ in net.named_children() if name not in _INCEPTION_REST]
        split = names.index("Mixed_7a")
        self.early = nn.Sequential()
        self.late = nn.Sequential()
        for name in names[:split]:
            self.early.add_module(name, getattr(net, name))
        for name in names[split:]:
            self.late.add_module(name, getattr(net, name))

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, channels, h, w) to features (n, 2048, h / 32, w / 32)."""
        return self.both(images)[0]

    def both(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last features and those after Mixed_6e."""
        early = self.early(images)
        return self.late(early), early


_INCEPTION_REST = ("AuxLogits", "avgpool", "dropout", "fc")


def set_input_channels(net: nn.Module, place: str, channels: int) -> None:
    """Give the convolution at `place` another number of input channels, with fresh weights."""
    owner_name, _, name = place.rpartition(".")
    owner = net.get_submodule(owner_name)
    old = getattr(owner, name)
    if old.in_channels == channels:
        return
    new = nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,
        stride=old.stride,
        padding=old.padding,
        bias=old.bias is not None,
    )
    setattr(owner, name, new)


def _resnet(net: tv.ResNet, dropout: float | None) -> TrunkAndHead:
    trunk = nn.Sequential()
    for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
        trunk.add_module(name, getattr(net, name))
    head = PooledHead(net.fc, dropout=dropout or 0.0)
    return TrunkAndHead(trunk, head, block_starts=[f"layer{stage}" for stage in range(1, 5)])


def _densenet(net: tv.DenseNet, dropout: float | None) -> TrunkAndHead:
    trunk = nn.Sequential()
    trunk.add_module("features", net.features)
    trunk.add_module("relu", nn.ReLU())
    head = PooledHead(net.classifier, dropout=dropout or 0.0)
    starts = [f"features.denseblock{block}" for block in range(1, 5)]
    return TrunkAndHead(trunk, head, block_starts=starts)


def _inception(net: tv.Inception3, dropout: float | None) -> TrunkAndHead:
    head = PooledHead(net.fc, dropout=0.5 if dropout is None else dropout)
    trunk = InceptionTrunk(net)
    names = [name for name, _ in trunk.named_modules()]
    mixed = [name for name in names if name.count(".") == 1 and ".Mixed_" in name]
    return TrunkAndHead(trunk, head, net.AuxLogits, block_starts=mixed)


def _alexnet(net: tv.AlexNet, dropout: float | None) -> TrunkAndHead:
    layers = [layer for layer in net.classifier if isinstance(layer, nn.Linear)]
    rate = 0.5 if dropout is None else dropout
    head = DenseHead(grid=6, layers=layers, dropout=rate, dropout_first=True)
    return TrunkAndHead(net.features, head, block_starts=starts_after_pools(net.features))


def _vgg(net: tv.VGG, dropout: float | None) -> TrunkAndHead:
    layers = [layer for layer in net.classifier if isinstance(layer, nn.Linear)]
    rate = 0.5 if dropout is None else dropout
    head = DenseHead(grid=7, layers=layers, dropout=rate)
    return TrunkAndHead(net.features, head, block_starts=starts_after_pools(net.features))


def _register(
    name: str,
    cut: Callable[..., TrunkAndHead],
    *,
    first: str,
    last: tuple[str, ...],
    spec: NetworkSpec,
    options: dict[str, object] | None = None,
) -> None:
    """Register one torchvision network.

    Args:
        name: Its name in torchvision and in recipes.
        cut: Turns torchvision's network into a trunk and a head.
        first: Path of its first convolution.
        last: Paths of its classifying layers, which other weights do not fill.
        spec: What `hilum models` says of it.
        options: What its constructor needs.
    """

    def build(
        *, outputs: int, channels: int, dropout: float | None = None, weights: str | Path = "none"
    ) -> TrunkAndHead:
        net = getattr(tv, name)(weights=None, num_classes=outputs, **(options or {}))
        set_input_channels(net, first, channels)
        if str(weights) != "none":
            load_library_weights(net, weights, name=name, first=first, last=last)
        return cut(net, dropout)

    networks.add(spec, build)


for _name, _minimum in (("resnet18", 32), ("resnet50", 32)):
    _register(
        _name,
        _resnet,
        first="conv1",
        last=("fc",),
        spec=NetworkSpec(_name, 224, _minimum, "pooled", "torchvision; He et al., CVPR 2016"),
    )
_register(
    "densenet121",
    _densenet,
    first="features.conv0",
    last=("classifier",),
    spec=NetworkSpec("densenet121", 224, 32, "pooled", "torchvision; Huang et al., CVPR 2017"),
)
_register(
    "inception_v3",
    _inception,
    first="Conv2d_1a_3x3.conv",
    last=("fc", "AuxLogits.fc"),
    spec=NetworkSpec(
        "inception_v3", 299, 75, "pooled", "torchvision; Szegedy et al., CVPR 2016", 299
    ),
    options={"init_weights": True, "transform_input": False},
)
_register(
    "alexnet",
    _alexnet,
    first="features.0",
    last=("classifier.6",),
    spec=NetworkSpec("alexnet", 224, 63, "dense", "torchvision; Krizhevsky, arXiv 1404.5997"),
)
_register(
    "vgg16",
    _vgg,
    first="features.0",
    last=("classifier.6",),
    spec=NetworkSpec("vgg16", 224, 32, "dense", "torchvision; Simonyan and Zisserman, ICLR 2015"),
)
