from __future__ import annotations

import pytest
import torch
from torch import nn

from hilum.errors import ConfigError
from hilum.models import TrunkAndHead, count_parameters, create_network
from hilum.models.covidnet import PLANS, CovidNetTrunk
from hilum.models.covidnet_blocks import Pepx, PepxWidths, Stage

HALF = PepxWidths(1 / 2, 3 / 4)


def trunk(name: str, *, repaired: bool) -> CovidNetTrunk:
    torch.manual_seed(0)
    return CovidNetTrunk(PLANS[name], channels=1, repaired=repaired).double().eval()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("covidnet_large", 134_513_939),
        ("covidnet_small", 131_741_203),
        ("covidnet_large_quarter", 118_194_819),
        ("covidnet_small_quarter", 115_422_083),
        ("covidnet_compact", 11_941_971),
    ],
)
def test_parameter_counts_are_those_of_the_published_code(name: str, parameters: int) -> None:
    assert count_parameters(name, outputs=3, channels=3) == (parameters, parameters)


def departure_from_affine(block: nn.Module) -> float:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 1, 64, 9, 9, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        left = block(a + b) - block(a) - block(b) + block(torch.zeros_like(a))
    return float(left.abs().max())


@pytest.mark.parametrize("normalised", [False, True])
def test_a_published_pepx_block_is_one_affine_map(normalised: bool) -> None:
    block = Pepx(64, 256, HALF, repaired=False, normalised=normalised).double().eval()
    assert departure_from_affine(block) < 1e-14


def test_a_repaired_pepx_block_is_not_affine() -> None:
    block = Pepx(64, 256, HALF, repaired=True, normalised=False).double().eval()
    assert departure_from_affine(block) > 1e-3


def share_of_each_block(trunk: CovidNetTrunk) -> list[float]:
    """How often stage 4's first block is given each block of stage 3, measured by gradient."""

    class Leaves(nn.Module):
        def forward(self, entry: torch.Tensor, summed: torch.Tensor) -> list[torch.Tensor]:
            return leaves

    width = PLANS["covidnet_compact"].stages[2]
    leaves = [torch.rand(1, width, 4, 4, dtype=torch.float64, requires_grad=True) for _ in range(6)]
    given: list[torch.Tensor] = []
    trunk.stages[3].blocks[0].register_forward_pre_hook(lambda _, args: given.append(args[0]))
    trunk.stages[2] = Leaves()
    trunk(torch.rand(1, 1, 64, 64, dtype=torch.float64))
    gradients = torch.autograd.grad(given[0].sum(), leaves, allow_unused=True)
    pooled = given[0].numel()
    return [0.0 if g is None else float(g.sum()) / pooled for g in gradients]


def test_the_published_wiring_drops_a_block_and_counts_its_neighbour_twice() -> None:
    shares = share_of_each_block(trunk("covidnet_compact", repaired=False))
    assert shares == pytest.approx([1, 2, 0, 1, 1, 1])


def test_the_repaired_wiring_sums_every_block_once() -> None:
    shares = share_of_each_block(trunk("covidnet_compact", repaired=True))
    assert shares == pytest.approx([1, 1, 1, 1, 1, 1])


def written_out(net: CovidNetTrunk, images: torch.Tensor) -> torch.Tensor:
    """The published graph, one line a stage, shortcuts and sums by name."""
    pool = nn.functional.max_pool2d
    parts: list[list[torch.Tensor]] = []
    entry = before = net.stem(images)
    for stage in net.stages:
        short = stage.shortcut(before)
        short = pool(short, 2) if parts else short
        outs = [stage.blocks[0](entry)]
        for block in list(stage.blocks)[1:]:
            outs.append(block(torch.stack(outs).sum(0) + short))
        parts.append(outs)
        before = torch.stack(outs).sum(0) + short
        chosen = [outs[i] for i in (0, 1, 1, 3, 4, 5)] if len(parts) == 3 else outs
        entry = torch.stack([pool(out, 2) for out in [*chosen, short]]).sum(0)
    return before


def test_the_published_large_network_computes_the_published_graph() -> None:
    net = trunk("covidnet_large_quarter", repaired=False)
    images = torch.rand(1, 1, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(net(images), written_out(net, images), atol=1e-12)


def test_a_stage_without_shortcut_gives_its_blocks_alone() -> None:
    blocks = [Pepx(8, 8, HALF, repaired=False, normalised=False) for _ in range(3)]
    features = torch.rand(1, 8, 4, 4)
    assert len(Stage(None, blocks, halves=True, repaired=False)(features, features)) == 3
    assert len(Stage((8, 8), blocks, halves=False, repaired=False)(features, features)) == 4


def test_gradients_of_the_repaired_network_are_of_one_size_from_stem_to_last_stage() -> None:
    torch.manual_seed(0)
    model = create_network("covidnet_compact_repaired", outputs=3, size=64).train()
    torch.nn.functional.cross_entropy(
        model(torch.rand(12, 1, 64, 64)), torch.arange(12) % 3
    ).backward()
    stem, last = model.trunk.stem[0][0].weight, model.trunk.stages[3].blocks[0].depthwise[0].weight
    first, second = (float(w.grad.norm() / w.detach().norm()) for w in (stem, last))
    assert 1e-3 < first / second < 1e3


@pytest.mark.parametrize("size", [32, 96, 256])
def test_the_repaired_network_takes_any_size(size: int) -> None:
    model = create_network("covidnet_compact_repaired", outputs=2, size=size).eval()
    with torch.no_grad():
        logits, maps = model.explain(torch.rand(1, 1, size, size))
    assert logits.shape == (1, 2)
    assert maps.shape == (1, 2, size // 32, size // 32)


@pytest.mark.parametrize("size", [223, 256])
def test_the_published_network_takes_no_other_size(size: int) -> None:
    with pytest.raises(ConfigError, match=r"224 pixels and no other size, got .*small_repaired"):
        create_network("covidnet_small", outputs=3, size=size)


def test_a_published_head_refuses_features_of_another_side() -> None:
    model: TrunkAndHead = create_network("covidnet_compact", outputs=3)
    with pytest.raises(ValueError, match="takes features of 7 x 7, got 8 x 8"):
        model(torch.rand(1, 1, 256, 256))


def test_the_compact_network_begins_with_he_normal_weights() -> None:
    torch.manual_seed(0)
    last = create_network("covidnet_compact", outputs=3).trunk.stages[3].blocks[2].extension
    assert float(last.weight.detach().std()) == pytest.approx((2 / 424) ** 0.5, rel=0.05)


def test_published_weights_are_not_promised() -> None:
    with pytest.raises(ConfigError, match="covidnet_small has no published weights; set"):
        create_network("covidnet_small", outputs=3, weights="default")
