"""A network small enough to compute by hand, bundles of it, and films to show it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord
from hilum.screening.threshold import Threshold

SIZE = 16
CLASSES = ("normal", "pneumonia", "covid")


@dataclass(frozen=True)
class Tiny:
    """A network of two features: the mean of each 4 x 4 tile, where above 0, and its negative.

    logits = weights @ (both features averaged over the 16 tiles) + bias.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    poison: float = 1.0

    def answer(self, images: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return logits and cams by plain arithmetic, for images (n, 16, 16)."""
        tiles = images.reshape(len(images), 4, 4, 4, 4).mean(axis=(2, 4))
        features = np.stack([np.maximum(tiles, 0), np.maximum(-tiles, 0)], axis=1)
        logits = features.mean(axis=(2, 3)) @ self.weights.T + self.bias
        cams = np.maximum(np.einsum("kc,nchw->nkhw", self.weights / 16, features), 0)
        if len(self.weights) == 1:
            both = np.concatenate([-self.weights, self.weights])
            cams = np.maximum(np.einsum("kc,nchw->nkhw", both / 16, features), 0)
        return logits, cams

    def onnx(
        self, *, logits: str = "logits", batch: str | int = "batch", size: int = SIZE
    ) -> bytes:
        """Return the network as an ONNX file."""
        onnx = pytest.importorskip("onnx")
        from onnx import helper, numpy_helper

        float32 = onnx.TensorProto.FLOAT
        filters = np.full((2, 1, 4, 4), 1 / 16, np.float32)
        filters[1] *= -1
        outputs = len(self.weights)
        maps = self.weights if outputs > 1 else np.concatenate([-self.weights, self.weights])
        constants = {
            "filters": filters,
            "weights": self.weights.T,
            "bias": self.bias,
            "maps": (maps / 16)[:, :, None, None].astype(np.float32),
            "poison": np.array(self.poison, np.float32),
        }
        nodes = [
            helper.make_node("Conv", ["images", "filters"], ["tiles"], strides=[4, 4]),
            helper.make_node("Relu", ["tiles"], ["features"]),
            helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "bias"], ["clean"]),
            helper.make_node("Mul", ["clean", "poison"], [logits]),
            helper.make_node("Conv", ["features", "maps"], ["raw"]),
            helper.make_node("Relu", ["raw"], ["cams"]),
        ]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("images", float32, [batch, 1, size, size])],
            [
                helper.make_tensor_value_info(logits, float32, [batch, outputs]),
                helper.make_tensor_value_info("cams", float32, [batch, len(maps), "h", "w"]),
            ],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return bytes(model.SerializeToString())


MULTICLASS = Tiny(
    np.array([[1.0, 0.5], [-1.0, 2.0], [3.0, -1.0]], np.float32),
    np.array([0.1, 0.0, -0.2], np.float32),
)
BINARY = Tiny(np.array([[2.0, -1.0]], np.float32), np.array([0.25], np.float32))


@pytest.fixture
def multiclass() -> Tiny:
    return MULTICLASS


@pytest.fixture
def binary() -> Tiny:
    return BINARY


def record_of(classes: tuple[str, ...], **changes: Any) -> BundleRecord:
    """Return a record that fits the tiny networks."""
    values: dict[str, Any] = {
        "name": "tiny",
        "created": "2024-05-01T10:00:00Z",
        "hilum_version": "0.1.0",
        "task": "binary" if len(classes) == 2 else "multiclass",
        "classes": classes,
        "architecture": Architecture(
            name="tiny", channels=1, outputs=1 if len(classes) == 2 else len(classes)
        ),
        "preprocessing": Preprocessing(size=SIZE),
        "temperature": 1.5,
        # The films drawn below are smooth hills, which nothing that knows chests takes for one.
        "gate": {"layout": False},
        "thresholds": {
            "argmax": Threshold(),
            "sensitive": Threshold(
                kind="at_least", label=classes[-1], value=0.1, source="95 % sensitivity"
            ),
        },
    }
    return BundleRecord(**{**values, **changes})


@pytest.fixture
def record() -> BundleRecord:
    return record_of(CLASSES)


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    """Return a function that writes a bundle of a tiny network, with changes to its record."""
    count = iter(range(100))

    def make(tiny: Tiny = MULTICLASS, *, model: bytes | None = None, **changes: Any) -> Bundle:
        classes = CLASSES if len(tiny.weights) == 3 else ("normal", "covid")
        return write_bundle(
            tmp_path / f"bundle-{next(count)}",
            record_of(classes, **changes),
            model_onnx=tiny.onnx() if model is None else model,
            weights=b"weights stand here",
        )

    return make


@pytest.fixture
def bundle(make_bundle: Callable[..., Bundle]) -> Bundle:
    return make_bundle()


def _chest(height: int = 160, width: int = 144, *, shift: float = 0.0) -> NDArray[np.uint8]:
    """Return a smooth picture of two dark lungs on a brighter body."""
    rows, columns = np.mgrid[:height, :width]
    y, x = rows / height, columns / width
    lungs = np.exp(-(((y - 0.45) / 0.25) ** 2) - ((x - 0.28) / 0.12) ** 2)
    body = 190 - 120 * (lungs + lungs[:, ::-1]) + 30 * np.sin(6 * y + shift)
    return np.clip(body, 0, 255).astype(np.uint8)


def _png(pixels: NDArray[Any]) -> bytes:
    """Return pixels as the bytes of a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def chest() -> Callable[..., NDArray[np.uint8]]:
    """A function that draws a smooth picture of two dark lungs: chest(height, width, shift=0)."""
    return _chest


@pytest.fixture(scope="session")
def png() -> Callable[[NDArray[Any]], bytes]:
    """A function that returns pixels as the bytes of a PNG file."""
    return _png


@pytest.fixture
def film() -> bytes:
    return _png(_chest())


@pytest.fixture
def make_film(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a film of its own and returns its path."""

    def make(name: str, *, shift: float = 0.0, folder: str = "films") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_png(_chest(shift=shift)))
        return path

    return make
