"""Which format a file is, by its first bytes; its name is not asked.

Radiographs travel under wrong names: PNGs called .jpg, DICOM files called anything. What hilum
cannot read is named, so that its owner knows what to convert.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from hilum.data.reading.document import Document

__all__ = ["Format", "doubt_about_name", "format_of", "sniff"]

Format = Literal["png", "jpeg", "webp", "dicom"]

_SUFFIXES: dict[Format, tuple[str, ...]] = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg", ".jfif", ".jpe"),
    "webp": (".webp",),
    "dicom": (".dcm", ".dicom", ".dic", ".ima"),
}

_UNREADABLE = (
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"II+\0", "a TIFF image"),
    (b"MM\0+", "a TIFF image"),
    (b"BM", "a BMP image"),
    (b"%PDF", "a PDF document"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file outside DICOM"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream outside DICOM"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"NRRD", "an NRRD volume"),
    (b"\x5c\x01\0\0", "a NIfTI volume"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"8BPS", "a Photoshop image"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_BARE_DICOM = (
    b"\x02\0\0\0UL",
    b"\x02\0\x01\0OB",
    b"\x02\0\x02\0UI",
    b"\x08\0\x05\0",
    b"\x08\0\0\0",
)
_TEXT = bytes([*range(9, 14), *range(32, 127)])
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")


def format_of(head: bytes) -> Format | None:
    """Return the format of a file that begins with some bytes; None if it is none of the four.

    A DICOM file may begin with 128 bytes of anything, a program or a picture included; they are
    not looked at.

    >>> format_of(b"GIF89a") is None
    True

    Args:
        head: The first 132 bytes or more; all if there are fewer.
    """
    if head[128:132] == b"DICM":
        return "dicom"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return None


def sniff(document: Document) -> Format:
    """Return the format of a file.

    Raises:
        ImageReadError: If it is none of the four formats; the message says what it seems to be.
    """
    data = document.data
    found = format_of(data)
    if found is not None:
        return found
    raise document.refusal(
        f"expected a PNG, JPEG, WebP or DICOM file, got {_describe(data)}. {_remedy(data)}"
    )


def doubt_about_name(name: str, found: Format) -> str | None:
    """Return a warning if a file's name promises another format than `found`."""
    suffix = PurePath(name).suffix.lower()
    promised = [kind for kind, suffixes in _SUFFIXES.items() if suffix in suffixes]
    if promised and promised[0] != found:
        return f"The file is named {suffix} but is {found.upper()}; it was read as {found.upper()}."
    return None


def _describe(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "a HEIC or AVIF image"
    if data.startswith(_BARE_DICOM):
        return "what looks like DICOM without its 128-byte preamble and file meta information"
    for magic, what in _UNREADABLE:
        if data.startswith(magic):
            return what
    if not data.strip(b"\0"):
        return f"{len(data):,} zero bytes"
    if not data[:512].translate(None, _TEXT):
        return "HTML, XML or SVG text" if data.lstrip().startswith(b"<") else "plain text"
    return f"{len(data):,} bytes of no known format, beginning with {data[:8].hex(' ')}"


def _remedy(data: bytes) -> str:
    if data.startswith(_BARE_DICOM):
        return "Save it as a DICOM file (part 10), for example with dcmconv."
    if not data.strip(b"\0"):
        return "Was its copy interrupted?"
    return "Export the radiograph as DICOM or PNG."
