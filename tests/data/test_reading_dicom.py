"""DICOM radiographs: every transfer syntax, and what the file says of itself."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import gdcm
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from hilum.data.reading import read_radiograph

_EXACT = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
    JPEGLSLossless,
    JPEG2000Lossless,
]


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", _EXACT, ids=lambda uid: uid.keyword)
def test_a_lossless_syntax_gives_the_stored_values_back(files, syntax: str, bits: int) -> None:
    stored = np.rint(files.picture() * ((2**bits - 1) / 255))
    stored = stored.astype(np.uint8 if bits == 8 else np.uint16)
    radiograph = read_radiograph(files.dicom(stored, syntax=syntax, bits=bits))
    assert radiograph.white == 2**bits - 1
    assert np.array_equal(radiograph.pixels, stored)
    assert radiograph.format == "dicom"
    assert radiograph.facts["TransferSyntaxUID"] == syntax


@pytest.mark.parametrize(
    ("syntax", "off"),
    [(JPEGBaseline8Bit, 6), (JPEGLSNearLossless, 2), (JPEG2000, 6)],
    ids=["JPEG", "JPEG-LS", "JPEG2000"],
)
def test_a_lossy_syntax_gives_nearly_the_stored_values(files, syntax: str, off: int) -> None:
    radiograph = read_radiograph(files.dicom(files.picture(), syntax=syntax))
    assert np.abs(radiograph.pixels.astype(int) - files.picture()).max() <= off


@pytest.fixture(params=["gdcm", "hilum"])
def lossless_decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lossless JPEG by GDCM, and as where GDCM is not installed."""
    if request.param == "hilum":
        found = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name == "gdcm" else found(name)
        )
    return request.param


@pytest.mark.parametrize("kind", ["8", "12", "16", "signed 12", "rgb"])
def test_jpeg_lossless_gives_the_stored_values_back(
    files, tmp_path: Path, lossless_decoder: str, kind: str
) -> None:
    bits = int(kind.rsplit(maxsplit=1)[-1]) if kind != "rgb" else 8
    stored = np.rint(files.picture() * ((2**bits - 1) / 255))
    stored = stored.astype(np.uint8 if bits == 8 else np.uint16)
    if kind == "rgb":
        stored = np.dstack([stored, stored, stored])
    if kind == "signed 12":
        stored = stored.astype(np.int16) - 2048
    plain, packed = tmp_path / "plain.dcm", tmp_path / "packed.dcm"
    plain.write_bytes(files.dicom(stored, bits=bits))
    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(packed))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    radiograph = read_radiograph(packed)
    assert radiograph.facts["TransferSyntaxUID"] == "1.2.840.10008.1.2.4.70"
    expected = read_radiograph(plain)
    assert np.array_equal(radiograph.pixels, expected.pixels)
    assert radiograph.white == expected.white
    if kind in {"8", "12", "16"}:
        assert np.array_equal(radiograph.pixels, stored)


_BUNDLED = [
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "CT_small.dcm",
    "JPEG2000.dcm",
    "693_J2KI.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
]


def _as_radiograph(name: str, **values: object) -> bytes:
    """A file that ships inside pydicom, with its modality changed to CR and its VOI taken out."""
    made = dcmread(get_testdata_file(name, download=False))
    made.Modality = "CR"
    made.NumberOfFrames = 1
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept",
                    "PixelPaddingValue", "PixelPaddingRangeLimit"):  # fmt: skip
        if keyword in made:
            delattr(made, keyword)
    for keyword, value in values.items():
        setattr(made, keyword, value)
    buffer = io.BytesIO()
    made.save_as(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", _BUNDLED)
def test_files_of_other_makers_decode_to_the_values_pydicom_gives(name: str) -> None:
    data = _as_radiograph(name)
    stored = dcmread(io.BytesIO(data)).pixel_array.astype(np.float64)
    radiograph = read_radiograph(data)
    levels = radiograph.pixels.astype(np.float64)
    assert np.corrcoef(levels.ravel(), stored.ravel())[0, 1] > 0.999999
    if stored.min() >= 0 and int(dcmread(io.BytesIO(data)).PixelRepresentation) == 0:
        assert np.array_equal(levels, stored)


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_gdcm.dcm",  # JPEG lossless
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_rle.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_colour_files_are_turned_grey_with_a_warning(name: str) -> None:
    data = _as_radiograph(name)
    red, green, blue = np.moveaxis(dcmread(io.BytesIO(data)).pixel_array.astype(float), -1, 0)
    radiograph = read_radiograph(data)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(radiograph.pixels - luma).mean() < 1.5
    assert float(radiograph.facts["colourfulness"]) > 50
    assert "coloured" in radiograph.warnings[0]


def test_grey_saved_as_rgb_reads_like_grey(files) -> None:
    grey = files.picture()
    radiograph = read_radiograph(files.dicom(np.dstack([grey] * 3)))
    assert np.array_equal(radiograph.pixels, grey)
    assert not radiograph.warnings


def test_signed_values_without_a_window_fill_the_whole_range(files) -> None:
    stored = np.array([[-2048, 0], [1000, 2047]], np.int16)
    radiograph = read_radiograph(files.dicom(stored, bits=12))
    assert radiograph.pixels.tolist() == [[0, 32776], [48779, 65535]]  # (v + 2048) / 4095 of white


def test_signed_values_that_are_never_negative_read_like_unsigned_ones(files) -> None:
    stored = files.picture().astype(np.int16) * 8
    radiograph = read_radiograph(files.dicom(stored, bits=12))
    assert radiograph.white == 4095
    assert np.array_equal(radiograph.pixels, stored)


def test_facts_are_plain_single_lines(files) -> None:
    made = files.dataset(
        files.picture(),
        SpecificCharacterSet="ISO_IR 192",
        PatientID="A\x1b[31m\n17\u202e",
        PatientSex="F",
        PatientAge="045Y",
        Manufacturer="x" * 64,
        StudyDate="20200402",
    )
    facts = read_radiograph(files.save(made)).facts
    assert facts["PatientID"] == "A[31m17"
    assert (facts["PatientSex"], facts["PatientAge"]) == ("F", "045Y")
    assert (facts["StudyDate"], facts["Modality"]) == ("20200402", "DX")
    assert all(type(value) is str and value.isprintable() for value in facts.values())
    assert "BurnedInAnnotation" not in facts  # absent is not NO


@pytest.mark.parametrize(
    ("values", "spacing", "kind"),
    [
        ({}, None, None),
        ({"PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "calibrated"),
        ({"ImagerPixelSpacing": [0.15, 0.15]}, (0.15, 0.15), "detector"),
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.1, 0.1]}, (0.2, 0.2), "calibrated"),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.1, 0.1]}, (0.1, 0.1), "detector"),
    ],
)
def test_spacing_names_its_source(files, values: dict, spacing: object, kind: object) -> None:
    radiograph = read_radiograph(files.dicom(files.picture(), **values))
    assert (radiograph.spacing_mm, radiograph.spacing_kind) == (spacing, kind)


