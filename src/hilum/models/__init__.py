"""Networks: trunks, heads, and their export to a bundle. Needs the `train` extra."""

from __future__ import annotations

from hilum.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

from hilum.models import small_cnn as _small_cnn
from hilum.models import torchvision_nets as _torchvision_nets
from hilum.models.registry import (
    NetworkSpec,
    count_parameters,
    create_network,
    network_spec,
    networks,
)
from hilum.models.trunk_and_head import DenseHead, PooledHead, TrunkAndHead

__all__ = [
    "DenseHead",
    "NetworkSpec",
    "PooledHead",
    "TrunkAndHead",
    "count_parameters",
    "create_network",
    "network_spec",
    "networks",
]

del _small_cnn, _torchvision_nets
