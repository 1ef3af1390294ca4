"""The stored values of the one frame in a DICOM file, before any of them has a meaning as grey."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import UID

from hilum.data.reading.codestream import read_codestream
from hilum.data.reading.dicom_syntax import OWN, Syntax
from hilum.data.reading.dicom_values import DICOM_ERRORS, binary, text, whole
from hilum.data.reading.document import Document
from hilum.data.reading.jpeg_lossless import decode_lossless_jpeg

__all__ = ["decode_frame"]


def decode_frame(dataset: Dataset, syntax: Syntax, document: Document) -> NDArray[Any]:
    """Decode the pixels of an admitted data set.

    Returns:
        Stored values (rows, columns) of 8 or 16 bits, signed or not; or uint8 RGB
        (rows, columns, 3).

    Raises:
        ImageReadError: If the pixel data is damaged, cut short, of another size than announced, or
            needs a decoder that is not installed.
    """
    if syntax.decoder:
        decoder = _check_compressed(dataset, syntax, document)
    else:
        decoder = ""
        _check_length(dataset, document)
    try:
        if decoder == OWN:
            pixels = _lossless(dataset)
        else:
            decode = get_decoder(UID(syntax.uid)).as_array
            pixels, _ = decode(dataset, index=0, decoding_plugin=decoder)
    except DICOM_ERRORS as error:
        raise document.refusal(
            f"its pixel data ({syntax.name}) cannot be decoded; is it cut short? {error}."
        ) from error
    expected = (whole(dataset, "Rows"), whole(dataset, "Columns"))
    if pixels.shape[:2] != expected or pixels.shape[2:] not in ((), (3,)):
        raise document.refusal(f"expected pixels of shape {expected}, got {pixels.shape}.")
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _lossless(dataset: Dataset) -> NDArray[Any]:
    """Decode lossless JPEG without pydicom, to what its plug-ins would give."""
    frame = get_frame(binary(dataset, "PixelData"), 0, number_of_frames=1)
    samples: NDArray[Any] = decode_lossless_jpeg(frame)
    if whole(dataset, "BitsAllocated") == 8:
        samples = samples.astype(np.uint8)
    if whole(dataset, "PixelRepresentation"):
        samples = samples.view(f"i{samples.dtype.itemsize}")
    photometric = text(dataset, "PhotometricInterpretation")
    if samples.ndim == 3 and photometric.startswith("YBR_FULL"):
        samples = convert_color_space(samples, photometric, "RGB")
    return samples


def _check_length(dataset: Dataset, document: Document) -> None:
    """Compare the length of uncompressed grey pixels with their announced size."""
    if whole(dataset, "SamplesPerPixel") != 1:
        return  # pydicom knows how sub-sampled colour is laid out
    rows, columns, bits = (whole(dataset, k) or 0 for k in ("Rows", "Columns", "BitsAllocated"))
    expected = rows * columns * bits // 8
    found = len(binary(dataset, "PixelData"))
    if found not in (expected, expected + expected % 2):
        raise document.refusal(
            f"expected {expected:,} bytes of pixel data for {columns} x {rows} pixels of {bits} "
            f"bits, got {found:,}. The file is damaged or cut short."
        )


def _check_compressed(dataset: Dataset, syntax: Syntax, document: Document) -> str:
    """Compare the compressed picture with its announced size; return the decoder to use."""
    try:
        frame = get_frame(binary(dataset, "PixelData"), 0, number_of_frames=1)
        if not syntax.has_codestream:
            _check_expansion(dataset, len(frame))
            return syntax.decoder
        picture = read_codestream(frame)
    except DICOM_ERRORS as error:
        raise document.refusal(
            f"its pixel data ({syntax.name}) is damaged or cut short: {error}."
        ) from error
    announced = tuple(whole(dataset, name) for name in ("Rows", "Columns", "SamplesPerPixel"))
    found = (picture.rows, picture.columns, picture.components)
    if found != announced:
        raise document.refusal(
            f"expected rows, columns and samples {announced} as its header says, "
            f"got {found} in the compressed picture."
        )
    if picture.bits > (whole(dataset, "BitsAllocated") or 0):
        raise document.refusal(
            f"expected at most {whole(dataset, 'BitsAllocated')} bits a sample, "
            f"got {picture.bits} in the compressed picture."
        )
    decoder = syntax.for_bits(picture.bits)
    if not decoder:
        raise document.refusal(
            f"its pixels are {syntax.name} of {picture.bits} bits, for which no decoder is "
            "installed. Convert it to Explicit VR Little Endian, for example with dcmdjpeg, or "
            "install pylibjpeg-libjpeg, whose licence (GPL) hilum does not impose on you."
        )
    return decoder


def _check_expansion(dataset: Dataset, length: int) -> None:
    """Refuse run-length data far longer than the image it would encode."""
    rows, columns, bits, samples = (
        whole(dataset, name) or 0
        for name in ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel")
    )
    largest = 2 * rows * columns * samples * bits // 8 + 64 + 2 * rows
    if length > largest:
        raise ValueError(f"expected at most {largest:,} bytes of run-length data, got {length:,}")
