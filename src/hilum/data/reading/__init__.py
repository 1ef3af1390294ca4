"""From a file's bytes to a Radiograph: PNG, JPEG, WebP and DICOM.

One function; everything that reads pixels in this package goes through it. The readers declare
what they recognise by magic bytes, so a file's name does not matter, and pydicom is imported only
when the bytes are DICOM.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from hilum.data.preprocessing import to_uint8
from hilum.data.radiograph import Radiograph
from hilum.data.reading.boundary import quiet_decoders
from hilum.data.reading.document import Document, open_document
from hilum.data.reading.scale import Grey, reduce, reduction
from hilum.data.reading.sniff import doubt_about_name, sniff

__all__ = ["read_radiograph"]


def read_radiograph(
    source: str | Path | bytes | BinaryIO,
    *,
    smallest_side: int | None = None,
    max_pixels: int = 100_000_000,
) -> Radiograph:
    """Read one radiograph, upright, grey, and brighter where it is denser.

    Args:
        source: A path, the bytes of a file, or an open binary file.
        smallest_side: Pixels the shorter side must keep. If given, the image may be read at 1/2,
            1/4 or 1/8 of its size, in 8 bits, which is much faster for JPEG; None reads every pixel
            at its own depth.
        max_pixels: Most pixels an image may have; judged from its header, before decoding.

    Returns:
        The radiograph, with what was done to it and what looks doubtful.

    Raises:
        ImageReadError: If the file is missing, damaged, cut short, too large, animated, of another
            format, or of a kind that is no plain radiograph (CT, several frames, FOR PROCESSING).
        ValueError: If `smallest_side` or `max_pixels` is below 1.
        TypeError: If `source` is no path, bytes or binary file.
    """
    if max_pixels < 1 or (smallest_side is not None and smallest_side < 1):
        raise ValueError(
            f"smallest_side and max_pixels must be at least 1, got {smallest_side} and {max_pixels}"
        )
    document = open_document(source, smallest_side=smallest_side, max_pixels=max_pixels)
    with quiet_decoders():
        radiograph = _shrink(_read(document), smallest_side)
    doubts = [*radiograph.warnings]
    if wrong_name := doubt_about_name(document.name, radiograph.format):
        doubts.append(wrong_name)
    lowest, highest = int(radiograph.pixels.min()), int(radiograph.pixels.max())
    if lowest == highest:
        doubts.append(f"The picture is empty: every pixel has the value {lowest}.")
    return replace(radiograph, warnings=tuple(doubts))


def _read(document: Document) -> Radiograph:
    kind = sniff(document)
    if kind == "dicom":
        from hilum.data.reading.dicom import read_dicom

        return read_dicom(document)
    from hilum.data.reading.raster import read_raster

    return read_raster(document, kind)


def _shrink(radiograph: Radiograph, smallest_side: int | None) -> Radiograph:
    """Reduce a radiograph as a JPEG decoder would have; one that was decoded small stays."""
    factor = reduction(radiograph.full_shape, smallest_side)
    if factor == 1:
        return radiograph
    pixels: Grey = radiograph.pixels
    white = radiograph.white
    if radiograph.shape == radiograph.full_shape:
        pixels, white = reduce(to_uint8(radiograph), factor), 255
    spacing = radiograph.spacing_mm
    if spacing is not None:
        spacing = spacing[0] * factor, spacing[1] * factor
    return replace(
        radiograph,
        pixels=pixels,
        white=white,
        spacing_mm=spacing,
        history=(*radiograph.history, f"read at 1/{factor} of its size"),
    )
