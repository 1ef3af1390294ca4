from __future__ import annotations

import pytest
import torch
from torch import nn

from hilum.errors import ConfigError
from hilum.models import (
    TrunkAndHead,
    create_network,
    create_skeleton,
    frozen_blocks,
    networks,
    trunk_blocks,
)
from hilum.models.blocks import starts_after
from hilum.models.trunk_and_head import PooledHead

TIMM = ["timm/convnext_atto", "timm/resnet10t", "timm/efficientnet_b0", "timm/xception41"]
NAMES = [*networks, *TIMM]


def skeleton(name: str) -> TrunkAndHead:
    return create_skeleton(name, outputs=2, channels=1)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_stands_in_one_block_in_order(name: str) -> None:
    model = skeleton(name)
    in_blocks = [id(p) for block in trunk_blocks(model) for p in block.parameters()]
    assert in_blocks == [id(p) for p in model.trunk.parameters()]
    assert all(list(block.parameters()) for block in trunk_blocks(model))


@pytest.mark.parametrize("name", NAMES)
def test_blocks_run_one_after_the_other(name: str) -> None:
    model = skeleton(name).eval()
    ran: list[int] = []
    for number, block in enumerate(trunk_blocks(model)):
        for module in block.modules():
            if next(module.parameters(recurse=False), None) is not None:
                module.register_forward_hook(lambda *_, number=number: ran.append(number))
    spec = networks.spec(name)
    size = 224 if spec is None else spec.input_size
    model.trunk(torch.empty(2, 1, size, size, device="meta"))
    assert ran == sorted(ran)
    assert set(ran) == set(range(len(trunk_blocks(model))))


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("small_cnn", 4), ("alexnet", 3), ("vgg16", 5), ("vgg16_dense", 5), ("resnet18", 5),
     ("densenet121", 5), ("inception_v3", 12), ("covidnet_large", 5), ("detl", 3),
     ("timm/convnext_atto", 4), ("timm/resnet10t", 5)],
)  # fmt: skip
def test_each_network_has_the_blocks_its_authors_speak_of(name: str, blocks: int) -> None:
    assert len(trunk_blocks(skeleton(name))) == blocks


def test_freezing_all_but_the_last_block_leaves_the_last_pair_of_convolutions() -> None:
    model = skeleton("detl")
    for block in frozen_blocks(model, 1):
        block.requires_grad_(requires_grad=False)
    moving = [name for name, p in model.named_parameters() if p.requires_grad]
    assert [name for name in moving if name.startswith("trunk.")] == [
        f"trunk.pair3.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias")
    ]
    assert sum(name.startswith("head.") for name in moving) == 6


def test_a_frozen_block_keeps_its_statistics_when_put_in_evaluation_mode() -> None:
    model = create_network("small_cnn", outputs=2).train()
    for block in frozen_blocks(model, 1):
        block.eval()
    model(torch.rand(4, 1, 32, 32))
    assert not model.trunk.keep3[1].num_batches_tracked.any()
    assert model.trunk.down4[1].num_batches_tracked == 1


def test_how_many_blocks_may_move() -> None:
    model = skeleton("vgg16")
    assert frozen_blocks(model, None) == []
    assert frozen_blocks(model, 5) == []
    assert len(frozen_blocks(model, 0)) == 5
    with pytest.raises(ConfigError, match="the last 6 blocks, but this trunk has 5"):
        frozen_blocks(model, 6)


class Scaled(nn.Module):
    """A trunk with a parameter of its own beside its parts."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.first = nn.Conv2d(1, 2, 1)
        self.second = nn.Conv2d(2, 2, 1)


def test_a_parameter_beside_the_blocks_belongs_to_the_block_that_is_open() -> None:
    trunk = Scaled()
    model = TrunkAndHead(trunk, PooledHead(nn.Linear(2, 2)), block_starts=["second"])
    first, second = trunk_blocks(model)
    assert [id(p) for p in first.parameters()] == [
        id(p) for p in (trunk.scale, trunk.first.weight, trunk.first.bias)
    ]
    assert [id(p) for p in second.parameters()] == [id(p) for p in trunk.second.parameters()]


def test_a_network_that_names_no_blocks_is_one() -> None:
    trunk = Scaled()
    (only,) = trunk_blocks(TrunkAndHead(trunk, PooledHead(nn.Linear(2, 2))))
    assert len(list(only.parameters())) == 5


def test_a_block_begins_at_the_next_module_with_parameters() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(1)
    )
    assert starts_after(net, ["1"]) == ("4",)
    assert starts_after(net, ["0", "4"]) == ("4",)
    assert starts_after(net, ["4"]) == ()
