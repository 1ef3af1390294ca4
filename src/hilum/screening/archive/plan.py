"""What is left of an archive, written down in blocks that any machine of a cluster can take.

A block is a few hundred films in a compressed JSON file, so that the cluster's own memory holds a
number a block and not a name a film. A tar that is compressed as a whole is a block of its own.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from hilum.screening.archive.item import Item, Packed, Span, Stream

__all__ = ["read_block", "write_plan"]


def write_plan(items: Iterable[Item], folder: Path, *, rows: int) -> tuple[int, int]:
    """Write items into blocks; return how many blocks and items there are.

    Args:
        items: None of them with its bytes.
        folder: An empty folder.
        rows: Items of a block, at most.

    Raises:
        OSError: If a block cannot be written.
    """
    blocks = films = 0
    for block in _blocks(items, rows):
        lines = (json.dumps(_plain(item)) for item in block)
        content = gzip.compress("\n".join(lines).encode(), compresslevel=4)
        _path(folder, blocks).write_bytes(content)
        blocks += 1
        films += len(block)
    return blocks, films


def read_block(folder: Path, number: int) -> list[Item]:
    """Return the items of a block."""
    text = gzip.decompress(_path(folder, number).read_bytes()).decode()
    return [_item(json.loads(line)) for line in text.splitlines()]


def _blocks(items: Iterable[Item], rows: int) -> Iterator[list[Item]]:
    block: list[Item] = []
    for item in items:
        if isinstance(item.where, Stream):
            yield [item]
            continue
        block.append(item)
        if len(block) == rows:
            yield block
            block = []
    if block:
        yield block


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}.json.gz"


def _plain(item: Item) -> list[Any]:
    where: Any = item.where
    if isinstance(where, Span):
        where = ["span", where.offset, where.size]
    elif isinstance(where, Packed):
        where = ["packed", where.header, where.packed, where.size, where.crc, where.deflated]
    elif isinstance(where, Stream):
        where = ["stream"]
    elif where is not None:
        # A rare member of a zip file; it is small enough to be held, so it is small enough here.
        where = ["bytes", where.hex()]
    return [item.path, item.member, item.copy, where, item.error]


def _item(plain: list[Any]) -> Item:
    path, member, copy, given, error = plain
    where: Span | Packed | Stream | bytes | None = None
    if given is not None:
        kind, *values = given
        makers: dict[str, Callable[..., Span | Packed | Stream | bytes]]
        makers = {"span": Span, "packed": Packed, "stream": Stream, "bytes": bytes.fromhex}
        where = makers[kind](*values)
    return Item(path=path, member=member, copy=copy, where=where, error=error)
