"""An ONNX file cut down to what leads to some of its outputs, without the package onnx.

ONNX Runtime computes every output of a network whichever are asked for, even where a run is told to
take only the path to those it was asked for. What an output costs can be found out only by leaving
it out of the file. The file is a protocol buffer: fields of a number, a kind and a content.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from hilum.errors import BundleError

__all__ = ["pruned"]

_MODEL_GRAPH, _NODE, _OUTPUT = 7, 1, 12
_NODE_INPUT, _NODE_OUTPUT, _VALUE_NAME = 1, 2, 1
_VARINT, _EIGHT, _CONTENT, _FOUR = 0, 1, 2, 5


class _Field(NamedTuple):
    number: int
    content: memoryview
    """Of a message or a string; empty for numbers."""

    whole: memoryview
    """Its bytes, number and length included."""


def pruned(model: bytes, outputs: Collection[str]) -> bytes:
    """Return a network that gives only some of its outputs, and computes only what they need.

    Args:
        model: An ONNX file whose nodes have no graphs of their own.
        outputs: Names of those to keep.

    Raises:
        BundleError: If it has no such output, or is no ONNX file.
    """
    try:
        fields = list(_fields(memoryview(model)))
        (graph,) = (field for field in fields if field.number == _MODEL_GRAPH)
        parts = list(_fields(graph.content))
        kept = _kept(parts, outputs)
    except (IndexError, ValueError) as error:
        raise BundleError(
            f"Expected an ONNX file with one graph; it cannot be read: {error}"
        ) from (error)
    content = b"".join(part.whole for part in kept)
    head = _varint(_MODEL_GRAPH << 3 | _CONTENT) + _varint(len(content))
    return b"".join(
        head + content if field.number == _MODEL_GRAPH else field.whole for field in fields
    )


def _kept(parts: list[_Field], outputs: Collection[str]) -> list[_Field]:
    """Return the graph's fields without other outputs and the nodes that only those need."""
    named = {_name(part.content, _VALUE_NAME)[0] for part in parts if part.number == _OUTPUT}
    lost = set(outputs) - named
    if lost:
        raise ValueError(f"no output {', '.join(sorted(lost))}; there are {sorted(named)}")
    needed, dropped = set(outputs), set()
    for place in range(len(parts) - 1, -1, -1):  # nodes stand in the order they are computed in
        part = parts[place]
        if part.number == _NODE:
            if needed.isdisjoint(_name(part.content, _NODE_OUTPUT)):
                dropped.add(place)
            else:
                needed.update(_name(part.content, _NODE_INPUT))
        elif part.number == _OUTPUT and _name(part.content, _VALUE_NAME)[0] not in outputs:
            dropped.add(place)
    return [part for place, part in enumerate(parts) if place not in dropped]


def _name(message: memoryview, number: int) -> list[str]:
    """Return the texts of one field of a message."""
    return [bytes(each.content).decode() for each in _fields(message) if each.number == number]


def _fields(message: memoryview) -> Iterator[_Field]:
    """Yield the fields of a message.

    Raises:
        IndexError: If it ends in the middle of one.
        ValueError: If it has a field of an unknown kind.
    """
    at = 0
    while at < len(message):
        start = at
        key, at = _read_varint(message, at)
        kind, begin = key & 7, at
        if kind == _VARINT:
            _, at = _read_varint(message, at)
        elif kind == _CONTENT:
            length, begin = _read_varint(message, at)
            at = begin + length
        elif kind in {_EIGHT, _FOUR}:
            at += 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if at > len(message):
            raise IndexError("it ends in the middle of a field")
        content = message[begin:at] if kind == _CONTENT else message[:0]
        yield _Field(key >> 3, content, message[start:at])


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number written in groups of 7 bits, lowest first, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _varint(value: int) -> bytes:
    """Write a number as `_read_varint` reads it."""
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
