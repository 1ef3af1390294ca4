"""DICOM files that pydicom accepts without complaint and hilum does not."""

from __future__ import annotations

import io
import sys
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    RLELossless,
)

from hilum.data.reading import read_radiograph
from hilum.data.reading.codestream import read_codestream
from hilum.errors import ImageReadError


def bundled(name: str) -> bytes:
    """A file that ships inside pydicom."""
    with open(get_testdata_file(name, download=False), "rb") as file:  # noqa: PTH123
        return file.read()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CT_small.dcm", r"Modality CR, DX or RG, got CT \(computed tomography\)"),
        ("MR_small.dcm", "got MR"),
        ("examples_rgb_color.dcm", r"got US \(ultrasound\)"),
        ("rtplan.dcm", "got RTPLAN"),
        ("test-SR.dcm", r"got SR \(a structured report\)"),
        ("waveform_ecg.dcm", "got ECG"),
        ("SC_rgb_rle.dcm", r"got OT \(other\)"),
        ("image_dfl.dcm", r"Deflated .* is refused, because a small deflated file"),
        ("DICOMDIR", "got a DICOMDIR, which lists files"),
        ("meta_missing_tsyntax.dcm", "expected a Transfer Syntax UID"),
        ("ExplVR_LitEndNoMeta.dcm", "DICOM without its 128-byte preamble"),
    ],
)
def test_what_is_no_radiograph_is_refused_by_name(name: str, said: str) -> None:
    with pytest.raises(ImageReadError, match=said):
        read_radiograph(bundled(name))


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "NM", "PT", "XA", "RF", "PX", "OT"])
def test_other_modalities_are_refused(files, modality: str) -> None:
    with pytest.raises(ImageReadError, match=f"got {modality} "):
        read_radiograph(files.dicom(files.picture(), Modality=modality))


@pytest.mark.parametrize("modality", ["CR", "DX", "RG"])
def test_radiography_is_accepted(files, modality: str) -> None:
    assert read_radiograph(files.dicom(files.picture(), Modality=modality)).shape == (96, 80)


def test_a_missing_modality_is_accepted_only_with_a_radiography_class(files) -> None:
    assert read_radiograph(files.dicom(files.picture(), Modality=None)).shape == (96, 80)
    other = files.dicom(files.picture(), Modality=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    with pytest.raises(ImageReadError, match="got none"):
        read_radiograph(other)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"PresentationIntentType": "FOR PROCESSING"},
            "got one FOR PROCESSING: the detector's raw",
        ),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1"}, "got one FOR PROCESSING"),
        ({"NumberOfFrames": 2}, "expected one frame, got 2"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "got PALETTE COLOR with 1"),
        ({"PhotometricInterpretation": "RGB"}, "got RGB with 1"),
        ({"PhotometricInterpretation": None}, "got no photometric interpretation with 1"),
        ({"SamplesPerPixel": 4}, "got MONOCHROME2 with 4"),
        ({"BitsAllocated": 32}, "8 or 16 bits allocated .*, got 32"),
        ({"BitsAllocated": 1}, "8 or 16 bits allocated .*, got 1"),
        ({"BitsStored": 12}, "1 to 8 bits stored, got 12"),
        ({"BitsStored": 0}, "1 to 8 bits stored, got 0"),
        ({"HighBit": 3}, "high bit to be 7 with 8 bits stored, got 3"),
        ({"PixelRepresentation": 2}, "pixel representation of 0 or 1, got 2"),
        ({"Rows": 0}, "expected an image with pixels, got 80 x 0"),
        ({"Columns": None}, "expected an image with pixels, got 0 x 96"),
        ({"Rows": 65535, "Columns": 65535}, "got 65535 x 65535 = 4,294,836,225"),
        ({"Rows": 97}, "expected 7,760 bytes of pixel data for 80 x 97 .*, got 7,680"),
        ({"Rows": 90}, "expected 7,200 bytes of pixel data .*, got 7,680"),
        ({"PixelData": None}, "expected pixel data, got none"),
        ({"PixelData": b""}, "expected 7,680 bytes of pixel data .*, got 0"),
        ({"RescaleSlope": 0}, "rescale slope between 1e-06 and 1e.06, got 0"),
        ({"RescaleSlope": "1e300"}, r"rescale slope .*, got 1e\+300"),
        ({"RescaleSlope": "NaN"}, "rescale slope .*, got nan"),
        ({"RescaleIntercept": "inf"}, "rescale intercept .*, got inf"),
    ],
)
def test_absurd_headers_are_refused(files, values: dict[str, object], said: str) -> None:
    with pytest.raises(ImageReadError, match=said):
        read_radiograph(files.dicom(files.picture(), **values))


