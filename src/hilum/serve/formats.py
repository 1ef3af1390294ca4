"""What kind of file arrives, by its first bytes, before anything else looks at it."""

from __future__ import annotations

from hilum.data.reading.sniff import Format, format_of
from hilum.errors import HilumError

__all__ = ["UnknownFormatError", "recognised"]


class UnknownFormatError(HilumError):
    """The file is of no kind that can hold a film."""


def recognised(head: bytes, size: int) -> Format:
    """Return "png", "jpeg", "webp" or "dicom".

    Args:
        head: The first 256 bytes, or all if there are fewer.
        size: How many there are in all.

    Raises:
        UnknownFormatError: If it is none of them, or empty.
    """
    if size == 0:
        raise UnknownFormatError("Expected a film, got an empty file.")
    found = format_of(head)
    if found is not None:
        return found
    raise UnknownFormatError(
        "Expected a PNG, JPEG, WebP or DICOM file (with its preamble), got something else. "
        "PDF, ZIP and DICOMDIR are not opened: send the films themselves."
    )
