"""The same network with its weights shuffled: what its maps show then, training did not put there.

An ONNX file is a protocol buffer. Only the few fields that lead to the weights are read, and the
values of a layer are permuted where they lie, so that neither torch nor onnx is needed and nothing
but those values differs: same layers, same spread of weights, no knowledge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from hilum.errors import BundleError

__all__ = ["Weights", "find_weights", "shuffle_weights"]

_FLOAT = 1
"""TensorProto.DataType of 32-bit floats."""

# Field numbers of onnx.proto; they never change.
_GRAPH, _NODE, _INITIALIZER, _NODE_INPUT = 7, 1, 5, 1
_DIMS, _DATA_TYPE, _FLOAT_DATA, _NAME, _RAW_DATA = 1, 2, 4, 8, 9

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one layer, and where they lie."""

    name: str
    shape: tuple[int, ...]
    start: int
    """First byte in the file."""

    stop: int
    """First byte behind them."""


@dataclass(slots=True)
class _Tensor:
    name: str = ""
    kind: int = 0
    shape: list[int] = field(default_factory=list)
    place: tuple[int, int] | None = None


def find_weights(model: bytes) -> list[Weights]:
    """Return the weights of every layer in the order in which the network uses them.

    Args:
        model: An ONNX file whose weights are stored inside it.

    Returns:
        Constants of 32-bit floats with at least two dimensions: convolutions and matrices, not
        biases, scales or means.

    Raises:
        BundleError: If the bytes are no ONNX file, or it holds no such constant.
    """
    try:
        found = list(_weights(memoryview(model)))
    except (IndexError, UnicodeDecodeError) as error:
        raise BundleError("This is not an ONNX file: it ends or breaks off within a field.") from (
            error
        )
    if not found:
        raise BundleError(
            "No layer's weights were found in the network: expected 32-bit floats stored in the "
            "file itself."
        )
    return found


def shuffle_weights(model: bytes, seed: int, *, share: float = 1.0) -> bytes:
    """Permute the values within each of a network's last layers.

    Args:
        model: An ONNX file whose weights are stored inside it.
        seed: Of the permutations; a layer's own does not depend on `share`.
        share: How many layers, counted from the output, as a share of all, in (0, 1]; at least one.

    Returns:
        The ONNX file with these values in another order; every other byte is the same.

    Raises:
        ValueError: If `share` is out of range.
        BundleError: As `find_weights` does.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share}")
    layers = find_weights(model)
    changed = bytearray(model)
    for number in range(len(layers) - max(1, round(share * len(layers))), len(layers)):
        place = slice(layers[number].start, layers[number].stop)
        values = np.frombuffer(model[place], "<f4")
        changed[place] = np.random.default_rng([seed, number]).permutation(values).tobytes()
    return bytes(changed)


def _weights(model: memoryview) -> Iterator[Weights]:
    first_use: dict[str, int] = {}
    tensors: list[_Tensor] = []
    for graph in _inside(model, (0, len(model)), _GRAPH):
        for node, place in enumerate(_inside(model, graph, _NODE)):
            for start, stop in _inside(model, place, _NODE_INPUT):
                first_use.setdefault(_text(model, start, stop), node)
        tensors += [_tensor(model, place) for place in _inside(model, graph, _INITIALIZER)]
    used = [tensor for tensor in tensors if tensor.name in first_use]
    for tensor in sorted(used, key=lambda tensor: first_use[tensor.name]):
        if tensor.kind != _FLOAT or len(tensor.shape) < 2 or tensor.place is None:
            continue
        start, stop = tensor.place
        if stop - start == 4 * math.prod(tensor.shape):
            yield Weights(tensor.name, tuple(tensor.shape), start, stop)


def _tensor(model: memoryview, place: tuple[int, int]) -> _Tensor:
    found = _Tensor()
    for number, wire, start, stop in _fields(model, *place):
        if number == _DIMS and wire == _BYTES:
            at = start
            while at < stop:
                side, at = _varint(model, at)
                found.shape.append(side)
        elif number == _DIMS:
            found.shape.append(_varint(model, start)[0])
        elif number == _DATA_TYPE:
            found.kind = _varint(model, start)[0]
        elif number == _NAME:
            found.name = _text(model, start, stop)
        elif number in (_RAW_DATA, _FLOAT_DATA) and wire == _BYTES:
            found.place = (start, stop)
    return found


def _inside(model: memoryview, place: tuple[int, int], wanted: int) -> Iterator[tuple[int, int]]:
    """Yield where the messages or strings of one field lie."""
    for number, wire, start, stop in _fields(model, *place):
        if number == wanted and wire == _BYTES:
            yield start, stop


def _fields(model: memoryview, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (field number, wire type, first byte, byte behind the last) of a message."""
    at = start
    while at < stop:
        key, at = _varint(model, at)
        number, wire = key >> 3, key & 7
        first = at
        if wire == _VARINT:
            _, at = _varint(model, at)
        elif wire == _BYTES:
            length, first = _varint(model, at)
            at = first + length
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if wire == _EIGHT_BYTES else 4
        else:
            raise IndexError(f"wire type {wire} is not used in ONNX files")
        if at > stop:
            raise IndexError("a field ends behind its message")
        yield number, wire, first, at


def _varint(model: memoryview, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        byte = model[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
    raise IndexError("a number is longer than ten bytes")


def _text(model: memoryview, start: int, stop: int) -> str:
    return bytes(model[start:stop]).decode()
