"""The bytes of one file, with the name they go by in messages.

Everything is read into memory once: the same bytes are hashed, recognised and decoded, so a file
that changes while it is read cannot be hashed as one thing and shown as another.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from hilum.errors import ImageReadError

__all__ = ["MAX_FILE_BYTES", "Document", "open_document"]

MAX_FILE_BYTES = 512 * 1024**2
"""Larger files are refused unread; a 12-megapixel uncompressed radiograph has 24 million bytes."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One file in memory and how it is to be decoded.

    Args:
        name: The path, or "<bytes>" or "<file>" where there is none.
        data: The whole file.
        smallest_side: Pixels that the shorter side must keep if decoded smaller; None = full size.
        max_pixels: Most pixels an image may have.
    """

    name: str
    data: bytes
    smallest_side: int | None = None
    max_pixels: int = 100_000_000

    @cached_property
    def sha256(self) -> str:
        """Hash of the file's bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def refusal(self, reason: str) -> ImageReadError:
        """Return the error that refuses this file; the caller raises it."""
        return ImageReadError(self.name, reason)

    def check_size(self, height: int, width: int) -> None:
        """Refuse an image that its header says is empty or too large, before it is decoded.

        Raises:
            ImageReadError: If it has no pixels or more than `max_pixels`.
        """
        if height < 1 or width < 1:
            raise self.refusal(f"expected an image with pixels, got {width} x {height}.")
        if height * width > self.max_pixels:
            raise self.refusal(
                f"expected at most {self.max_pixels:,} pixels, got {width} x {height} = "
                f"{height * width:,}. If the file can be trusted, read it with a larger max_pixels."
            )


def open_document(
    source: str | Path | bytes | BinaryIO, *, smallest_side: int | None, max_pixels: int
) -> Document:
    """Read a path, bytes or an open binary file into memory.

    Raises:
        ImageReadError: If there is nothing there, it cannot be read, it is empty, or it is larger
            than `MAX_FILE_BYTES`.
        TypeError: If `source` is none of these.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, data = "<bytes>", bytes(source)
    elif isinstance(source, (str, Path)):
        name, data = str(source), _read_path(Path(source))
    elif hasattr(source, "read"):
        name, data = _read_file(source)
    else:
        raise TypeError(f"source must be a path, bytes or a binary file, got {type(source)}")
    document = Document(name=name, data=data, smallest_side=smallest_side, max_pixels=max_pixels)
    if not data:
        raise document.refusal("expected an image, got an empty file. Was its copy interrupted?")
    if len(data) > MAX_FILE_BYTES:
        raise document.refusal(_too_large(f"more than {MAX_FILE_BYTES:,}"))
    return document


def _too_large(size: str) -> str:
    return f"expected a file of at most {MAX_FILE_BYTES:,} bytes, got {size}."


def _read_path(path: Path) -> bytes:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ImageReadError(path, "expected an image file, got a folder. Name a file in it.")
        if not stat.S_ISREG(found.st_mode):
            raise ImageReadError(path, "expected a regular file, got a device, pipe or socket.")
        if found.st_size > MAX_FILE_BYTES:
            raise ImageReadError(path, _too_large(f"{found.st_size:,}"))
        with path.open("rb") as file:
            return file.read(found.st_size)
    except FileNotFoundError as error:
        raise ImageReadError(path, "there is no such file. Check the path.") from error
    except PermissionError as error:
        raise ImageReadError(
            path, "this account may not read it. Check its permissions."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise ImageReadError(path, f"the file could not be read: {error}.") from error


def _read_file(file: BinaryIO) -> tuple[str, bytes]:
    given = getattr(file, "name", None)
    name = given if isinstance(given, str) else "<file>"
    try:
        data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: the file is closed
        raise ImageReadError(name, f"the file could not be read: {error}.") from error
    if not isinstance(data, bytes):
        raise TypeError(f"source must be opened in binary mode, got {type(data)} from read()")
    return name, data
