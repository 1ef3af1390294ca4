"""The networks a recipe can name.

Every network is built by the same call, `create_network`, and is a `TrunkAndHead`. Names that
begin with `timm/` open the door to every convolutional network of that library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hilum.errors import ConfigError
from hilum.models.transfer import is_trained_network, start_from
from hilum.models.trunk_and_head import TrunkAndHead
from hilum.registry import Registry

__all__ = [
    "NetworkSpec",
    "count_parameters",
    "create_network",
    "create_skeleton",
    "network_spec",
    "networks",
    "parameters_of",
]

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
        only_size: The one side it can be given; None if it takes any from `minimum_size` up.
        head_follows_size: Whether its head is made for one side, the one it is built for; its
            factory is then given `size` too.
    """

    name: str
    input_size: int
    minimum_size: int
    head: str
    origin: str
    auxiliary_size: int | None = None
    only_size: int | None = None
    head_follows_size: bool = False

    def check_size(self, size: int) -> None:
        """Refuse a picture the network cannot take.

        Raises:
            ConfigError: If `size` is too small, or not the only one it was made for.
        """
        if self.only_size is not None and size != self.only_size:
            raise ConfigError(
                f"{self.name} takes pictures of {self.only_size} pixels and no other size, got "
                f"{size}. Set preprocessing.size to {self.only_size}, or take "
                f"{self.name}_repaired, which takes any."
            )
        if size < self.minimum_size:
            raise ConfigError(
                f"{self.name} needs pictures of at least {self.minimum_size} pixels, got {size}. "
                "Set preprocessing.size higher."
            )


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
    new_head: bool = False,
) -> TrunkAndHead:
    """Build a network.

    Args:
        name: A registered name, or `timm/NAME`.
        outputs: Number of logits, at least 1.
        channels: Input channels, 1 or 3.
        size: Side of the input in pixels; the side it was designed for if None.
        dropout: Dropout in the head; the network's own if None.
        weights: "none", "default" or a state-dict file, see `hilum.models.weights`; or a bundle or
            a run to start from, see `hilum.models.transfer`. What was taken from one of these is
            then in the network's `started_from`.
        new_head: Take nothing but the trunk from a bundle or a run.

    Raises:
        ConfigError: If the name is unknown, a number is out of range, or the weights do not fit.
        BundleError: If `weights` is a bundle that is damaged.
        MissingExtraError: If timm is asked for and not installed.
    """
    if outputs < 1:
        raise ConfigError(f"A network needs at least 1 output, got {outputs}.")
    if channels not in (1, 3):
        raise ConfigError(f"A network takes 1 or 3 input channels, got {channels}.")
    if is_trained_network(weights):
        model = _build(name, outputs, channels, size=size, dropout=dropout, weights="none")
        model.started_from = start_from(model, weights, new_head=new_head)
        return model
    return _build(name, outputs, channels, size=size, dropout=dropout, weights=weights)


def _build(
    name: str,
    outputs: int,
    channels: int,
    *,
    size: int | None,
    dropout: float | None,
    weights: str | Path,
) -> TrunkAndHead:
    options: dict[str, Any] = {
        "outputs": outputs,
        "channels": channels,
        "dropout": dropout,
        "weights": weights,
    }
    if name.startswith(TIMM):
        from hilum.models.timm_nets import create_timm

        return create_timm(name.removeprefix(TIMM), size=size or 224, **options)
    spec = network_spec(name)
    if spec is not None:
        size = size or spec.input_size
        spec.check_size(size)
        if spec.head_follows_size:
            options["size"] = size
    return networks.create(name, **options)


def create_skeleton(
    name: str, *, outputs: int, channels: int, size: int | None = None
) -> TrunkAndHead:
    """Build a network on torch's meta device: its shapes are known, nothing is allocated."""
    with torch.device("meta"):
        return create_network(name, outputs=outputs, channels=channels, size=size)


def count_parameters(
    name: str, *, outputs: int, channels: int, size: int | None = None
) -> tuple[int, int]:
    """Return the number of parameters (in use, in training) without allocating any.

    The two differ where an auxiliary head helps training. `size` matters where the head is made for
    one side of picture; the side the network was designed for if None.
    """
    return parameters_of(create_skeleton(name, outputs=outputs, channels=channels, size=size))


def parameters_of(model: TrunkAndHead) -> tuple[int, int]:
    """Return the number of parameters (in use, in training) of a network."""
    total = sum(parameter.numel() for parameter in model.parameters())
    auxiliary = model.auxiliary.parameters() if model.auxiliary is not None else ()
    return total - sum(parameter.numel() for parameter in auxiliary), total
