"""Blanking strips of an image's pixels, for names that are burned in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from hilum.data.reading.dicom_values import DICOM_ERRORS, text, whole
from hilum.errors import DataError

__all__ = ["blank_strips"]


def blank_strips(source: Dataset, clean: Dataset, *, top: int, bottom: int) -> None:
    """Make rows at the edges black in `clean`; its pixels become uncompressed.

    Args:
        source: The image as read, with its file meta information.
        clean: Its de-identified data set, which receives the pixels.
        top: Rows at the upper edge.
        bottom: Rows at the lower edge.

    Raises:
        DataError: If the pixels cannot be decoded, or no row would be left.
    """
    rows = whole(source, "Rows") or 0
    if top + bottom >= rows:
        raise DataError(f"{top} and {bottom} rows cannot be blanked of an image of {rows} rows")
    if text(source, "PhotometricInterpretation") == "PALETTE COLOR":
        raise DataError("images with a colour palette are not blanked; convert it to RGB first")
    try:
        pixels: NDArray[np.generic] = np.array(source.pixel_array)
    except DICOM_ERRORS as error:
        raise DataError(f"its pixels cannot be decoded to be blanked: {error}") from error
    frames = pixels if (whole(source, "NumberOfFrames") or 1) > 1 else pixels[None]
    black = _black(source, frames)
    frames[:, :top] = black
    frames[:, rows - bottom :] = black
    clean.PixelData = frames.tobytes()
    clean["PixelData"].VR = "OW" if frames.dtype.itemsize > 1 else "OB"
    if len(clean.PixelData) % 2:
        clean.PixelData += b"\0"
    if frames.ndim == 4:
        clean.PlanarConfiguration = 0
    if text(source, "PhotometricInterpretation").startswith("YBR"):
        clean.PhotometricInterpretation = "RGB"  # what pydicom decodes to
    clean.file_meta = FileMetaDataset()
    clean.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _black(source: Dataset, frames: NDArray[np.generic]) -> int:
    """Return the stored value that is shown black, of those that the image holds."""
    inverted = text(source, "PhotometricInterpretation") == "MONOCHROME1"
    return int(frames.max() if inverted else frames.min())
