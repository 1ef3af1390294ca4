"""Send pictures through a frozen trunk once, and train the head on what came out.

A frozen trunk says the same of the same picture in every epoch, so its work need be done once. To
keep the benefit of random changes, several changed views of each picture are sent through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hilum.models import PooledHead, TrunkAndHead
from hilum.training.batches import Place
from hilum.training.datamodule import CachedImages

__all__ = ["KeptFeatures", "features_of"]

_BATCH = 32


@dataclass(frozen=True, slots=True)
class KeptFeatures:
    """What a frozen trunk said of the pictures.

    Args:
        views: Of each changed view of the train split, shape (n, c, h, w).
        checked: Of the split that chooses the weights, shape (m, c, h, w).
    """

    views: list[Tensor]
    checked: Tensor

    def drawn(self, rows: Tensor, generator: torch.Generator, place: Place | None) -> Tensor:
        """Return the features of one view of each picture, drawn anew, shape (len(rows), c, h, w).

        Args:
            rows: Rows in the train split.
            generator: Where the draws come from, one a picture of the whole batch.
            place: Where the rows stand in the batch over all processes; all of it if None.
        """
        place = place or Place(0, rows.numel())
        view = torch.randint(len(self.views), (place.whole,), generator=generator)
        view = view[place.first : place.first + rows.numel()]
        pairs = zip(view.tolist(), rows.tolist(), strict=True)
        return torch.stack([self.views[number][row] for number, row in pairs])


def features_of(
    model: TrunkAndHead,
    images: CachedImages,
    prepare: Callable[[Tensor, int], Tensor],
    *,
    device: torch.device,
) -> Tensor:
    """Return what a frozen trunk says of pictures.

    Args:
        model: Its trunk is run in evaluation mode and left as it was.
        images: The pictures.
        prepare: From uint8 (n, size, size) and the number of the batch to network input.
        device: Where the network is.

    Returns:
        Features (n, c, h, w), float32, on the CPU; (n, c, 1, 1) where the head averages anyway.
    """
    pooled = isinstance(model.head, PooledHead)
    was_training = model.trunk.training
    model.trunk.eval()
    found = []
    with torch.no_grad():
        for number, first in enumerate(range(0, len(images), _BATCH)):
            rows = np.arange(first, min(first + _BATCH, len(images)))
            features = model.trunk(prepare(images[rows].images.to(device), number)).float()
            found.append(features.mean((2, 3), keepdim=True).cpu() if pooled else features.cpu())
    model.trunk.train(was_training)
    return torch.cat(found)
