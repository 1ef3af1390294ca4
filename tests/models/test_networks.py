"""The conformance suite every network must pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import hilum
from hilum.errors import BundleError, ConfigError
from hilum.models import DenseHead, TrunkAndHead, count_parameters, create_network, networks
from hilum.models.export import check_parity, export_onnx
from hilum.models.trunk_and_head import average_to_grid

SMALL_ENOUGH = {"inception_v3": 128, "alexnet": 100, "vgg16": 96, "covidnet_compact": 224}
LARGE = [name for name in networks if name.startswith(("covidnet_large", "covidnet_small"))]
NAMES = [
    *(name for name in networks if name not in LARGE),
    *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE),
    "timm/convnext_atto",
    "timm/resnet10t",
]


def built(name: str, *, outputs: int = 3, channels: int = 1) -> tuple[TrunkAndHead, torch.Tensor]:
    size = SMALL_ENOUGH.get(name, 64)
    if name in LARGE and not name.endswith("repaired"):
        size = 224
    torch.manual_seed(3)
    model = create_network(name, outputs=outputs, channels=channels, size=size)
    with torch.no_grad():  # statistics of real batches, so that features have a sane scale
        if name == "detl":  # its features are next to nothing with PyTorch's default weights
            for layer in model.trunk.modules():
                if isinstance(layer, torch.nn.Conv2d):
                    torch.nn.init.kaiming_normal_(layer.weight)
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = None
        model.train()
        model.trunk(torch.randn(8, channels, size, size))
    return model.eval(), torch.randn(2, channels, size, size)


def turn_round(model: TrunkAndHead) -> None:
    """Make every logit its own negative."""
    last = [layer for layer in model.head.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.no_grad():
        for values in last.parameters():
            values.neg_()


def grad_cam_by_autograd(model: TrunkAndHead, images: torch.Tensor) -> torch.Tensor:
    """The definition: mean over space of d logit / d feature, weighted sum, positive part."""
    features = model.trunk(images).detach().requires_grad_(True)
    logits = model.head(features)
    maps = []
    for output in range(logits.shape[1]):
        (gradient,) = torch.autograd.grad(logits[:, output].sum(), features, retain_graph=True)
        maps.append((gradient.mean((2, 3), keepdim=True) * features).sum(1))
    stacked = torch.stack(maps, 1).detach()
    return torch.relu(torch.cat([-stacked, stacked], 1) if logits.shape[1] == 1 else stacked)


@pytest.mark.parametrize(
    ("name", "used", "trained"),
    [
        ("alexnet", 57_007_937, 57_007_937),
        ("vgg16", 134_264_641, 134_264_641),
        ("resnet50", 23_510_081, 23_510_081),
        ("densenet121", 6_954_881, 6_954_881),
        ("inception_v3", 21_787_617, 24_346_082),
    ],
)
def test_parameter_counts_are_those_of_the_papers(name: str, used: int, trained: int) -> None:
    assert count_parameters(name, outputs=1, channels=3) == (used, trained)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outputs", [1, 3])
def test_maps_equal_grad_cam_by_definition(name: str, outputs: int) -> None:
    model, images = built(name, outputs=outputs)
    if float(grad_cam_by_autograd(model, images).max()) == 0:  # random weights against every class
        turn_round(model)
    with torch.no_grad():
        logits, maps = model.explain(images)
    wanted = grad_cam_by_autograd(model, images)
    assert logits.shape == (2, outputs)
    assert maps.shape[:2] == (2, max(outputs, 2))
    assert float(wanted.max()) > 0
    assert float((maps - wanted).abs().max()) <= 1e-4 * float(wanted.max())


@pytest.mark.parametrize("name", NAMES)
def test_one_step_of_training_reaches_every_layer(name: str) -> None:
    model, images = built(name)
    model.train()
    weights = dict(model.named_parameters())
    first = next(iter(model.trunk.parameters()))
    last = list(model.head.parameters())[-1]
    before = first.detach().clone(), last.detach().clone()
    loss = torch.nn.functional.cross_entropy(model(images), torch.tensor([0, 2]))
    loss.backward()
    unused = {key for key, weight in weights.items() if weight.grad is None}
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert torch.isfinite(loss)
    assert all(key.startswith(("auxiliary.", "trunk.net.head.")) for key in unused)
    assert not torch.equal(first, before[0])
    assert not torch.equal(last, before[1])


QUICK = ["small_cnn", "densenet121", "alexnet", "detl", "vgg16_dense", "covidnet_compact",
         "covidnet_compact_repaired", "timm/resnet10t"]  # fmt: skip


@pytest.mark.parametrize("name", QUICK)
def test_the_export_answers_as_torch_does(name: str) -> None:
    model, images = built(name)
    onnx = export_onnx(model, channels=1, size=images.shape[2])
    parity = check_parity(model, onnx, images.numpy())
    assert parity.images == 2
    assert parity.logits < 1e-4
    assert parity.cams < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*networks, "timm/convnext_atto"} - {*QUICK}))
def test_the_export_of_large_networks_answers_as_torch_does(name: str) -> None:
    test_the_export_answers_as_torch_does(name)


@pytest.mark.parametrize("name", ["small_cnn", "timm/resnet10t"])
def test_the_export_names_no_file_of_the_machine_it_was_made_on(name: str) -> None:
    model, images = built(name)
    onnx = export_onnx(model, channels=1, size=images.shape[2])
    homes = {bytes(Path(path).parent) for path in (*torch.__path__, *hilum.__path__)}
    assert not [trace for trace in (b"site-packages", b".py", *homes) if trace in onnx]


def test_another_network_is_not_passed_off_as_the_export() -> None:
    model, images = built("small_cnn")
    onnx = export_onnx(model, channels=1, size=64)
    with torch.no_grad():
        model.head.classifier.bias += 1e-3
    with pytest.raises(BundleError, match="differs from torch by 0.001 in logits"):
        check_parity(model, onnx, images.numpy())


def test_a_model_in_training_mode_is_not_exported() -> None:
    with pytest.raises(BundleError, match=r"call \.eval\(\) first"):
        export_onnx(create_network("small_cnn", outputs=2), channels=1, size=32)


@pytest.mark.parametrize(
    "name", ["resnet18", "vgg16", "densenet121", "detl", "vgg16_dense", "covidnet_compact"]
)
def test_maps_equal_pytorch_grad_cam_where_definitions_agree(name: str) -> None:
    grad_cam = pytest.importorskip("pytorch_grad_cam")
    targets = pytest.importorskip("pytorch_grad_cam.utils.model_targets")
    model, images = built(name)
    layer = model.trunk if name in ("vgg16", "covidnet_compact") else model.trunk[-1]
    with torch.no_grad():
        maps = model.explain(images)[1]
    strongest = maps.amax((2, 3)).argmax(1)
    with grad_cam.GradCAM(model=model, target_layers=[layer]) as cam:
        theirs = cam(images, [targets.ClassifierOutputTarget(int(k)) for k in strongest])
    ours = maps[torch.arange(len(maps)), strongest].unsqueeze(1)
    size = images.shape[2:]
    ours = torch.nn.functional.interpolate(ours, size=size, mode="bilinear", align_corners=False)
    for mine, reference in zip(ours[:, 0].numpy(), theirs, strict=True):
        assert np.corrcoef(mine.ravel(), reference.ravel())[0, 1] > 0.99


def test_auxiliary_head_helps_training_and_is_left_out_of_answers() -> None:
    model = create_network("inception_v3", outputs=2, channels=1, size=299).train()
    logits, early = model.with_auxiliary(torch.randn(2, 1, 299, 299))
    assert early is not None
    assert logits.shape == early.shape == (2, 2)
    assert (
        create_network("resnet18", outputs=2).eval().with_auxiliary(torch.zeros(1, 1, 64, 64))[1]
        is None
    )


@pytest.mark.parametrize(
    ("height", "width", "grid"), [(7, 7, 7), (12, 9, 7), (3, 5, 6), (14, 14, 7)]
)
def test_averaging_to_a_grid_is_adaptive_pooling(height: int, width: int, grid: int) -> None:
    features = torch.randn(2, 4, height, width)
    wanted = torch.nn.functional.adaptive_avg_pool2d(features, grid)
    assert torch.allclose(average_to_grid(features, grid), wanted, atol=1e-6)


def test_a_dense_head_drops_only_in_training() -> None:
    head = DenseHead(grid=1, layers=[torch.nn.Linear(4, 8), torch.nn.Linear(8, 2)], dropout=0.5)
    features = torch.randn(3, 4, 1, 1)
    assert torch.equal(head.eval()(features), head(features))
    torch.manual_seed(0)
    assert not torch.equal(head.train()(features), head(features))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resnet5", "outputs": 2}, "No network called 'resnet5'. Did you mean"),
        ({"name": "resnet18", "outputs": 0}, "at least 1 output"),
        ({"name": "resnet18", "outputs": 2, "channels": 2}, "1 or 3 input channels, got 2"),
        ({"name": "inception_v3", "outputs": 2, "size": 64}, "at least 75 pixels, got 64"),
        ({"name": "timm/resnet18x", "outputs": 2}, "timm has no network 'resnet18x'"),
        ({"name": "timm/vit_tiny_patch16_224", "outputs": 2, "size": 224}, "not a map"),
    ],
)
def test_what_cannot_be_built_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create_network(options.pop("name"), **options)  # type: ignore[arg-type]
