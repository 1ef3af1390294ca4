"""COVID-Net, large, small and compact, as published and repaired.

The original network was made by a machine and gives every block widths of its own; those who wrote
it again took fixed shares. Two pairs of shares are in circulation: (1/2, 3/4) in the code, which
makes 134.51 million parameters for the large network and three classes, and (1/4, 1/2), which makes
the 118.19 million of the same authors' table. The later compact network has 11.94 million. It was
published for `large` as well, but that one adds 112 channels to 56 and cannot run, so it is not
here.

What is wrong with the published wiring is told in `hilum.models.covidnet_blocks`. The published
head flattens 7 x 7, so those networks take pictures of 224 pixels only; the repaired ones average
to 7 x 7 and take any from 32 up.

As published, the large and small networks start from PyTorch's default weights and the compact one
from He's normal weights by fan-out. The repaired ones start from He's normal weights by fan-in,
which keep features and gradients of one size through the depthwise convolutions.

References:
    Wang, Lin and Wong, "COVID-Net: a tailored deep convolutional neural network design for
    detection of COVID-19 cases from chest X-ray images", Scientific Reports 10, 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn

from hilum.models.covidnet_blocks import Pepx, PepxWidths, Stage, pooled_sum, total, unit
from hilum.models.registry import NetworkSpec, networks
from hilum.models.trunk_and_head import DenseHead, TrunkAndHead
from hilum.models.weights import random_weights_only

__all__ = ["CovidNetTrunk", "Plan", "create_covidnet"]

GRID = 7
BLOCKS = (3, 4, 6, 3)
HALF = PepxWidths(1 / 2, 3 / 4)
QUARTER = PepxWidths(1 / 4, 1 / 2)
ORIGIN = "COVID-Net, Wang et al., 2020"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which COVID-Net.

    Args:
        stem: Channels after the 7x7 convolution.
        stages: Channels of the four stages.
        widths: Channels inside the blocks.
        hidden: Widths of the head's hidden layers.
        shortcuts: Whether stages have 1x1 shortcuts (the large networks).
        normalised: Whether published blocks end in batch normalisation (the compact network).
        he_normal: Whether published convolutions start from He's normal weights by fan-out instead
            of PyTorch's default.
    """

    stem: int = 64
    stages: tuple[int, int, int, int] = (256, 512, 1024, 2048)
    widths: PepxWidths = HALF
    hidden: tuple[int, ...] = (1024, 256)
    shortcuts: bool = False
    normalised: bool = False
    he_normal: bool = False


PLANS = {
    "covidnet_large": Plan(shortcuts=True),
    "covidnet_small": Plan(),
    "covidnet_large_quarter": Plan(widths=QUARTER, shortcuts=True),
    "covidnet_small_quarter": Plan(widths=QUARTER),
    "covidnet_compact": Plan(
        stem=56, stages=(56, 112, 216, 424), hidden=(512,), normalised=True, he_normal=True
    ),
}


class CovidNetTrunk(nn.Module):
    """A stem that quarters the side, then four stages, the later three each halving it.

    Args:
        plan: Which network.
        channels: Of the pictures, 1 or 3.
        repaired: Which wiring.
    """

    def __init__(self, plan: Plan, *, channels: int, repaired: bool) -> None:
        super().__init__()
        self.repaired = repaired
        self.stem = nn.Sequential(
            unit(channels, plan.stem, 7, stride=2, repaired=repaired),
            nn.Identity() if repaired else nn.ReLU(),
            nn.MaxPool2d(2),
        )
        edges = pairwise((plan.stem, *plan.stages))
        self.stages = nn.ModuleList(
            _stage(plan, number, edge, repaired=repaired) for number, edge in enumerate(edges)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, channels, h, w) to features (n, c, h / 32, w / 32)."""
        entry: Tensor = self.stem(images)
        summed = entry
        for number, stage in enumerate(self.stages, start=1):
            parts = stage(entry, summed)
            summed = total(parts)
            if number < len(self.stages):
                entry = pooled_sum(self._handed_on(parts, number))
        return summed

    def _handed_on(self, parts: list[Tensor], stage: int) -> list[Tensor]:
        """Return what the next stage's first block sums: in stage 3 as published, not all."""
        if self.repaired or stage != 3:
            return parts
        second, third = len(parts) - 5, len(parts) - 4
        return [*parts[:third], parts[second], *parts[third + 1 :]]


def _stage(plan: Plan, number: int, edge: tuple[int, int], *, repaired: bool) -> Stage:
    before, after = edge
    blocks = [
        Pepx(
            before if place == 0 else after,
            after,
            plan.widths,
            repaired=repaired,
            normalised=plan.normalised,
        )
        for place in range(BLOCKS[number])
    ]
    shortcut = edge if plan.shortcuts else None
    return Stage(shortcut, blocks, halves=number > 0, repaired=repaired)


def create_covidnet(
    name: str,
    *,
    repaired: bool,
    any_size: bool | None = None,
    outputs: int,
    channels: int,
    dropout: float | None = None,
    weights: str | Path = "none",
) -> TrunkAndHead:
    """Build a COVID-Net. Its head has no dropout unless asked for.

    Args:
        name: One of `PLANS`.
        repaired: Repaired wiring instead of the published one.
        any_size: Average features to the head's grid, so that it takes pictures of any size; by
            default the repaired networks do.
        outputs: Number of logits.
        channels: Input channels, 1 or 3; 3 as published.
        dropout: Dropout after the head's hidden layers; none if not given.
        weights: Must be "none".

    Raises:
        ConfigError: If `weights` asks for published weights: there are none.
    """
    random_weights_only(name, weights)
    plan = PLANS[name]
    trunk = CovidNetTrunk(plan, channels=channels, repaired=repaired)
    if repaired or plan.he_normal:
        for module in trunk.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_in" if repaired else "fan_out", nonlinearity="relu"
                )
    widths = (plan.stages[-1] * GRID * GRID, *plan.hidden, outputs)
    layers = [nn.Linear(before, after) for before, after in pairwise(widths)]
    averaged = repaired if any_size is None else any_size
    head = DenseHead(grid=GRID, layers=layers, dropout=dropout or 0.0, averaged=averaged)
    starts = [f"stages.{number}" for number in range(len(BLOCKS))]
    return TrunkAndHead(trunk, head, block_starts=starts)


def _register(name: str) -> None:
    published: Callable[..., TrunkAndHead] = partial(create_covidnet, name, repaired=False)
    networks.add(
        NetworkSpec(name, 224, 224, "dense", f"{ORIGIN}; published", only_size=224), published
    )
    repaired: Callable[..., TrunkAndHead] = partial(create_covidnet, name, repaired=True)
    networks.add(NetworkSpec(f"{name}_repaired", 224, 32, "dense", f"{ORIGIN}; repaired"), repaired)


for _name in PLANS:
    _register(_name)

networks.add(
    NetworkSpec(
        "covidnet_compact_linear",
        224,
        32,
        "dense",
        f"{ORIGIN}; published wiring, any size: prices the wiring alone",
    ),
    partial(create_covidnet, "covidnet_compact", repaired=False, any_size=True),
)
