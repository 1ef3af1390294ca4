"""Films drawn by hand, and networks that look at one thing only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hilum.audit.answers import AnswerStore
from hilum.audit.masks import Masks
from hilum.audit.subject import Settings, Subject
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord

SIDE = 96
"""Side of a film, and of what a network sees: smaller, and films would be read reduced."""

_DOWN, _ACROSS = np.mgrid[:SIDE, :SIDE]
LUNGS = ((_DOWN - 48) / 26) ** 2 + ((np.abs(_ACROSS - 47.5) - 17) / 12) ** 2 < 1
"""Where the lungs are: two ellipses."""

Spoil = Callable[[NDArray[np.uint8], bool, np.random.Generator], NDArray[np.uint8]]


def draw(rng: np.random.Generator, *, ill: bool, lesion: float = 40) -> NDArray[np.uint8]:
    """Return a film whose lungs are brighter by about `lesion` where someone is ill."""
    grey = np.full((SIDE, SIDE), 70.0) + rng.normal(0, 4)
    grey[LUNGS] = 90 + lesion * ill + rng.normal(0, 13)
    grey += rng.normal(0, rng.uniform(4, 8), grey.shape)
    return np.rint(np.clip(grey, 0, 255)).astype(np.uint8)


@dataclass(frozen=True)
class Reader:
    """A network that multiplies what it sees with one picture of weights, or looks at detail."""

    weights: NDArray[np.float32]
    """Shape (96, 96), adding up to 1; the feature is the weighted mean."""

    middle: float
    """Grey level, or mean detail, at which it says 0.5."""

    gain: float = 8.0
    detail: bool = False
    """Whether the feature is the mean size of the Laplacian instead, shape (3, 3) weights."""

    floor: float = 0.0
    """Detail below which all films are alike to it."""

    def onnx(self) -> bytes:
        """Return the network: logit = gain * (feature - middle)."""
        onnx = pytest.importorskip("onnx")
        from onnx import helper, numpy_helper

        middle = self.middle / 255 / 0.25 if self.detail else (self.middle / 255 - 0.5) / 0.25
        float32 = onnx.TensorProto.FLOAT
        constants = {
            "filters": self.weights[None, None],
            "floor": np.array(self.floor / 255 / 0.25 if self.detail else -9.0, np.float32),
            "gain": np.full((1, 1), self.gain, np.float32),
            "shift": np.full(1, -self.gain * middle, np.float32),
            "maps": np.array([-self.gain, self.gain], np.float32).reshape(2, 1, 1, 1),
        }
        nodes = [
            helper.make_node("Conv", ["images", "filters"], ["seen"]),
            helper.make_node("Abs" if self.detail else "Identity", ["seen"], ["grid"]),
            helper.make_node("GlobalAveragePool", ["grid"], ["pooled"]),
            helper.make_node("Max", ["pooled", "floor"], ["seen_at_least"]),
            helper.make_node("Flatten", ["seen_at_least"], ["features"]),
            helper.make_node("Gemm", ["features", "gain", "shift"], ["logits"]),
            helper.make_node("Conv", ["grid", "maps"], ["raw"]),
            helper.make_node("Relu", ["raw"], ["cams"]),
        ]
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            nodes,
            "reader",
            [info("images", float32, ["batch", 1, SIDE, SIDE])],
            [
                info("logits", float32, ["batch", 1]),
                info("cams", float32, ["batch", 2, "h", "w"]),
                info("features", float32, ["batch", 1]),
            ],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return bytes(model.SerializeToString())


def looking_at(where: NDArray[np.bool_], middle: float, *, gain: float = 8.0) -> Reader:
    """Return a network that sees the mean grey of a part of the film, shape (96, 96)."""
    return Reader(where.astype(np.float32) / np.float32(where.sum()), middle, gain)


def part(rows: slice, columns: slice) -> NDArray[np.bool_]:
    """Return a mask of a rectangle of the film."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[rows, columns] = True
    return mask


READS_LUNGS = looking_at(LUNGS, 110)
READS_CORNER = looking_at(part(slice(85, 95), slice(78, 95)), 100)
READS_EVERYTHING = looking_at(np.ones((SIDE, SIDE), bool), 84, gain=20)
_LAPLACE = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
READS_DETAIL = Reader(_LAPLACE, 8.0, gain=-30, detail=True, floor=4.0)
"""Says ill of films without detail."""


@pytest.fixture
def make_films(tmp_path: Path) -> Callable[..., Manifest]:
    """Return a function that writes a cohort: half are ill; 80 films are tested, 40 taught."""

    def make(
        spoil: Spoil | None = None,
        *,
        masks: float = 1.0,
        lesion: float = 40,
        tested: int = 80,
        taught: int = 40,
    ) -> Manifest:
        rng = np.random.default_rng(5)
        root = tmp_path / "films"
        root.mkdir()
        Image.fromarray(LUNGS.astype(np.uint8) * 255).save(root / "lungs.png")
        lines = ["path,patient_id,source,label,split,lung_mask"]
        for number in range(tested + taught):
            ill = number % 2 == 1
            pixels = draw(rng, ill=ill, lesion=lesion)
            if spoil is not None:
                pixels = spoil(pixels, ill, rng)
            Image.fromarray(pixels).save(root / f"{number}.png")
            split = "test" if number < tested else "train"
            mask = "lungs.png" if number % 100 < 100 * masks else ""
            source = "ab"[number // 2 % 2]
            label = "ill" if ill else "well"
            lines.append(f"{number}.png,p{number},{source},{label},{split},{mask}")
        (root / "manifest.csv").write_text("\n".join(lines) + "\n")
        return Manifest.read(root / "manifest.csv")

    return make


@pytest.fixture
def make_reader(tmp_path: Path) -> Callable[[Reader], Bundle]:
    """Return a function that writes a bundle of a hand-made network."""

    def make(reader: Reader, **changes: Any) -> Bundle:
        record = BundleRecord(
            **{
                "name": "reader",
                "created": "2024-05-01T10:00:00Z",
                "hilum_version": "0.1.0",
                "task": "binary",
                "classes": ("well", "ill"),
                "architecture": Architecture(name="reader", channels=1, outputs=1),
                "preprocessing": Preprocessing(size=SIDE, square="stretch"),
                **changes,
            }
        )
        folder = tmp_path / f"bundle-{len(list(tmp_path.glob('bundle-*')))}"
        return write_bundle(folder, record, model_onnx=reader.onnx(), weights=b"none")

    return make


@pytest.fixture
def audited(
    make_films: Callable[..., Manifest],
    make_reader: Callable[[Reader], Bundle],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Callable[..., Subject]:
    """Return a function that puts a network before a cohort of films."""

    def subject(reader: Reader, spoil: Spoil | None = None, **films: Any) -> Subject:
        manifest = make_films(spoil, **films)
        store = AnswerStore(tmp_path / "answers.sqlite")
        request.addfinalizer(store.close)
        return Subject(
            make_reader(reader),
            manifest,
            Settings(resamples=200),
            store,
            Masks(manifest.root, segmenter=None),
        )

    return subject
