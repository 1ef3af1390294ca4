from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from hilum.data.preprocessing import Preprocessing
from hilum.errors import BundleError
from hilum.models import DenseHead, PooledHead, TrunkAndHead, create_network
from hilum.models.export import export_onnx
from hilum.models.grad_cam_plus import (
    GradCamPlusPlus,
    channel_weights,
    grad_cam_plus_plus,
    pooled_weights,
)
from hilum.models.rebuilt import check_alike, rebuild
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.engine import Engine
from hilum.screening.record import Architecture, BundleRecord

SIZE = 32
CLASSES = ("normal", "pneumonia", "covid")


def pooled_head() -> PooledHead:
    return PooledHead(torch.nn.Linear(6, 3))


def dense_head() -> DenseHead:
    layers = [torch.nn.Linear(6 * 4, 8), torch.nn.Linear(8, 3)]
    return DenseHead(grid=2, layers=layers)


def built(name: str, *, size: int, outputs: int = 3) -> tuple[TrunkAndHead, torch.Tensor]:
    """Return a network with statistics of real batches, so that features have a sane scale."""
    torch.manual_seed(3)
    model = create_network(name, outputs=outputs, channels=1, size=size)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = None
        model.train()
        model.trunk(torch.randn(4, 1, size, size))
    return model.eval(), torch.randn(2, 1, size, size)


@pytest.mark.parametrize("make", [pooled_head, dense_head])
def test_weights_are_those_of_the_paper_with_its_derivatives_taken_one_by_one(
    make: Callable[[], PooledHead | DenseHead],
) -> None:
    """Equations 5 and 10 with second and third derivatives of exp(S) by autograd."""
    torch.manual_seed(1)
    head = make().double().eval()
    features = torch.rand(1, 6, 3, 3, dtype=torch.float64).requires_grad_()
    score = head(features)[0, 1].exp()
    (first,) = torch.autograd.grad(score, features, create_graph=True)
    expected = torch.zeros(6, dtype=torch.float64)
    for index in np.ndindex(6, 3, 3):
        place = (0, *index)
        (second,) = torch.autograd.grad(first[place], features, create_graph=True)
        (third,) = torch.autograd.grad(second[place], features, retain_graph=True)
        twice, thrice = second[place].item(), third[place].item()
        if first[place].item() > 0:
            held = features[0, index[0]].sum().item()
            alpha = twice / (2 * twice + held * thrice)
            expected[index[0]] += alpha * first[place].item()
    (gradient,) = torch.autograd.grad(head(features)[0, 1], features)
    found = channel_weights(features.detach(), gradient)[0]
    assert torch.allclose(found * score.item(), expected, atol=1e-12)
    assert found.max() > 0


def test_after_global_average_pooling_the_closed_form_equals_autograd() -> None:
    model, images = built("resnet18", size=64)
    with torch.no_grad():
        features = model.trunk(images)
    found = grad_cam_plus_plus(model, features)
    assert isinstance(model.head, PooledHead)
    for label, weights in enumerate(model.head.classifier.weight):
        closed = pooled_weights(features, weights)
        expected = torch.relu(torch.einsum("nc,nchw->nhw", closed, features))
        assert torch.allclose(found[:, label], expected, rtol=1e-4, atol=1e-6)


def test_one_logit_explains_the_first_class_by_its_negative() -> None:
    model, images = built("small_cnn", size=SIZE, outputs=1)
    with torch.no_grad():
        features = model.trunk(images)
        turned = copy.deepcopy(model)
        for values in turned.head.classifier.parameters():  # type: ignore[union-attr]
            values.neg_()
    found, other = grad_cam_plus_plus(model, features), grad_cam_plus_plus(turned, features)
    assert found.shape[1] == 2
    assert torch.allclose(found[:, 0], other[:, 1])


def test_features_below_zero_leave_numbers() -> None:
    gradient = torch.ones(1, 2, 1, 1)
    found = channel_weights(torch.tensor([[-2.0, -5.0]])[..., None, None], gradient)
    assert found.tolist() == [[0.0, 0.0]]


def test_no_gradient_reaches_the_trunk() -> None:
    model, images = built("small_cnn", size=SIZE)
    with torch.no_grad():
        features = model.trunk(images)
    maps = grad_cam_plus_plus(model, features)
    assert not maps.requires_grad
    assert all(values.grad is None for values in model.parameters())


