"""A second head that guesses where a film came from, and a trunk that learns not to tell it.

References:
    Ganin et al., "Domain-Adversarial Training of Neural Networks", JMLR 2016, section 4.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, autograd, nn

from hilum.models import DenseHead, TrunkAndHead

__all__ = ["SourceHead"]

_HIDDEN = 64


class SourceHead(nn.Module):
    """Guess the source from pooled features; the gradient it sends back is turned round.

    Args:
        model: The network whose features it reads.
        sources: How many there are.
    """

    def __init__(self, model: TrunkAndHead, sources: int) -> None:
        super().__init__()
        head = model.head
        if isinstance(head, DenseHead):
            channels = head.layers[0].in_features // head.grid**2
        else:
            channels = head.classifier.in_features
        self.layers = nn.Sequential(
            nn.Linear(channels, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, sources)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n, c, h, w) to logits (n, sources)."""
        logits: Tensor = self.layers(_Reversed.apply(features.mean((2, 3))))
        return logits


class _Reversed(autograd.Function):
    """The identity, whose gradient is multiplied by -1."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        """Return the values."""
        return values.view_as(values)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the gradient, turned round."""
        return -gradients[0]
