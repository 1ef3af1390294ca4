"""What a model costs: counted by hand, measured in a process of its own."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import BundleError, ConfigError, HilumError
from hilum.screening.bundle import Bundle
from hilum.screening.cost import Model, measure_costs, stored_parameters
from hilum.screening.cost_memory import memory_bytes
from hilum.screening.multiply_adds import count_multiply_adds

Make = Callable[..., Bundle]


def test_the_tiny_network_is_counted_as_by_hand(bundle: Bundle) -> None:
    convolution, linear, maps = 2 * 4 * 4 * 16, 2 * 3, 3 * 4 * 4 * 2
    assert count_multiply_adds(bundle.model_path) == convolution + linear
    both = count_multiply_adds(bundle.model_path.read_bytes(), ("logits", "cams"))
    assert both == convolution + linear + maps


def graph(op: str, first: list[int], second: list[int], **attributes: object) -> bytes:
    """A network that is one node: images by a constant of the shape `second`."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    kind = onnx.TensorProto.FLOAT
    node = helper.make_node(op, ["images", "w"], ["logits"], **attributes)
    made = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("images", kind, ["n", *first])],
        [helper.make_tensor_value_info("logits", kind, None)],
        [numpy_helper.from_array(np.ones(second, np.float32), "w")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (("MatMul", [5, 40], [40, 60]), 5 * 40 * 60),
        (("Gemm", [40], [60, 40], {"transB": 1}), 40 * 60),
        (("Conv", [4, 9, 9], [6, 2, 3, 3], {"group": 2}), 6 * 7 * 7 * 2 * 9),
        (("Conv", [4, 9, 9], [4, 1, 3, 3], {"group": 4, "strides": [2, 2]}), 4 * 4 * 4 * 9),
        (("Einsum", [3, 7, 7], [8, 3], {"equation": "nchw,kc->nkhw"}), 8 * 3 * 49),
        (("Add", [3], [3]), 0),
    ],
)
def test_each_product_is_counted_once(model: tuple, expected: int) -> None:
    op, first, second, *attributes = model
    assert count_multiply_adds(graph(op, first, second, **(attributes or [{}])[0])) == expected


def test_an_output_that_is_not_there_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="no output called maps"):
        count_multiply_adds(bundle.model_path, ("maps",))


def test_a_side_that_only_running_tells_is_refused_not_guessed() -> None:
    with pytest.raises(BundleError, match="unknown shape: images, logits"):
        count_multiply_adds(graph("MatMul", ["rows", 4], [4, 4]))  # type: ignore[list-item]


def test_without_onnx_the_extra_is_named(bundle: Bundle) -> None:
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "from hilum.screening.multiply_adds import count_multiply_adds\n"
        "count_multiply_adds(b'')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in done.stderr
    assert "pip install 'hilum[train]'" in done.stderr


def stored(path: Path, shapes: dict[str, list[int]]) -> Path:
    header = json.dumps({"__metadata__": {}, **{n: {"shape": s} for n, s in shapes.items()}})
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode())
    return path


def test_parameters_are_counted_without_statistics_and_auxiliary_head(tmp_path: Path) -> None:
    shapes = {
        "trunk.conv.weight": [4, 3, 3, 3],
        "trunk.bn.weight": [4],
        "trunk.bn.running_mean": [4],
        "trunk.bn.num_batches_tracked": [],
        "auxiliary.fc.weight": [2, 100],
        "head.bias": [2],
    }
    assert stored_parameters(stored(tmp_path / "w.safetensors", shapes)) == 108 + 4 + 2


@pytest.mark.parametrize("content", [b"", b"weights stand here", struct.pack("<Q", 2) + b"[]"])
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(BundleError, match="is no safetensors file"):
        stored_parameters(tmp_path / "w")


def test_memory_is_what_a_process_of_its_own_grows_by(bundle: Bundle) -> None:
    held = np.ones(60_000_000)  # 480 MB here are not 480 MB there
    grown = memory_bytes(bundle.folder, 1)
    assert 0 < grown < held.nbytes / 4


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(HilumError, match="Memory could not be measured: .*bundle"):
        memory_bytes(tmp_path / "nothing", 1)


def test_bundles_are_measured_side_by_side(make_bundle: Make) -> None:
    models = [Model("a", make_bundle()), Model("b", make_bundle(), trained=False)]
    seen: list[Bundle] = []

    def extra(bundle: Bundle) -> Callable[[], object]:
        seen.append(bundle)
        return lambda: None

    found = measure_costs(
        models, rounds=3, threads=1, rng=np.random.default_rng(0), extra=extra, about={"gpu": "x"}
    )
    a, b = found.models
    assert (a.name, a.trained, b.trained, a.size, a.channels) == ("a", True, False, 16, 1)
    assert (a.multiply_adds, a.multiply_adds_with_maps) == (518, 614)
    assert a.parameters is None
    assert a.model_bytes == models[0].bundle.model_path.stat().st_size
    assert 0 < a.cpu.low_ms <= a.cpu.median_ms <= a.cpu.high_ms
    assert (a.cpu.rounds, a.gpu is None) == (3, False)
    assert seen == [model.bundle for model in models]
    assert "is no safetensors file" in " ".join(a.notes)
    assert (found.machine["threads"], found.machine["gpu"]) == (1, "x")
    json.dumps(found.to_dict(), allow_nan=False)


def test_two_models_of_one_name_are_refused(bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match="different names"):
        measure_costs([Model("a", bundle), Model("a", bundle)], rng=np.random.default_rng(0))
