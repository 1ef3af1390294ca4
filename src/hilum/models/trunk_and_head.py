"""A network is a trunk that sees and a head that decides.

    features = trunk(x)          (n, channels, size, size) -> (n, c, h, w)
    logits = head(features)      -> (n, outputs)
    cams = model.cams(features)  -> (n, classes, h, w)

That one split gives Grad-CAM without a backward pass, transfer learning, freezing and export for
every architecture, with no hooks and no code of its own a network.

Grad-CAM weighs each feature channel by the mean over space of d logit / d feature, sums, and keeps
what is positive [1]. Both heads here begin with a spatial average, so that mean is known in closed
form. For a linear layer on globally pooled features it is W / (h w). For a dense head the chain
rule runs back to the pooled grid; adaptive average pooling hands each grid gradient to its window
in shares that sum to one, so the mean over the feature map is the sum over the grid divided by
h w, and the first dense layer is needed only summed over its grid: the maps cost almost nothing.

References:
    [1] Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization", ICCV 2017, equations 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from hilum.models.transfer import StartedFrom

__all__ = ["DenseHead", "Head", "PooledHead", "TrunkAndHead"]


class Head(Protocol):
    """Turns features into logits, and says what each feature channel weighs in each of them."""

    outputs: int

    def __call__(self, features: Tensor) -> Tensor:
        """Map features (n, c, h, w) to logits (n, outputs)."""

    def channel_weights(self, features: Tensor) -> Tensor:
        """Return the mean over space of d logit / d feature, shape (n, outputs, c)."""


class PooledHead(nn.Module):
    """Global average pooling and one linear layer.

    Args:
        classifier: The linear layer, c features to outputs.
        dropout: Probability of dropping a pooled feature in training.
    """

    def __init__(self, classifier: nn.Linear, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.classifier = classifier
        self.outputs = classifier.out_features

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n, c, h, w) to logits (n, outputs)."""
        logits: Tensor = self.classifier(self.dropout(features.mean((2, 3))))
        return logits

    def channel_weights(self, features: Tensor) -> Tensor:
        """Return the mean over space of d logit / d feature, shape (n, outputs, c)."""
        count, _, height, width = features.shape
        weights = self.classifier.weight / (height * width)
        return weights.unsqueeze(0).expand(count, -1, -1)


class DenseHead(nn.Module):
    """Average pooling to a grid, then dense layers with ReLU between.

    Args:
        grid: Side of the pooled grid.
        layers: The linear layers in order; the first takes c * grid * grid features.
        dropout: Probability of dropping a unit in training.
        dropout_first: Drop before each linear layer but the last (AlexNet) instead of after its
            ReLU (VGG).
        averaged: Average features of another side to the grid. Without it they are refused, and
            the head is the plain flattening of networks made for one size of picture.
    """

    def __init__(
        self,
        *,
        grid: int,
        layers: Sequence[nn.Linear],
        dropout: float = 0.5,
        dropout_first: bool = False,
        averaged: bool = True,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.averaged = averaged
        self.layers: Sequence[nn.Linear] = nn.ModuleList(layers)  # type: ignore[assignment]
        self.dropout = nn.Dropout(dropout)
        self.dropout_first = dropout_first
        self.outputs = layers[-1].out_features

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n, c, h, w) to logits (n, outputs)."""
        return self._run(features)[0]

    def _run(self, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits and, of each hidden layer, its values after ReLU."""
        hidden: list[Tensor] = []
        height, width = features.shape[2:]
        if not self.averaged and (height, width) != (self.grid, self.grid):
            raise ValueError(
                f"This head takes features of {self.grid} x {self.grid}, got {height} x {width}. "
                "Build the network for pictures of this size."
            )
        values = average_to_grid(features, self.grid).flatten(1)
        for layer in list(self.layers)[:-1]:
            if self.dropout_first:
                values = self.dropout(values)
            values = torch.relu(layer(values))
            hidden.append(values)
            if not self.dropout_first:
                values = self.dropout(values)
        return self.layers[-1](values), hidden

    def channel_weights(self, features: Tensor) -> Tensor:
        """Return the mean over space of d logit / d feature, shape (n, outputs, c)."""
        count, channels, height, width = features.shape
        _, hidden = self._run(features)
        gradient = self.layers[-1].weight.unsqueeze(0).expand(count, -1, -1)
        for layer, values in zip(reversed(list(self.layers)[1:-1]), hidden[:0:-1], strict=True):
            gradient = (gradient * (values > 0).unsqueeze(1)) @ layer.weight
        gradient = gradient * (hidden[0] > 0).unsqueeze(1)
        first = self.layers[0].weight
        summed = first.reshape(first.shape[0], channels, self.grid * self.grid).sum(2)
        return gradient @ summed / (height * width)


def average_to_grid(features: Tensor, grid: int) -> Tensor:
    """Average features (n, c, h, w) to (n, c, grid, grid), as adaptive average pooling does.

    Written as two matrix products, because ONNX has no adaptive pooling for sides that are not
    multiples of the grid.
    """
    height, width = features.shape[2:]
    if (height, width) == (grid, grid):
        return features
    rows = _pooling_matrix(height, grid).to(features)
    columns = _pooling_matrix(width, grid).to(features)
    return rows @ features @ columns.T


def _pooling_matrix(length: int, grid: int) -> Tensor:
    """Return the (grid, length) matrix whose row i averages window i of adaptive pooling."""
    matrix = torch.zeros(grid, length)
    for cell in range(grid):
        first = cell * length // grid
        last = -((-(cell + 1) * length) // grid)
        matrix[cell, first:last] = 1 / (last - first)
    return matrix


class TrunkAndHead(nn.Module):
    """A classifier of radiographs.

    Args:
        trunk: Images (n, channels, size, size) to features (n, c, h, w). With an auxiliary head,
            it must offer `both(x)`, which returns the features and those the auxiliary head takes.
        head: Features to logits.
        auxiliary: A second head that helps training and is left out afterwards.
        block_starts: Names of the trunk's modules at which its second and later blocks begin, in
            their order; see `hilum.models.blocks`.
    """

    started_from: StartedFrom | None = None
    """The trained network whose weights this one began with, if any."""

    def __init__(
        self,
        trunk: nn.Module,
        head: PooledHead | DenseHead,
        auxiliary: nn.Module | None = None,
        *,
        block_starts: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.auxiliary = auxiliary
        self.block_starts = tuple(block_starts)

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return self.head.outputs

    @property
    def classes(self) -> int:
        """Number of classes; one logit decides between two."""
        return max(self.outputs, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, channels, size, size) to logits (n, outputs)."""
        logits: Tensor = self.head(self.trunk(images))
        return logits

    def with_auxiliary(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the logits and, if there is an auxiliary head, its logits as well."""
        if self.auxiliary is None:
            return self(images), None
        features, early = self.trunk.both(images)  # type: ignore[operator]
        return self.head(features), self.auxiliary(early)

    def cams(self, features: Tensor) -> Tensor:
        """Return the Grad-CAM of every class, not rescaled.

        Args:
            features: What the head receives, shape (n, c, h, w).

        Returns:
            Shape (n, classes, h, w), at least 0. With a single logit, class 0 is explained by the
            logit's negative.
        """
        weights = self.head.channel_weights(features)
        maps = torch.einsum("nkc,nchw->nkhw", weights, features)
        if self.outputs == 1:
            maps = torch.cat([-maps, maps], dim=1)
        return torch.relu(maps)

    def explain(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (n, outputs) and cams (n, classes, h, w) from one pass of the trunk."""
        features = self.trunk(images)
        return self.head(features), self.cams(features)
