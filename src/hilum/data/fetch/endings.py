"""Whether an image file is whole, told by its first and last bytes.

A download that stops early leaves a file that opens, shows the upper part of a film, and is grey
below. Formats mark their end; looking for the mark is a thousand times faster than decoding.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["image_fault"]

_TAIL = 1024
_LONG_TAIL = 65_536
_PAGES = (b"<!doctype", b"<html", b"<?xml")
_POINTER = b"version https://git-lfs"


def image_fault(path: Path) -> str:
    """Say what is wrong with an image file; an empty text if nothing is seen.

    Args:
        path: A PNG, JPEG, WebP or DICOM file, as its bytes say, whatever it is called.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
            return _fault(head, size, file.fileno())
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"


def _fault(head: bytes, size: int, handle: int) -> str:
    if head.startswith(b"\x89PNG"):
        return _ends(handle, size, b"IEND", "PNG without its end")
    if head.startswith(b"\xff\xd8"):
        return _ends(handle, size, b"\xff\xd9", "JPEG without its end")
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        whole = int.from_bytes(head[4:8], "little") + 8
        return "" if size >= whole else f"is cut off: a WebP of {size:,} of {whole:,} bytes"
    return "" if head[128:132] == b"DICM" else _stranger(head)


def _stranger(head: bytes) -> str:
    """Say what a file is that begins like no image."""
    start = head.lstrip().lower()
    if not head:
        return "is empty"
    if start.startswith(_PAGES):
        return "is a web page, not an image: a login, or a notice"
    if start.startswith(_POINTER):
        return "is a pointer to a file that Git LFS keeps; run `git lfs pull`"
    if not any(head):
        return "begins with zeros only: the download stopped, or the disk was full"
    return "is no PNG, JPEG, WebP or DICOM file"


def _ends(handle: int, size: int, mark: bytes, what: str) -> str:
    for length in (_TAIL, _LONG_TAIL):
        if mark in os.pread(handle, length, max(0, size - length)):
            return ""
    return f"is cut off: a {what}"
