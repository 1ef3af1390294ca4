"""What screening shows a network is, bit for bit, what the cache showed it in training."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import Bundle
from hilum.screening.screener import Screener

Draw = Callable[..., Any]
RECORDS = (
    Preprocessing(size=32),
    Preprocessing(size=48, top=0.08, equalization="histogram"),
    Preprocessing(size=64, square="pad", equalization="clahe"),
)


def raster(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format=kind, **options)
    return stream.getvalue()


def dicom(pixels: np.ndarray, photometric: str) -> bytes:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    made.SOPClassUID, made.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    made.Modality, made.PatientID, made.PresentationIntentType = "DX", "A", "FOR PRESENTATION"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, photometric
    made.Rows, made.Columns = pixels.shape
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PixelData = pixels.astype("<u2").tobytes()
    made["PixelData"].VR = "OW"
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path, chest: Draw) -> Path:
    """One film in every format, larger by far than what is prepared of it."""
    grey = chest(613, 541)
    picture, deep = Image.fromarray(grey), grey.astype(np.uint16) * 16
    films = {
        "grey.png": raster(picture, "PNG"),
        "rgba.png": raster(picture.convert("RGBA"), "PNG"),
        "deep.png": raster(Image.fromarray(deep), "PNG"),
        "grey.jpg": raster(picture, "JPEG", quality=90),
        "colour.jpg": raster(picture.convert("RGB"), "JPEG", quality=80),
        "progressive.jpg": raster(picture, "JPEG", progressive=True),
        "film.webp": raster(picture.convert("RGB"), "WEBP", quality=90),
        "film.dcm": dicom(deep, "MONOCHROME2"),
        "inverted.dcm": dicom(4095 - deep, "MONOCHROME1"),
    }
    place = tmp_path / "films"
    place.mkdir()
    for name, data in films.items():
        (place / name).write_bytes(data)
    return place


@pytest.mark.parametrize("preprocessing", RECORDS, ids=lambda record: str(record.size))
def test_the_cache_and_the_screener_prepare_every_format_alike(
    folder: Path, tmp_path: Path, make_bundle: Callable[..., Bundle], preprocessing: Preprocessing
) -> None:
    paths = sorted(folder.iterdir())
    manifest = Manifest.from_paths([path.name for path in paths], root=folder)
    report = build_cache(manifest, preprocessing, tmp_path / "cache", workers=1)
    cache = PreparedCache.open(tmp_path / "cache")
    trained_on = cache.images(cache.locate(manifest))
    bundle = make_bundle(preprocessing=preprocessing)
    screener = Screener(bundle, wait=False)
    assert not report.failed
    for path, seen in zip(paths, trained_on, strict=True):
        for source in (path, path.read_bytes()):
            assert np.array_equal(screener.read(source)[1], seen), path.name


def test_a_jpeg_is_really_decoded_at_a_reduced_scale_in_both(folder: Path) -> None:
    from hilum.data.reading import read_radiograph

    film = read_radiograph(folder / "grey.jpg", smallest_side=RECORDS[1].decode_side)
    assert film.full_shape == (613, 541)
    assert film.shape == (77, 68)


def test_real_films_are_prepared_alike(
    shared_data: Path, tmp_path: Path, make_bundle: Callable[..., Bundle]
) -> None:
    films = sorted((shared_data / "originals").rglob("*.*"))
    kinds = {".png": 4, ".jpg": 4, ".jpeg": 3, ".webp": 2}
    paths = [path for end, count in kinds.items()
             for path in [film for film in films if film.suffix == end][:count]]  # fmt: skip
    preprocessing = Preprocessing(size=224, top=0.08, equalization="histogram")
    manifest = Manifest.from_paths(paths)
    build_cache(manifest, preprocessing, tmp_path / "cache", workers=1)
    cache = PreparedCache.open(tmp_path / "cache")
    screener = Screener(make_bundle(preprocessing=preprocessing), wait=False)
    assert len(paths) == sum(kinds.values())
    for path, seen in zip(paths, cache.images(cache.locate(manifest)), strict=True):
        assert np.array_equal(screener.read(path)[1], seen), path.name