def test_floating_point_pixels_are_refused(files) -> None:
    made = files.dataset(files.picture(), PixelData=None)
    made.FloatPixelData = np.full((96, 80), np.nan, np.float32).tobytes()
    with pytest.raises(ImageReadError, match="whole-number pixel data, got floating point"):
        read_radiograph(files.save(made))


def test_constant_pixels_are_read_with_a_warning(files) -> None:
    radiograph = read_radiograph(files.dicom(np.full((40, 40), 500, np.uint16), bits=12))
    assert "every pixel has the value 500" in radiograph.warnings[-1]


def _deflated(files, monkeypatch: pytest.MonkeyPatch, uid: str) -> bytes:
    def inflate(*_args: object, **_options: object) -> None:
        raise AssertionError("inflated before it was refused")

    monkeypatch.setattr("pydicom.filereader.zlib.decompress", inflate)
    monkeypatch.setattr("pydicom.filereader.zlib.decompressobj", inflate)
    made = files.dataset(files.picture())
    data = files.save(made)
    plain = ExplicitVRLittleEndian.encode().ljust(20, b"\0")
    head = data.index(plain)
    return data[: head - 2] + len(uid).to_bytes(2, "little") + uid.encode() + data[head + 20 :]


def test_a_deflated_file_is_refused_before_anything_is_inflated(files, monkeypatch) -> None:
    data = _deflated(files, monkeypatch, "1.2.840.10008.1.2.1.99")
    with pytest.raises(ImageReadError, match="small deflated file can unfold to gigabytes"):
        read_radiograph(data)


@pytest.mark.parametrize(
    ("uid", "said"),
    [
        ("1.2.840.10008.1.2.4.100", "MPEG2 .* is not read"),
        ("1.2.840.10008.1.2.4.94", "JPIP .* is not read"),
        ("1.2.3.4.5.6", r"1\.2\.3\.4\.5\.6.* is not read"),
    ],
)
def test_other_transfer_syntaxes_are_refused_by_name(files, uid: str, said: str) -> None:
    data = files.dicom(files.picture())
    plain = ExplicitVRLittleEndian.encode().ljust(20, b"\0")
    head = data.index(plain)
    padded = uid.encode() + b"\0" * (len(uid) % 2)
    forged = data[: head - 2] + len(padded).to_bytes(2, "little") + padded + data[head + 20 :]
    with pytest.raises(ImageReadError, match=said):
        read_radiograph(forged)


def test_twelve_bit_jpeg_names_its_syntax_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    made = dcmread(get_testdata_file("JPGExtended.dcm", download=False))
    made.Modality = "CR"
    buffer = io.BytesIO()
    made.save_as(buffer)
    with pytest.raises(ImageReadError, match=r"JPEG Extended .* of 12 bits, for which no decoder"):
        read_radiograph(buffer.getvalue())


