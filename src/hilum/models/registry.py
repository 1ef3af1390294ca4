"""The networks a recipe can name.

Every network is built by the same call, `create_network`, and is a `TrunkAndHead`. Names that
begin with `timm/` open the door to every convolutional network of that library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from hilum.errors import ConfigError
from hilum.models.trunk_and_head import TrunkAndHead
from hilum.registry import Registry

__all__ = ["NetworkSpec", "count_parameters", "create_network", "network_spec", "networks"]

TIMM = "timm/"


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What is known of a network before it is built.

    Args:
        name: Its name in recipes.
        input_size: The side in pixels it was designed for.
        minimum_size: The smallest side it can be given.
        head: "pooled" or "dense".
        origin: Where it comes from.
        auxiliary_size: The smallest side at which its auxiliary head works; None without one.
    """

    name: str
    input_size: int
    minimum_size: int
    head: str
    origin: str
    auxiliary_size: int | None = None


class Networks(Registry[TrunkAndHead]):
    """A registry whose members also have a `NetworkSpec`."""

    def __init__(self) -> None:
        super().__init__("network")
        self._specs: dict[str, NetworkSpec] = {}

    def add(self, spec: NetworkSpec, build: Callable[..., TrunkAndHead]) -> None:
        """Register `build` under the name in `spec`."""
        self.register(spec.name, build)
        self._specs[spec.name] = spec

    def specs(self) -> Iterator[NetworkSpec]:
        """Yield what is known of each network, by name."""
        for name in self:
            yield self._specs[name]

    def spec(self, name: str) -> NetworkSpec | None:
        """Return what is known of a network, or None for one this registry does not list."""
        return self._specs.get(name)


networks = Networks()


def network_spec(name: str) -> NetworkSpec | None:
    """Return what is known of `name`, or None for a timm network."""
    return networks.spec(name)


def create_network(
    name: str,
    *,
    outputs: int,
    channels: int = 1,
    size: int | None = None,
    dropout: float | None = None,
    weights: str | Path = "none",
) -> TrunkAndHead:
    """Build a network.

    Args:
        name: A registered name, or `timm/NAME`.
        outputs: Number of logits, at least 1.
        channels: Input channels, 1 or 3.
        size: Side of the input in pixels, to check that the network can take it.
        dropout: Dropout in the head; the network's own if None.
        weights: "none", "default" or a state-dict file; see `hilum.models.weights`.

    Raises:
        ConfigError: If the name is unknown, a number is out of range, or the weights do not fit.
        MissingExtraError: If timm is asked for and not installed.
    """
    if outputs < 1:
        raise ConfigError(f"A network needs at least 1 output, got {outputs}.")
    if channels not in (1, 3):
        raise ConfigError(f"A network takes 1 or 3 input channels, got {channels}.")
    if name.startswith(TIMM):
        from hilum.models.timm_nets import create_timm

        return create_timm(
            name.removeprefix(TIMM),
            outputs=outputs,
            channels=channels,
            size=size or 224,
            dropout=dropout,
            weights=weights,
        )
    spec = network_spec(name)
    if spec is not None and size is not None and size < spec.minimum_size:
        raise ConfigError(
            f"{name} needs pictures of at least {spec.minimum_size} pixels, got {size}. "
            "Set preprocessing.size higher."
        )
    return networks.create(
        name, outputs=outputs, channels=channels, dropout=dropout, weights=weights
    )


def count_parameters(name: str, *, outputs: int, channels: int) -> tuple[int, int]:
    """Return the number of parameters (in use, in training) without allocating any.

    The two differ where an auxiliary head helps training.
    """
    with torch.device("meta"):
        model = create_network(name, outputs=outputs, channels=channels)
    total = sum(parameter.numel() for parameter in model.parameters())
    auxiliary = model.auxiliary.parameters() if model.auxiliary is not None else ()
    return total - sum(parameter.numel() for parameter in auxiliary), total
