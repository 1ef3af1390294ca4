"""One radiograph in every form prepares to one picture; and the real films all read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from hilum.data.preprocessing import Preprocessing, prepare
from hilum.data.reading import read_radiograph


def forms(files, grey: np.ndarray) -> dict[str, bytes]:
    """The same picture in every lossless form; it must hold a 0 and a 255."""
    deep = grey.astype(np.uint16) * np.uint16(257)
    twelve = np.rint(grey * (4095 / 255)).astype(np.uint16)
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    mono1 = {"PhotometricInterpretation": "MONOCHROME1"}
    return {
        "16-bit PNG": files.encode(deep),
        "RGB PNG": files.encode(np.dstack([grey] * 3)),
        "RGBA PNG": files.encode(Image.fromarray(grey).convert("RGBA")),
        "8-bit MONOCHROME2": files.dicom(grey),
        "8-bit MONOCHROME1": files.dicom(255 - grey, **mono1),
        "12-bit MONOCHROME2": files.dicom(twelve, bits=12),
        "12-bit MONOCHROME1": files.dicom(4095 - twelve, bits=12, **mono1),
        "12-bit MONOCHROME2 with a window": files.dicom(twelve, bits=12, **window),
        "12-bit MONOCHROME1 with a window": files.dicom(4095 - twelve, bits=12, **mono1, **window),
        "12 bits announced as 16": files.dicom(twelve),
        "16-bit MONOCHROME1": files.dicom(65535 - deep, **mono1),
        "signed": files.dicom(
            twelve.astype(np.int16) - 2048, bits=12, RescaleSlope=1, RescaleIntercept=2048
        ),
    }


def prepared(data: bytes, preprocessing: Preprocessing) -> np.ndarray:
    radiograph = read_radiograph(data, smallest_side=preprocessing.decode_side)
    return prepare(radiograph, preprocessing).astype(int)


PREPARATIONS = [
    Preprocessing(size=64),
    Preprocessing(size=32, top=0.08),
    Preprocessing(size=16, square="pad"),
    Preprocessing(size=160, square="stretch"),
]


@pytest.mark.parametrize("preprocessing", PREPARATIONS, ids=lambda record: f"{record.size}")
def test_every_form_of_one_film_prepares_to_one_picture(
    files, preprocessing: Preprocessing
) -> None:
    grey = files.picture((150, 131))
    expected = prepared(files.encode(grey), preprocessing)
    for name, data in forms(files, grey).items():
        assert np.abs(prepared(data, preprocessing) - expected).max() <= 1, name


@settings(max_examples=40, deadline=None)
@given(
    grey=arrays(np.uint8, st.tuples(st.integers(18, 70), st.integers(18, 70))),
    size=st.integers(16, 40),
)
def test_any_picture_prepares_alike_in_every_form(files, grey: np.ndarray, size: int) -> None:
    grey = grey.copy()
    grey[0, 0], grey[-1, -1] = 0, 255  # a radiograph uses its grey scale
    preprocessing = Preprocessing(size=size)
    expected = prepared(files.encode(grey), preprocessing)
    for name, data in forms(files, grey).items():
        assert np.abs(prepared(data, preprocessing) - expected).max() <= 1, name


def test_compressed_syntaxes_prepare_alike(files) -> None:
    grey = files.picture((120, 100))
    expected = prepared(files.encode(grey), PREPARATIONS[0])
    for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        assert np.array_equal(prepared(files.dicom(grey, syntax=syntax), PREPARATIONS[0]), expected)


def originals(shared_data: Path) -> list[Path]:
    folder = shared_data / "originals"
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        return [folder / row["path"] for row in csv.DictReader(file)]


def test_all_originals_read_whole_and_small(shared_data: Path) -> None:
    paths = originals(shared_data)
    assert len(paths) == 48
    for path in paths:
        whole = read_radiograph(path)
        small = read_radiograph(path, smallest_side=200)
        with Image.open(path) as picture:
            assert whole.shape == whole.full_shape == small.full_shape == picture.size[::-1]
        assert min(small.shape) >= min(200, *whole.shape)
        assert np.ptp(whole.pixels) > 100


def test_originals_have_the_grey_levels_pillow_gives(shared_data: Path) -> None:
    for path in originals(shared_data)[::5]:
        with Image.open(path) as picture:
            expected = np.asarray(picture.convert("RGB").convert("L")).astype(int)
        off = np.abs(read_radiograph(path).pixels - expected)
        assert off.mean() < 0.2, path.name
        assert np.quantile(off, 0.999) <= 1, path.name


def test_originals_prepare_alike_as_png_and_dicom(files, shared_data: Path) -> None:
    for path in originals(shared_data)[::12]:
        grey = read_radiograph(path).pixels.copy()
        grey[0, 0], grey[-1, -1] = 0, 255
        preprocessing = Preprocessing(size=224)
        expected = prepared(files.encode(grey), preprocessing)
        for name, data in forms(files, grey).items():
            assert np.abs(prepared(data, preprocessing) - expected).max() <= 1, (path.name, name)


def test_originals_prepare_nearly_alike_as_png_and_jpeg(shared_data: Path) -> None:
    preprocessing = Preprocessing(size=224)
    for path in originals(shared_data)[::6]:
        grey = Image.fromarray(read_radiograph(path).pixels)
        buffers = io.BytesIO(), io.BytesIO()
        grey.save(buffers[0], format="PNG")
        grey.save(buffers[1], format="JPEG", quality=97)
        png, jpeg = (prepared(buffer.getvalue(), preprocessing) for buffer in buffers)
        assert np.abs(png - jpeg).mean() < 0.5, path.name
        assert np.abs(png - jpeg).max() <= 12, path.name
