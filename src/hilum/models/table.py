"""What `hilum models` prints."""

from __future__ import annotations

from typing import Any

from hilum.models import count_parameters, networks

__all__ = ["network_table"]


def network_table(*, outputs: int, channels: int) -> list[dict[str, Any]]:
    """Return one row a registered network: name, parameters, input size, head, origin."""
    rows = []
    for spec in networks.specs():
        used, trained = count_parameters(spec.name, outputs=outputs, channels=channels)
        rows.append(
            {
                "name": spec.name,
                "parameters": used,
                "parameters_in_training": trained,
                "input_size": spec.input_size,
                "minimum_size": spec.minimum_size,
                "channels": channels,
                "classes": outputs,
                "head": spec.head,
                "origin": spec.origin,
            }
        )
    return rows
