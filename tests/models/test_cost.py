"""What networks cost, against what was published of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hilum.errors import ConfigError
from hilum.models import count_parameters, create_network
from hilum.models.cost import count_multiply_adds, gpu_run, multiply_adds_of, untrained_bundle
from hilum.screening.bundle import Bundle
from hilum.screening.cost import Model, measure_costs, stored_parameters
from hilum.screening.multiply_adds import count_multiply_adds as counted_in_onnx

PUBLISHED_G = {
    "alexnet": (0.71, 224),
    "vgg16": (15.47, 224),
    "resnet18": (1.81, 224),
    "resnet50": (4.09, 224),
    "densenet121": (2.83, 224),
    "inception_v3": (5.71, 299),
}
"""torchvision's own table, for 1,000 classes, in 10^9 multiply-adds."""


@pytest.mark.parametrize("name", PUBLISHED_G)
def test_multiply_adds_are_those_published(name: str) -> None:
    expected, size = PUBLISHED_G[name]
    counted = count_multiply_adds(name, outputs=1000, channels=3, size=size)
    assert counted / 1e9 == pytest.approx(expected, abs=0.005)


def test_a_network_is_counted_at_the_size_it_was_designed_for() -> None:
    at_home = count_multiply_adds("inception_v3", outputs=2)
    assert at_home == count_multiply_adds("inception_v3", outputs=2, size=299)
    assert at_home > 1.5 * count_multiply_adds("inception_v3", outputs=2, size=224)


def test_counting_leaves_no_hook_behind() -> None:
    model = create_network("small_cnn", outputs=2, channels=1, size=64)
    first = multiply_adds_of(model, channels=1, size=64)
    assert multiply_adds_of(model, channels=1, size=64) == first
    assert not any(layer._forward_hooks for layer in model.modules())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("cost") / "small"
    return untrained_bundle("resnet18", folder, classes=3, channels=1, size=64)


def test_the_export_costs_what_torch_counts(bundle: Bundle) -> None:
    expected = count_multiply_adds("resnet18", outputs=3, channels=1, size=64)
    assert counted_in_onnx(bundle.model_path) == expected
    maps = counted_in_onnx(bundle.model_path, ("logits", "cams"))
    assert maps == expected + 3 * 512 * 2 * 2


def test_the_stored_parameters_are_those_of_the_network(bundle: Bundle) -> None:
    used, _ = count_parameters("resnet18", outputs=3, channels=1)
    assert stored_parameters(bundle.folder / "weights.safetensors") == used


def test_an_untrained_bundle_says_so_and_is_measured_like_any(bundle: Bundle) -> None:
    assert bundle.record.name == "resnet18-untrained"
    found = measure_costs(
        [Model("r", bundle, trained=False)], rounds=2, threads=1, rng=np.random.default_rng(0)
    )
    assert found.models[0].notes == ()
    assert (found.models[0].memory_bytes or 0) > 11_000_000 * 4


def test_a_bundle_runs_in_torch_with_its_own_weights(bundle: Bundle) -> None:
    torch.manual_seed(0)
    gpu_run(bundle, "cpu")()


@pytest.mark.gpu
def test_a_bundle_runs_on_the_gpu(bundle: Bundle) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    gpu_run(bundle)()


def test_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 2 classes, got 1"):
        untrained_bundle("small_cnn", tmp_path / "b", classes=1)
