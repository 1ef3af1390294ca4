from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.audit.randomised import find_weights, shuffle_weights
from hilum.errors import BundleError

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

RNG = np.random.default_rng(0)
WEIGHTS = {
    "last": RNG.normal(size=(6, 3)).astype(np.float32),
    "first": RNG.normal(size=(6, 1, 3, 3)).astype(np.float32),
}
BIAS = np.arange(6, dtype=np.float32)


def network(*, raw: bool = True, kind: type[np.floating] = np.float32) -> bytes:
    """Return a convolution, a mean and a matrix product; constants stored in another order."""
    float32 = onnx.TensorProto.FLOAT
    number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    constants = [
        helper.make_tensor(
            name, number, value.shape, value.astype(kind).tobytes() if raw else value, raw=raw
        )
        for name, value in (*WEIGHTS.items(), ("bias", BIAS))
    ]
    constants.append(numpy_helper.from_array(np.ones((4, 4), np.float32), "used by nothing"))
    nodes = [
        helper.make_node("Conv", ["images", "first", "bias"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("MatMul", ["flat", "last"], ["logits"]),
    ]
    shape = ["n", 1, 8, 8]
    graph = helper.make_graph(
        nodes,
        "three layers",
        [helper.make_tensor_value_info("images", float32, shape)],
        [helper.make_tensor_value_info("logits", float32, ["n", 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def constants(model: bytes) -> dict[str, NDArray[np.float32]]:
    graph = onnx.load_from_string(model).graph
    return {item.name: numpy_helper.to_array(item) for item in graph.initializer}


@pytest.mark.parametrize("raw", [True, False])
def test_the_weights_are_found_in_the_order_of_their_use(raw: bool) -> None:
    model = network(raw=raw)
    found = find_weights(model)
    assert [(one.name, one.shape) for one in found] == [("first", (6, 1, 3, 3)), ("last", (6, 3))]
    for one in found:
        stored = np.frombuffer(model[one.start : one.stop], "<f4").reshape(one.shape)
        assert np.array_equal(stored, WEIGHTS[one.name])


@pytest.mark.parametrize("raw", [True, False])
def test_shuffling_moves_weights_within_their_layer_and_touches_nothing_else(raw: bool) -> None:
    before, after = constants(network(raw=raw)), constants(shuffle_weights(network(raw=raw), 1))
    for name, value in before.items():
        if name in WEIGHTS:
            assert not np.array_equal(after[name], value)
            assert np.array_equal(np.sort(after[name], axis=None), np.sort(value, axis=None))
        else:
            assert np.array_equal(after[name], value)


def test_the_layers_next_to_the_output_are_shuffled_first_and_alike() -> None:
    model = network()
    half, whole = (constants(shuffle_weights(model, 1, share=share)) for share in (0.5, 1.0))
    assert np.array_equal(half["first"], WEIGHTS["first"])
    assert np.array_equal(half["last"], whole["last"])


def test_another_seed_shuffles_otherwise_and_the_same_seed_alike() -> None:
    model = network()
    assert shuffle_weights(model, 1) == shuffle_weights(model, 1)
    assert shuffle_weights(model, 1) != shuffle_weights(model, 2)


def test_a_shuffled_network_still_runs_and_answers_otherwise() -> None:
    runtime = pytest.importorskip("onnxruntime")
    images = {"images": RNG.normal(size=(2, 1, 8, 8)).astype(np.float32)}
    said = [
        runtime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, images)[0]
        for model in (network(), shuffle_weights(network(), 3))
    ]
    assert said[0].shape == said[1].shape
    assert not np.allclose(said[0], said[1])


def test_a_network_of_half_floats_is_refused() -> None:
    with pytest.raises(BundleError, match="No layer's weights were found"):
        find_weights(network(kind=np.float16))


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_a_file_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(BundleError, match="not an ONNX file|No layer's weights"):
        find_weights(network()[:-cut])


@pytest.mark.parametrize("noise", [b"\xff" * 64, b"PK\x03\x04 a zip archive", b"\x07"])
def test_bytes_of_another_kind_are_refused(noise: bytes) -> None:
    with pytest.raises(BundleError, match="not an ONNX file|No layer's weights"):
        find_weights(noise)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\]"):
        shuffle_weights(network(), 1, share=share)
