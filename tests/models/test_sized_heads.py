"""DETL's network and VGG16 with a dense head: their heads are made for one size of picture."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision.models as tv

from hilum.errors import ConfigError
from hilum.models import count_parameters, create_network, create_skeleton


@pytest.mark.parametrize(
    ("size", "parameters"), [(224, 19_194_210), (128, 5_038_434), (256, 26_009_954)]
)
def test_detl_has_the_parameters_that_follow_from_its_size(size: int, parameters: int) -> None:
    assert count_parameters("detl", outputs=2, channels=1, size=size)[0] == parameters


def test_the_convolutions_of_detl_do_not_depend_on_the_size() -> None:
    for size in (36, 224):
        trunk = create_skeleton("detl", outputs=2, channels=1, size=size).trunk
        assert sum(parameter.numel() for parameter in trunk.parameters()) == 286_432


def test_vgg16_dense_has_the_parameters_of_the_paper_layer_by_layer() -> None:
    model = create_skeleton("vgg16_dense", outputs=1, channels=3, size=256)
    trunk = sum(parameter.numel() for parameter in model.trunk.parameters())
    dense = [layer.weight.numel() + layer.bias.numel() for layer in model.head.layers]
    assert [trunk, *dense] == [14_714_688, 33_555_456, 524_800, 513]
    assert count_parameters("vgg16_dense", outputs=1, channels=3)[0] == 48_795_457


@pytest.mark.parametrize(
    ("name", "size", "side"),
    [("detl", 36, 1), ("detl", 37, 1), ("detl", 224, 24), ("vgg16_dense", 63, 1),
     ("vgg16_dense", 256, 8)],
)  # fmt: skip
def test_the_head_flattens_the_whole_feature_map(name: str, size: int, side: int) -> None:
    model = create_skeleton(name, outputs=2, channels=1, size=size)
    features = model.trunk(torch.empty(1, 1, size, size, device="meta"))
    assert features.shape[2:] == (side, side)
    assert model.head(features).shape == (1, 2)


@pytest.mark.parametrize(("name", "size"), [("detl", 35), ("vgg16_dense", 31)])
def test_a_picture_that_leaves_no_features_is_refused(name: str, size: int) -> None:
    with pytest.raises(ConfigError, match=f"at least {size + 1} pixels, got {size}"):
        create_network(name, outputs=2, size=size)


def test_without_a_size_the_network_is_made_for_its_own() -> None:
    head = create_skeleton("vgg16_dense", outputs=1, channels=3).head
    assert head.grid == 8


@pytest.mark.parametrize("name", ["detl", "vgg16_dense"])
def test_pictures_of_another_size_are_refused(name: str) -> None:
    model = create_skeleton(name, outputs=2, channels=1, size=64)
    with pytest.raises(ValueError, match=r"takes features of .*Build the network for pictures"):
        model(torch.empty(1, 1, 96, 96, device="meta"))


def test_dropout_is_what_is_asked_for_and_none_by_default() -> None:
    assert create_skeleton("detl", outputs=2, channels=1).head.dropout.p == 0
    with torch.device("meta"):
        model = create_network("vgg16_dense", outputs=1, channels=3, dropout=0.4)
    assert model.head.dropout.p == 0.4


def test_the_convolutions_of_vgg16_dense_take_torchvision_weights(tmp_path: Path) -> None:
    given = tv.vgg.make_layers(tv.vgg.cfgs["D"]).state_dict()
    full = {f"features.{name}": value for name, value in given.items()}
    torch.save(full, tmp_path / "vgg16.pth")
    model = create_network(
        "vgg16_dense", outputs=1, channels=3, size=64, weights=tmp_path / "vgg16.pth"
    )
    for name, value in model.trunk.state_dict().items():
        assert torch.equal(value, given[name])


def test_the_convolutions_of_vgg16_dense_begin_with_he_normal_weights() -> None:
    torch.manual_seed(0)
    last = create_network("vgg16_dense", outputs=1, channels=3, size=64).trunk[28]
    assert float(last.weight.detach().std()) == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.02)
    assert not last.bias.any()
