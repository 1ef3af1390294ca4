"""Count the multiply-adds of a network from its ONNX file.

Convolutions, matrix products and the contraction of the maps are counted, one for each product
that is added up, as published tables count them; additions, activations and pooling are not. What
leads to the logits is told from what the maps need besides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import BundleError, MissingExtraError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["count_multiply_adds"]

_SMALL = 1024

Shapes = dict[str, tuple[int, ...]]


def count_multiply_adds(model: Path | bytes, outputs: Sequence[str] = ("logits",)) -> int:
    """Return the multiply-adds that one image costs on the way to some outputs.

    Args:
        model: An ONNX file, or its bytes, whose first input dimension is the number of images.
        outputs: Names of the outputs that are wanted.

    Raises:
        BundleError: If an output is not there, or the shape of what is to be counted is not known.
        MissingExtraError: If onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "train") from error
    loaded = onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(model)
    graph = loaded.graph
    absent = {*outputs} - {output.name for output in graph.output}
    if absent:
        raise BundleError(f"The network has no output called {', '.join(sorted(absent))}.")
    shapes = _shapes(loaded)
    return sum(_cost(node, shapes) for node in _needed(graph, outputs))


def _shapes(model: ModelProto) -> Shapes:
    """Return the shape of every tensor that is known, for one image."""
    import onnx

    for value in model.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    _drop_weights(model.graph)
    for value in (*model.graph.output, *model.graph.value_info):
        value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    whole = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    found: Shapes = {item.name: tuple(item.dims) for item in whole.initializer}
    for value in (*whole.input, *whole.value_info, *whole.output):
        sides = value.type.tensor_type.shape.dim
        if sides and all(side.HasField("dim_value") for side in sides):
            found[value.name] = tuple(side.dim_value for side in sides)
    return found


def _drop_weights(graph: GraphProto) -> None:
    """Keep the shapes of large weights only; inferring copies the network several times over."""
    import onnx

    kept = []
    for item in graph.initializer:
        if math.prod(item.dims) > _SMALL:
            shape = onnx.helper.make_tensor_value_info(item.name, item.data_type, item.dims)
            graph.input.append(shape)
        else:
            kept.append(item)
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _needed(graph: GraphProto, outputs: Iterable[str]) -> list[NodeProto]:
    """Return the nodes on the way to some outputs."""
    wanted, found = {*outputs}, []
    for node in reversed(graph.node):
        if wanted & {*node.output}:
            wanted |= {*node.input}
            found.append(node)
    return found


def _cost(node: NodeProto, shapes: Shapes) -> int:
    if node.op_type not in ("Conv", "Gemm", "MatMul", "Einsum"):
        return 0
    names = [*node.input[:2], node.output[0]]
    unknown = [name for name in names if name not in shapes]
    if unknown:
        raise BundleError(
            f"The multiply-adds cannot be counted: node {node.name or node.op_type} has tensors of "
            f"unknown shape: {', '.join(unknown)}."
        )
    first, second, out = (shapes[name] for name in names)
    if node.op_type == "Conv":
        return math.prod(out) * math.prod(second[1:])
    if node.op_type == "Gemm":
        return math.prod(out) * first[0 if _attribute(node, "transA") else 1]
    if node.op_type == "MatMul":
        return math.prod(out) * first[-1]
    return _einsum(str(_attribute(node, "equation"), "ascii"), first, second)


def _einsum(equation: str, first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """Return the product of all sides that an equation of two operands names."""
    left, right = equation.replace(" ", "").split("->")[0].split(",")
    return math.prod(
        dict([*zip(left, first, strict=True), *zip(right, second, strict=True)]).values()
    )


def _attribute(node: NodeProto, name: str) -> Any:
    import onnx

    values = [onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name]
    return values[0] if values else None
