"""What goes through the pipe between the server and a process that looks at films.

JSON and plain bytes. A pickle would let a process that a film has taken over run whatever it likes
in the server.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from hilum.errors import HilumError

__all__ = ["FrameError", "receive", "send"]

_LENGTH = struct.Struct("<I")
_LONGEST_HEAD = 4_000_000


class FrameError(HilumError):
    """What came through the pipe is not a frame."""


def send(pipe: Connection, head: Mapping[str, Any], *blobs: bytes | memoryview) -> None:
    """Send values and bytes.

    Raises:
        OSError: If the other end has gone.
    """
    text = json.dumps({"head": head, "sizes": [len(blob) for blob in blobs]}).encode()
    pipe.send_bytes(b"".join([_LENGTH.pack(len(text)), text, *blobs]))


def receive(pipe: Connection) -> tuple[dict[str, Any], list[bytes]]:
    """Wait for values and bytes.

    Raises:
        EOFError: If the other end has gone.
        FrameError: If what came is not what `send` sends.
        OSError: If the pipe is broken.
    """
    data = memoryview(pipe.recv_bytes())
    try:
        return _parsed(data)
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise FrameError(f"The pipe brought something that is no frame: {error}.") from error


def _parsed(data: memoryview) -> tuple[dict[str, Any], list[bytes]]:
    (length,) = _LENGTH.unpack_from(data)
    if length > _LONGEST_HEAD:
        raise ValueError(f"its head has {length:,} bytes")
    told = json.loads(bytes(data[4 : 4 + length]))
    head, sizes = told["head"], told["sizes"]
    if not isinstance(head, dict) or not _are_sizes(sizes) or 4 + length + sum(sizes) != len(data):
        raise ValueError("its parts do not add up")
    blobs, at = [], 4 + length
    for size in sizes:
        blobs.append(bytes(data[at : at + size]))
        at += size
    return head, blobs


def _are_sizes(sizes: Sequence[object]) -> bool:
    return isinstance(sizes, list) and all(isinstance(n, int) and n >= 0 for n in sizes)