def test_spacing_grows_when_the_image_is_reduced(files) -> None:
    data = files.dicom(files.picture((96, 80)), PixelSpacing=[0.2, 0.2])
    radiograph = read_radiograph(data, smallest_side=20)
    assert radiograph.shape == (24, 20)
    assert radiograph.full_shape == (96, 80)
    assert radiograph.spacing_mm == pytest.approx((0.8, 0.8))


def test_senseless_and_unequal_spacings_are_warnings(files) -> None:
    senseless = read_radiograph(files.dicom(files.picture(), PixelSpacing=[-1, 1]))
    assert "no pair of positive lengths" in senseless.warnings[0]
    unequal = read_radiograph(files.dicom(files.picture(), PixelSpacing=[0.1, 0.2]))
    assert "not square (0.1 x 0.2 mm)" in unequal.warnings[0]


@pytest.mark.parametrize(
    ("code", "view"),
    [
        ("PA", "PA"),
        ("AP", "AP"),
        ("LL", "LATERAL"),
        ("LATERAL", "LATERAL"),
        ("LLD", "LLD"),
        ("", None),
    ],
)
def test_the_view_is_as_recorded(files, code: str, view: str | None) -> None:
    radiograph = read_radiograph(files.dicom(files.picture(), ViewPosition=code))
    assert radiograph.view == view
    assert any("lateral" in text for text in radiograph.warnings) == (view == "LATERAL")


def test_the_view_may_come_from_its_code_sequence(files) -> None:
    item = Dataset()
    item.CodeMeaning = "Postero-anterior"
    data = files.dicom(files.picture(), ViewPosition=None, ViewCodeSequence=[item])
    assert read_radiograph(data).view == "PA"


def test_another_body_part_and_burned_in_text_are_warnings(files) -> None:
    data = files.dicom(files.picture(), BodyPartExamined="HAND", BurnedInAnnotation="YES")
    first, second = read_radiograph(data).warnings
    assert "recorded as HAND, not CHEST" in first
    assert "burned in" in second


@pytest.mark.parametrize(
    "preamble",
    [
        b"MZ\x90\0",
        b"\x7fELF\x02\x01",
        b"II*\0\x08\0\0\0",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"%PDF-1.7",
    ],
)
def test_what_stands_in_the_preamble_has_no_consequence(files, preamble: bytes) -> None:
    data = files.dicom(files.picture())
    forged = preamble.ljust(128, b"A") + data[128:]
    assert np.array_equal(read_radiograph(forged).pixels, files.picture())
    assert read_radiograph(forged).facts == read_radiograph(data).facts


def test_an_odd_number_of_bytes_may_be_padded_to_even(files) -> None:
    odd = files.picture((31, 33))
    data = files.dicom(odd, PixelData=odd.tobytes() + b"\0")
    assert np.array_equal(read_radiograph(data).pixels, odd)


def test_junk_in_unused_bits_is_left_out(files) -> None:
    stored = files.picture().astype(np.uint16) * 16
    radiograph = read_radiograph(files.dicom(stored | 0xF000, bits=12))
    assert np.array_equal(radiograph.pixels, stored)


def test_unknown_character_sets_and_damaged_values_do_not_stop_reading(files) -> None:
    data = files.dicom(files.picture(), SpecificCharacterSet="ISO_IR 100")
    data = data.replace(b"ISO_IR 100", b"ISO_IR 999").replace(b"A-17", b"\xff\xfe\x81\x20")
    assert np.array_equal(read_radiograph(data).pixels, files.picture())
