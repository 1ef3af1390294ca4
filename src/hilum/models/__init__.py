"""Networks: trunks, heads, and their export to a bundle. Needs the `train` extra."""

from __future__ import annotations

from hilum.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

from hilum.models import covidnet as _covidnet
from hilum.models import detl as _detl
from hilum.models import small_cnn as _small_cnn
from hilum.models import torchvision_nets as _torchvision_nets
from hilum.models import vgg_dense as _vgg_dense
from hilum.models.blocks import frozen_blocks, trunk_blocks
from hilum.models.registry import (
    NetworkSpec,
    count_parameters,
    create_network,
    create_skeleton,
    network_spec,
    networks,
)
from hilum.models.transfer import StartedFrom, start_from
from hilum.models.trunk_and_head import DenseHead, PooledHead, TrunkAndHead

__all__ = [
    "DenseHead",
    "NetworkSpec",
    "PooledHead",
    "StartedFrom",
    "TrunkAndHead",
    "count_parameters",
    "create_network",
    "create_skeleton",
    "frozen_blocks",
    "network_spec",
    "networks",
    "start_from",
    "trunk_blocks",
]

del _covidnet, _detl, _small_cnn, _torchvision_nets, _vgg_dense
