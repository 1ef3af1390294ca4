"""Which parts of a network stand still while the rest is trained."""

from __future__ import annotations

from torch import nn

from hilum.errors import ConfigError
from hilum.models import TrunkAndHead

__all__ = ["frozen_blocks"]


def frozen_blocks(model: TrunkAndHead, trained: int | None) -> list[nn.Module]:
    """Return the parts of the trunk that must not move.

    Args:
        model: The network.
        trained: How many of the trunk's last blocks are trained beside the head; None for all.

    Raises:
        ConfigError: If the trunk has fewer blocks.
    """
    if trained is None:
        return []
    if trained == 0:
        return [model.trunk]
    from hilum.models.blocks import trunk_blocks

    blocks = trunk_blocks(model)
    if trained > len(blocks):
        raise ConfigError(
            f"model.train_blocks asks for {trained} blocks, the trunk has {len(blocks)}."
        )
    return list(blocks[: len(blocks) - trained])