def test_eight_bit_extended_jpeg_is_read(files) -> None:
    made = files.dataset(files.picture())
    made.PixelData = encapsulate([files.encode(files.picture(), "JPEG", quality=97)])
    made["PixelData"].VR = "OB"
    made.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    radiograph = read_radiograph(files.save(made))
    assert np.abs(radiograph.pixels.astype(int) - files.picture()).max() <= 6


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless])
def test_a_compressed_picture_of_another_size_is_refused_undecoded(files, syntax: str) -> None:
    made = dcmread(io.BytesIO(files.dicom(files.picture(), syntax=syntax)))
    made.Rows = 48
    with pytest.raises(
        ImageReadError, match=r"\(48, 80, 1\) as its header says, got \(96, 80, 1\)"
    ):
        read_radiograph(files.save(made))


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless])
def test_a_compressed_picture_cut_short_is_refused(files, syntax: str) -> None:
    made = dcmread(io.BytesIO(files.dicom(files.picture(), syntax=syntax)))
    whole = made.PixelData
    frame = whole[whole.index(b"\xff\xd8" if syntax != JPEG2000Lossless else b"\xff\x4f") :]
    made.PixelData = encapsulate([frame[: len(frame) // 2]])
    with pytest.raises(ImageReadError, match="no end marker: it was cut short"):
        read_radiograph(files.save(made))


def test_a_deeper_codestream_than_allocated_is_refused(files) -> None:
    deep = files.picture().astype(np.uint16) * 257
    made = dcmread(io.BytesIO(files.dicom(deep, syntax=JPEG2000Lossless)))
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit = 7
    with pytest.raises(ImageReadError, match="at most 8 bits a sample, got 16"):
        read_radiograph(files.save(made))


def test_overlong_run_length_data_is_refused(files) -> None:
    made = dcmread(io.BytesIO(files.dicom(files.picture((16, 16)), syntax=RLELossless)))
    made.PixelData = encapsulate([b"\x01" + bytes(63) + b"\x81\0" * 10_000])
    with pytest.raises(ImageReadError, match="bytes of run-length data, got 20,064"):
        read_radiograph(files.save(made))


END = b"\xff\xd9"
TABLE = b"\xff\xc4\x00\x14\x00\x01" + bytes(15) + b"\x05"
FRAME = b"\xff\xc3\x00\x0b\x0c\x00\x30\x00\x28\x01\x01\x11\x00"
SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00"


def test_a_lossless_jpeg_header_is_read() -> None:
    found = read_codestream(b"\xff\xd8" + TABLE + b"\xff" + FRAME + SCAN + END + b"\0")
    assert (found.rows, found.columns, found.components, found.bits) == (48, 40, 1, 12)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nothing", "no JPEG or JPEG 2000 header"),
        (b"\xff\x4f\xff\x51", "header is cut short"),
        (b"\xff\xd8", "header is damaged"),
        (b"\xff\xd8" + TABLE + b"\x25" + FRAME[1:] + SCAN, "header is damaged"),
        (b"\xff\xd8" + TABLE + SCAN, "no frame header before its data"),
        (b"\xff\xd8" + FRAME + SCAN, "a Huffman table that it does not hold"),
        (b"\xff\xd8" + TABLE[:5] + b"\xff" + TABLE[6:] + FRAME + SCAN, "damaged Huffman table"),
        (b"\xff\xd8" + TABLE + FRAME + SCAN[:4] + b"\x02" + SCAN[5:], "does not match its frame"),
        (b"\xff\xd8" + TABLE + FRAME + SCAN[:7] + bytes(3), "no lossless predictor"),
    ],
)
def test_damaged_codestream_headers_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_codestream(data + END)


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGBaseline8Bit],
    ids=lambda uid: uid.keyword,
)
@settings(max_examples=40, deadline=None)
@given(share=st.floats(0.05, 0.97))
def test_a_truncated_file_is_refused_wherever_it_ends(files, syntax: str, share: float) -> None:
    data = files.dicom(files.picture((64, 50)), syntax=syntax)
    with pytest.raises(ImageReadError, match=r"expected|cannot be decoded|damaged|not read"):
        read_radiograph(data[: int(share * len(data))])


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGBaseline8Bit],
    ids=lambda uid: uid.keyword,
)
@settings(max_examples=120, deadline=None)
@given(edits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=5))
def test_damage_never_escapes_as_anything_but_an_image_read_error(files, syntax, edits) -> None:
    data = bytearray(files.dicom(files.picture((48, 40)), syntax=syntax, WindowCenter=90,
                                 WindowWidth=200, PixelSpacing=[0.1, 0.1]))  # fmt: skip
    for place, value in edits:
        data[132 + int(place * (len(data) - 132))] = value
    with suppress(ImageReadError):
        assert read_radiograph(bytes(data), max_pixels=1_000_000).pixels.ndim == 2


def test_an_unknown_value_representation_of_the_pixels_is_refused(files) -> None:
    data = files.dicom(files.picture())
    head = data.rindex(b"\xe0\x7f\x10\0OB")
    with pytest.raises(ImageReadError, match="expected"):
        read_radiograph(data[: head + 4] + b"O\x17" + data[head + 6 :])


def test_deeply_nested_sequences_are_refused(files) -> None:
    data = files.dicom(files.picture())
    depth = 5000
    opening = b"\x09\0\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    head = data.index(b"\x10\0\x20\0")  # before PatientID
    limit = sys.getrecursionlimit()
    with suppress(ImageReadError):
        read_radiograph(data[:head] + opening * depth)
    assert sys.getrecursionlimit() == limit
