from __future__ import annotations

import numpy as np
import pytest
import torch

from hilum.errors import BundleError
from hilum.models import create_network
from hilum.models.export import check_parity, export_onnx
from hilum.models.half import halve_onnx, halve_state, round_weights
from hilum.models.trunk_and_head import TrunkAndHead

pytest.importorskip("onnx")
SIZE = 64


def _trained(name: str) -> TrunkAndHead:
    """Return a network whose normalisations are not those of a new one."""
    torch.manual_seed(0)
    model = create_network(name, outputs=2, channels=1, size=SIZE)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.rand(8, 1, SIZE, SIZE) * 2)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.2, 0.2)
    return model.eval()


def _images() -> torch.Tensor:
    return torch.rand(4, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["resnet18", "small_cnn"])
def test_a_halved_network_answers_nearly_as_before_and_is_the_same_in_torch_and_onnx(
    name: str,
) -> None:
    model, images = _trained(name), _images()
    with torch.inference_mode():
        before = model(images)
    round_weights(model, images)
    with torch.inference_mode():
        after = model(images)
    assert torch.allclose(before, after, atol=2e-2 * float(before.abs().max()))
    full = export_onnx(model, channels=1, size=SIZE)
    half = halve_onnx(full)
    assert len(half) < 0.6 * len(full)
    assert check_parity(model, half, images.numpy().astype(np.float32)).logits < 1e-4


def test_folding_alone_changes_nothing_but_rounding() -> None:
    model, images = _trained("resnet18"), _images()
    with torch.inference_mode():
        before = model(images)
    assert round_weights(model, images) == 20
    scales = [m.weight for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert all(torch.equal(scale, torch.ones_like(scale)) for scale in scales)
    with torch.inference_mode():
        assert torch.allclose(model(images), before, atol=2e-2 * float(before.abs().max()))


def test_a_state_in_halves_loads_to_the_same_network() -> None:
    model, images = _trained("resnet18"), _images()
    round_weights(model, images)
    state = halve_state(model.state_dict())
    assert state["head.classifier.weight"].dtype == torch.float16
    other = create_network("resnet18", outputs=2, channels=1, size=SIZE).eval()
    other.load_state_dict(state)
    with torch.inference_mode():
        assert torch.equal(other(images), model(images))


def test_a_weight_beyond_sixteen_bits_is_refused() -> None:
    model = _trained("resnet18")
    with torch.no_grad():
        model.head.classifier.weight[0, 0] = 1e6
    with pytest.raises(BundleError, match="which 16 bits cannot hold"):
        round_weights(model, _images())
