"""Radiographs in every form hilum reads, made on the spot."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

_ENCODERS = {
    JPEG2000Lossless: "pylibjpeg",
    JPEGLSLossless: "pyjpegls",
    RLELossless: "pydicom",
}


def picture(shape: tuple[int, int] = (96, 80), *, seed: int = 3) -> np.ndarray:
    """A smooth grey picture that uses every level from 0 to 255, uint8."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 5), dtype=np.uint8))
    smooth = np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC), dtype=np.float64)
    return np.rint(255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def encode(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Pixels as the bytes of a PNG, JPEG or WebP file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def dataset(pixels: np.ndarray, *, bits: int | None = None, **values: Any) -> Dataset:
    """A DX data set around stored values; `values` are DICOM keywords, None removes one."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    made = Dataset()
    made.file_meta = meta
    made.SOPClassUID = DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = "1.2.3.4"
    made.Modality = "DX"
    made.PresentationIntentType = "FOR PRESENTATION"
    made.PatientID = "A-17"
    made.BodyPartExamined = "CHEST"
    made.ViewPosition = "PA"
    made.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    made.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        made.PlanarConfiguration = 0
    made.Rows, made.Columns = pixels.shape[:2]
    made.BitsAllocated = pixels.dtype.itemsize * 8
    made.BitsStored = bits or made.BitsAllocated
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OB" if made.BitsAllocated == 8 else "OW"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # absurd values are the point of some tests
        for keyword, value in values.items():
            if value is None:
                delattr(made, keyword)
            else:
                setattr(made, keyword, value)
    return made


def save(made: Dataset) -> bytes:
    """The bytes of a data set as a DICOM file."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom(
    pixels: np.ndarray,
    *,
    syntax: str = ExplicitVRLittleEndian,
    bits: int | None = None,
    **values: Any,
) -> bytes:
    """Stored values as the bytes of a DX file in a transfer syntax."""
    made = dataset(pixels, bits=bits, **values)
    if syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        made.file_meta.TransferSyntaxUID = syntax
    elif syntax == ExplicitVRBigEndian:
        made.file_meta.TransferSyntaxUID = syntax
        made.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    elif syntax == JPEGBaseline8Bit:
        made.PixelData = encapsulate([encode(pixels, "JPEG", quality=95)])
        made["PixelData"].VR = "OB"
        made.file_meta.TransferSyntaxUID = syntax
    elif syntax == JPEGLSNearLossless:
        made.compress(syntax, jls_error=2, encoding_plugin="pyjpegls", generate_instance_uid=False)
    elif syntax == JPEG2000:
        made.compress(
            syntax, j2k_psnr=[60], encoding_plugin="pylibjpeg", generate_instance_uid=False
        )
    else:
        made.compress(syntax, encoding_plugin=_ENCODERS[syntax], generate_instance_uid=False)
    return save(made)


class Files:
    """The makers above, as one fixture."""

    picture = staticmethod(picture)
    encode = staticmethod(encode)
    dataset = staticmethod(dataset)
    save = staticmethod(save)
    dicom = staticmethod(dicom)


@pytest.fixture(scope="session")
def files() -> type[Files]:
    """Makers of pictures and of files that hold them."""
    return Files
