"""An engine that can leave the maps out: that it really does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hilum.data.preprocessing import Preprocessing
from hilum.errors import BundleError
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.measured_engine import MeasuredEngine
from hilum.screening.record import Architecture, BundleRecord

SIDE = 32


def network() -> bytes:
    """A network whose maps cannot be computed: 7 * 7 numbers do not fit its input."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Concat", ["flat", "flat"], ["logits"], axis=1),
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Sub", ["shape", "wrong"], ["target"]),
        helper.make_node("Reshape", ["images", "target"], ["cams"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])
    cams = helper.make_tensor_value_info("cams", TensorProto.FLOAT, ["n", 2, "h", "w"])
    wrong = numpy_helper.from_array(np.array([0, -1, 25, 25], np.int64), "wrong")
    graph = helper.make_graph(nodes, "g", [images], [logits, cams], [wrong])
    opset = [helper.make_opsetid("", 18)]
    return onnx.ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=opset, ir_version=9)
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    record = BundleRecord(
        name="broken-maps", created="2026-01-01T00:00:00+00:00", hilum_version="0",
        task="multiclass", classes=("a", "b"),
        architecture=Architecture(name="small_cnn", channels=1, outputs=2),
        preprocessing=Preprocessing(size=SIDE),
    )  # fmt: skip
    return write_bundle(tmp_path / "bundle", record, model_onnx=network(), weights=b"")


def test_logits_alone_are_computed_without_the_maps(bundle: Bundle) -> None:
    engine = MeasuredEngine(bundle, threads=1)
    assert np.allclose(engine.logits_only(), engine.image.mean())


def test_maps_are_computed_where_they_are_asked_for(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="The network failed"):
        MeasuredEngine(bundle, threads=1).with_maps()
