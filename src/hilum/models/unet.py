"""A small U-Net that says of every pixel whether it is lung.

It is no trunk and head: a mask needs the fine grids that a trunk throws away. The first convolution
halves the side and the last step doubles it again, because the outline of a lung is smooth: a
quarter of the arithmetic for less than a pixel of it.

References:
    Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

__all__ = ["WIDTHS", "UNet"]

WIDTHS = (16, 32, 64, 96)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the side; 0.35 million parameters."""

_GROUP = 8
"""Channels that are normalised together."""


def _convolutions(before: int, after: int) -> nn.Sequential:
    """Return two 3x3 convolutions, each normalised over the film itself, not over a batch."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.GroupNorm(after // _GROUP, after),
        nn.ReLU(inplace=True),
        nn.Conv2d(after, after, 3, padding=1, bias=False),
        nn.GroupNorm(after // _GROUP, after),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """Map films (n, 1, size, size) to logits of lung (n, 1, size, size).

    Args:
        widths: Channels of each level from fine to coarse, each a multiple of 8; the side of a
            film must be a multiple of 2 to the power of their number.

    Raises:
        ValueError: If there are fewer than two levels or a width is no multiple of 8.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        if len(widths) < 2 or any(width < _GROUP or width % _GROUP for width in widths):
            raise ValueError(
                f"widths must be at least two multiples of {_GROUP}, got {tuple(widths)}"
            )
        self.step = 2 ** len(widths)
        self.stem = nn.Conv2d(1, widths[0], 5, stride=2, padding=2)
        before = [widths[0], *widths[:-1]]
        pairs = list(zip(before, widths, strict=True))
        self.down = nn.ModuleList(_convolutions(coming, going) for coming, going in pairs)
        self.up = nn.ModuleList(
            _convolutions(fine + coarse, fine) for fine, coarse in pairwise(widths)
        )
        self.outline = nn.Conv2d(widths[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits of lung, shape (n, 1, size, size), for images (n, 1, size, size).

        Raises:
            ValueError: If the side is no multiple of 2 to the power of the number of levels.
        """
        if images.shape[-1] % self.step or images.shape[-2] % self.step:
            raise ValueError(
                f"the side must be a multiple of {self.step}, got {tuple(images.shape[-2:])}"
            )
        x = self.stem(images)
        kept = []
        for level, convolve in enumerate(self.down):
            x = convolve(nn.functional.max_pool2d(x, 2) if level else x)
            kept.append(x)
        for convolve, fine in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            x = convolve(torch.cat([fine, _doubled(x)], dim=1))
        return _doubled(self.outline(x))


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
