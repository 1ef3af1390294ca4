"""Names of our own for pictures, and writing them whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from PIL import Image

__all__ = ["overlay_name", "store_png"]

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_STEM = 60


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


def store_png(picture: Image.Image, path: Path) -> Path:
    """Write a PNG file so that a reader sees all of it or nothing; return its path."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            picture.save(file, format="PNG", compress_level=1)
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