class TestAgainstTheLibrary:
    """pytorch-grad-cam, its hook on what the head receives, for every class."""

    @staticmethod
    def maps(method: str, model: torch.nn.Module, target: torch.nn.Module, images: Any) -> Any:
        library = pytest.importorskip("pytorch_grad_cam")
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        with getattr(library, method)(model=model, target_layers=[target]) as explainer:
            found = []
            for label in range(3):
                wanted = [ClassifierOutputTarget(label)] * len(images)
                explainer.activations_and_grads.gradients = []
                outputs = explainer.activations_and_grads(images)
                explainer.model.zero_grad()
                sum(aim(out) for aim, out in zip(wanted, outputs, strict=True)).backward()
                held = explainer.activations_and_grads.activations[0].numpy()
                slope = explainer.activations_and_grads.gradients[0].numpy()
                raw = explainer.get_cam_image(images, target, wanted, held, slope, False)
                found.append(np.maximum(raw, 0))
        return np.stack(found, 1)

    @pytest.mark.parametrize(
        ("name", "size"), [("resnet18", 64), ("densenet121", 64), ("alexnet", 100)]
    )
    def test_grad_cam_is_the_same(self, name: str, size: int) -> None:
        model, images = built(name, size=size)
        with torch.no_grad():
            _, ours = model.explain(images)
        theirs = self.maps("GradCAM", model, model.trunk, images)
        assert theirs.max() > 0
        assert np.abs(ours.numpy() - theirs).max() <= 1e-3 * theirs.max()

    @pytest.mark.parametrize(("name", "size"), [("resnet18", 64), ("alexnet", 100)])
    def test_grad_cam_plus_plus_is_the_same_where_gradients_are_large(
        self, name: str, size: int
    ) -> None:
        """The library adds 1e-6 to a denominator that is g squared: small gradients are lost."""
        model, images = built(name, size=size)
        last = [layer for layer in model.head.modules() if isinstance(layer, torch.nn.Linear)][-1]
        with torch.no_grad():
            last.weight.mul_(1e4 / last.weight.abs().max())
            features = model.trunk(images)
        theirs = self.maps("GradCAMPlusPlus", model, model.trunk, images)
        ours = grad_cam_plus_plus(model, features).numpy()
        assert theirs.max() > 0
        assert np.abs(ours - theirs).max() <= 2e-3 * theirs.max()

    def test_torchvisions_own_densenet_mixes_two_feature_maps(self) -> None:
        """Why the definition matters: its in-place ReLU changes what the library's hook kept."""
        import torchvision.models as tv

        torch.manual_seed(3)
        net = tv.densenet121(weights=None, num_classes=3).eval()
        images = torch.randn(2, 3, 64, 64)
        model = create_network("densenet121", outputs=3, channels=3, size=64).eval()
        model.trunk.features.load_state_dict(net.features.state_dict())  # type: ignore[union-attr]
        model.head.classifier.load_state_dict(net.classifier.state_dict())  # type: ignore[union-attr]
        with torch.no_grad():
            logits, ours = model.explain(images)
            assert torch.allclose(logits, net(images), atol=1e-4)
        theirs = self.maps("GradCAM", net, net.features, images)
        assert np.abs(ours.numpy() - theirs).max() > 1e-2 * theirs.max()


@pytest.fixture(scope="module")
def network() -> TrunkAndHead:
    return built("small_cnn", size=SIZE)[0]


@pytest.fixture(scope="module")
def onnx(network: TrunkAndHead) -> bytes:
    return export_onnx(network, channels=1, size=SIZE)


@pytest.fixture
def make_bundle(network: TrunkAndHead, onnx: bytes, tmp_path: Path) -> Callable[..., Bundle]:
    def make(
        name: str = "small_cnn", weights: dict[str, torch.Tensor] | bytes | None = None
    ) -> Bundle:
        record = BundleRecord(
            name="tiny",
            created="2024-05-01T10:00:00Z",
            hilum_version="0.1.0",
            task="multiclass",
            classes=CLASSES,
            architecture=Architecture(name=name, channels=1, outputs=3),
            preprocessing=Preprocessing(size=SIZE),
        )
        state = dict(network.state_dict()) if weights is None else weights
        return write_bundle(
            tmp_path / "bundle", record, model_onnx=onnx,
            weights=state if isinstance(state, bytes) else save(state),
        )  # fmt: skip

    return make


def test_a_bundles_network_is_rebuilt_and_explains_as_the_one_exported(
    make_bundle: Callable[..., Bundle], network: TrunkAndHead
) -> None:
    bundle = make_bundle()
    picture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
    found = GradCamPlusPlus(bundle, Engine(bundle))(picture)
    images = (torch.from_numpy(picture)[None, None] / 255 - 0.5) / 0.25
    with torch.no_grad():
        expected = grad_cam_plus_plus(network, network.trunk(images))[0].numpy()
    assert found.shape == (3, 2, 2)
    assert np.allclose(found, expected, atol=1e-5)


def test_weights_that_do_not_fit_are_named(
    make_bundle: Callable[..., Bundle], network: TrunkAndHead
) -> None:
    state = {**network.state_dict(), "head.classifier.bias": torch.zeros(5), "more": torch.ones(1)}
    del state["trunk.down1.0.weight"]
    with pytest.raises(BundleError, match="cannot be rebuilt in torch") as raised:
        rebuild(make_bundle(weights=state))
    assert "trunk.down1.0.weight: missing" in str(raised.value)
    assert "more: not part of small_cnn" in str(raised.value)
    assert "head.classifier.bias: expected (3,), got (5,)" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("smal_cnn", None, "cannot be rebuilt in torch. No network called 'smal_cnn'"),
        ("small_cnn", b"none", "cannot be rebuilt in torch. The weights in .* cannot be read"),
    ],
)
def test_a_bundle_that_cannot_be_rebuilt_says_what_is_missing(
    make_bundle: Callable[..., Bundle], name: str, weights: bytes | None, message: str
) -> None:
    bundle = make_bundle(name, weights)
    with pytest.raises(BundleError, match=message):
        rebuild(bundle)


def test_weights_of_another_network_than_the_engines_are_refused(
    make_bundle: Callable[..., Bundle], network: TrunkAndHead
) -> None:
    state = {name: values.clone() for name, values in network.state_dict().items()}
    state["head.classifier.weight"] += 0.5
    bundle = make_bundle(weights=state)
    with pytest.raises(BundleError, match="is not that of model.onnx: their logits differ by"):
        GradCamPlusPlus(bundle, Engine(bundle))(np.full((SIZE, SIZE), 90, np.uint8))


def test_what_is_not_a_number_is_not_alike(make_bundle: Callable[..., Bundle]) -> None:
    with pytest.raises(BundleError, match="their logits differ by nan"):
        check_alike(
            "logits", torch.tensor([float("nan")]), np.zeros(1, np.float32), bundle=make_bundle()
        )
