"""The parts of COVID-Net: the PEPX block, and a stage of densely summed PEPX blocks.

Both come in two wirings. The published one is that of the PyTorch code the paper was made with,
faults included. It has no non-linearity inside PEPX, so its five convolutions are one affine map:
between the stem's ReLU and the head, only max pooling is not linear. And where stage 4 begins, the
third block of stage 3 is left out of the sum and the second counted twice. The repaired wiring has
a ReLU after every convolution, batch normalisation before the last of the five, and sums each
block once. Normalising after every convolution as well was tried and is worse: with no identity
path through the blocks, eighty normalised layers in a row make the stem's gradient a million times
that of the last stage, and rounding errors of 1 in 10^7 grow to 1 in 100.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import max_pool2d

__all__ = ["Pepx", "PepxWidths", "Stage", "pooled_sum", "total", "unit"]


@dataclass(frozen=True, slots=True)
class PepxWidths:
    """How many channels a PEPX block has inside, as shares of those it is given.

    Args:
        projected: After either projection.
        expanded: After the expansion, and in the depthwise convolution.
    """

    projected: float
    expanded: float


class Pepx(nn.Sequential):
    """Project, expand, look (depthwise 3x3), project, extend.

    Args:
        before: Channels it is given.
        after: Channels it returns.
        widths: Those in between.
        repaired: Rectify after every convolution, and normalise the result before.
        normalised: Published wiring: normalise the result, as the compact network does.
    """

    def __init__(
        self, before: int, after: int, widths: PepxWidths, *, repaired: bool, normalised: bool
    ) -> None:
        projected, expanded = int(before * widths.projected), int(before * widths.expanded)
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["first_projection"] = nn.Conv2d(before, projected, 1)
        parts["expansion"] = nn.Conv2d(projected, expanded, 1)
        parts["depthwise"] = nn.Conv2d(expanded, expanded, 3, padding=1, groups=expanded)
        parts["second_projection"] = nn.Conv2d(expanded, projected, 1)
        if repaired:
            for name, convolution in parts.items():
                parts[name] = nn.Sequential(convolution, nn.ReLU())
        parts["extension"] = unit(projected, after, repaired=repaired)
        if normalised and not repaired:
            parts["norm"] = nn.BatchNorm2d(after)
        super().__init__(parts)


def unit(before: int, after: int, side: int = 1, *, stride: int = 1, repaired: bool) -> nn.Module:
    """Return a convolution; repaired, with normalisation and ReLU after it."""
    convolution = nn.Conv2d(
        before, after, side, stride=stride, padding=side // 2, bias=not repaired
    )
    if not repaired:
        return convolution
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


class Stage(nn.Module):
    """PEPX blocks at one resolution, each given the sum of all before it.

    Args:
        shortcut: Channels before and after the 1x1 shortcut that is added to every block but the
            first; None without one (the small networks).
        blocks: The PEPX blocks in order.
        halves: Whether the stage works at half the side of the one before.
        repaired: Normalise and rectify the shortcut, too.
    """

    def __init__(
        self,
        shortcut: tuple[int, int] | None,
        blocks: list[Pepx],
        *,
        halves: bool,
        repaired: bool,
    ) -> None:
        super().__init__()
        self.shortcut = None if shortcut is None else unit(*shortcut, repaired=repaired)
        self.blocks = nn.ModuleList(blocks)
        self.halves = halves

    def forward(self, entry: Tensor, summed: Tensor) -> list[Tensor]:
        """Return what the next stage sums: the shortcut, if any, and every block's features.

        Args:
            entry: What the first block is given, (n, c, h, w) at this stage's side.
            summed: What the shortcut is given: the sum over the stage before, at that one's side.
        """
        parts = []
        if self.shortcut is not None:
            short = self.shortcut(summed)
            parts.append(max_pool2d(short, 2) if self.halves else short)
        first, *others = self.blocks
        parts.append(first(entry))
        for block in others:
            parts.append(block(total(parts)))
        return parts


def total(parts: list[Tensor]) -> Tensor:
    """Return the sum of features of one shape."""
    summed = parts[0]
    for part in parts[1:]:
        summed = summed + part
    return summed


def pooled_sum(parts: list[Tensor]) -> Tensor:
    """Return the sum of features after max pooling by 2 of each."""
    return total([max_pool2d(part, 2) for part in parts])
