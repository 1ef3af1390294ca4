"""The gate's network: one small look at the whole film, several answers about how it lies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["POSES", "SIDE", "GateNet", "GateProbabilities"]

SIDE = 96
"""Side of the square the network sees, in pixels."""

POSES = 8
"""Number m * 4 + k: mirrored left to right if m is 1, then turned k times anticlockwise by 90."""

_WIDTHS = (16, 32, 48, 64)


class GateNet(nn.Module):
    """Tell a chest from something else, and how it lies.

    Five convolutions bring 96 pixels to a grid of 6, which is flattened: where in the film
    something lies is what the questions are about. About 134,000 parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in _WIDTHS:
            layers += _block(before, width, stride=2)
            if width == _WIDTHS[1]:
                layers += _block(width, width, stride=1)
            before = width
        layers += [nn.Conv2d(before, 24, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(24 * (SIDE // 16) ** 2, 64), nn.ReLU()
        )
        self.answers = nn.Linear(64, 3 + POSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (n, 11) of chest, inverted, piece and the poses, for (n, 1, 96, 96)."""
        answers: Tensor = self.answers(self.hidden(self.trunk(images)))
        return answers


def _block(before: int, width: int, *, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]


class GateProbabilities(nn.Module):
    """The network as it is shipped: equalised grey levels in, probabilities out."""

    def __init__(self, network: GateNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return chest, inverted and piece (n, 3) and poses (n, 8) for images in [0, 1]."""
        answers = self.network(images)
        return torch.sigmoid(answers[:, :3]), torch.softmax(answers[:, 3:], dim=1)
