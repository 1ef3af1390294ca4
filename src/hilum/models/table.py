"""What `hilum models` prints."""

from __future__ import annotations

from typing import Any

from hilum.models import create_skeleton, networks
from hilum.models.blocks import trunk_blocks
from hilum.models.registry import parameters_of

__all__ = ["network_table"]


def network_table(*, outputs: int, channels: int) -> list[dict[str, Any]]:
    """Return one row a registered network: name, parameters, blocks, input size, head, origin."""
    rows = []
    for spec in networks.specs():
        model = create_skeleton(spec.name, outputs=outputs, channels=channels)
        used, trained = parameters_of(model)
        rows.append(
            {
                "name": spec.name,
                "parameters": used,
                "parameters_in_training": trained,
                "blocks": len(trunk_blocks(model)),
                "input_size": spec.input_size,
                "minimum_size": spec.minimum_size,
                "only_size": spec.only_size,
                "channels": channels,
                "classes": outputs,
                "head": spec.head,
                "origin": spec.origin,
            }
        )
    return rows
