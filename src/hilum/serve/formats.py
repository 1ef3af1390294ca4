"""What kind of file arrives, by its first bytes, before anything else looks at it."""

from __future__ import annotations

from hilum.errors import HilumError

__all__ = ["TYPES", "UnknownFormatError", "recognised"]

TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "dicom": "application/dicom",
}
"""Media types of what is taken."""


class UnknownFormatError(HilumError):
    """The file is of no kind that can hold a film."""


def recognised(head: bytes, size: int) -> str:
    """Return "png", "jpeg", "webp" or "dicom".

    Args:
        head: The first 256 bytes, or all if there are fewer.
        size: How many there are in all.

    Raises:
        UnknownFormatError: If it is none of them, or empty.
    """
    if size == 0:
        raise UnknownFormatError("Expected a film, got an empty file.")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[128:132] == b"DICM":
        return "dicom"
    raise UnknownFormatError(
        "Expected a PNG, JPEG, WebP or DICOM file (with its preamble), got something else. "
        "PDF, ZIP and DICOMDIR are not opened: send the films themselves."
    )
