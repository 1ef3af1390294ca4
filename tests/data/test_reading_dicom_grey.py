"""Modality LUT, VOI LUT and inversion: by hand, and against pydicom where the two should agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRBigEndian

from hilum.data.preprocessing import to_uint8
from hilum.data.reading import read_radiograph
from hilum.data.reading.dicom_lut import window_shares

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def lut(data: list[int], *, first: int = 0, bits: int = 16) -> Dataset:
    """One item of a LUT sequence; data are 16-bit entries."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(data) % 65536, first, bits])
    item.add_new("LUTData", "US", data)
    return item


def levels(files, stored: np.ndarray, **values: object) -> np.ndarray:
    """Grey levels from 0 to 1."""
    radiograph = read_radiograph(files.dicom(stored, bits=12, **values))
    return radiograph.pixels / radiograph.white


def by_pydicom(files, stored: np.ndarray, **values: object) -> np.ndarray:
    """The same by pydicom, its output range mapped to 0 to 1."""
    made = files.dataset(stored, bits=12, **values)
    shown = apply_voi_lut(apply_modality_lut(stored, made), made).astype(float)
    return (shown - shown.min()) / np.ptp(shown)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
@pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": 2, "RescaleIntercept": -1000}])
def test_windows_agree_with_pydicom(files, function: str | None, rescale: dict[str, int]) -> None:
    window = {"WindowCenter": 2000, "WindowWidth": 1500, "RescaleType": "US", **rescale}
    if function:
        window["VOILUTFunction"] = function
    ours = levels(files, RAMP, **window)
    theirs = by_pydicom(files, RAMP, **window)
    assert np.abs(ours - theirs).max() < (2e-2 if function == "SIGMOID" else 1e-4)


@settings(max_examples=60, deadline=None)
@given(
    center=st.floats(-5000, 9000),
    width=st.floats(1.001, 20000),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_a_window_never_turns_grey_levels_round(center: float, width: float, function: str) -> None:
    shares = window_shares(
        np.arange(4096, dtype=float), center=center, width=width, function=function
    )
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert (np.diff(shares) >= 0).all()


def test_the_linear_window_is_the_standards_own_example() -> None:
    """PS3.3 C.11.2.1.2.1: centre 2048, width 4096 maps 0 to the minimum and 4095 to the maximum."""
    shares = window_shares(np.array([0.0, 2047.5, 4095.0]), center=2048, width=4096)
    assert shares.tolist() == [0.0, 0.5, 1.0]
    step = window_shares(np.array([2047.0, 2048.0]), center=2048, width=1)
    assert step.tolist() == [0.0, 1.0]
    exact = window_shares(np.array([0.0, 4096.0]), center=2048, width=4096, function="LINEAR_EXACT")
    assert exact.tolist() == [0.0, 1.0]
    bend = window_shares(np.array([100.0, 150.0]), center=100, width=200, function="SIGMOID")
    assert bend == pytest.approx([0.5, 1 / (1 + np.exp(-1))])


def test_the_first_of_several_windows_is_used(files) -> None:
    several = levels(files, RAMP, WindowCenter=[1000, 3000], WindowWidth=[500, 100])
    assert np.array_equal(several, levels(files, RAMP, WindowCenter=1000, WindowWidth=500))


def test_a_voi_sequence_goes_before_a_window(files) -> None:
    table = (np.arange(4096) ** 2 // 257).tolist()
    shown = levels(files, RAMP, VOILUTSequence=[lut(table)], WindowCenter=9, WindowWidth=3)
    assert np.abs(shown - np.reshape(table, RAMP.shape) / 65535).max() < 1e-9


def test_a_voi_sequence_agrees_with_pydicom(files) -> None:
    table = [int(65535 * (value / 999) ** 0.5) for value in range(1000)]
    values = {"VOILUTSequence": [lut(table, first=1500)]}
    assert np.abs(levels(files, RAMP, **values) - by_pydicom(files, RAMP, **values)).max() < 1e-4


def test_a_modality_lut_comes_before_the_window(files) -> None:
    table = (4095 - np.arange(4096)).tolist()
    values = {
        "ModalityLUTSequence": [lut(table)],
        "WindowCenter": 3000,
        "WindowWidth": 1000,
    }
    ours = levels(files, RAMP, **values)
    assert np.abs(ours - by_pydicom(files, RAMP, **values)).max() < 1e-4
    assert ours[0, 0] == 1  # stored 0 becomes 4095, above the window


def test_a_modality_lut_without_voi_spans_its_own_bits(files) -> None:
    table = (np.arange(4096) // 4).tolist()
    shown = levels(files, RAMP, ModalityLUTSequence=[lut(table, bits=10)])
    assert np.abs(shown - (RAMP // 4) / 1023).max() < 1e-4


def test_a_lut_that_announces_too_few_bits_is_not_clipped(files) -> None:
    table = (np.arange(4096) * 16).tolist()
    shown = levels(files, RAMP, VOILUTSequence=[lut(table, bits=10)])
    assert np.abs(shown - RAMP * 16 / 65535).max() < 1e-9


def test_eight_bit_lut_entries_packed_in_words_are_unpacked(files) -> None:
    item = lut([0] * 4096, bits=8)
    packed = bytes(value // 16 for value in range(4096))
    item.add_new("LUTData", "OW", packed)
    shown = levels(files, RAMP, VOILUTSequence=[item])
    assert np.abs(shown - (RAMP // 16) / 255).max() < 1e-4


def test_lut_words_follow_the_byte_order_of_the_file(files) -> None:
    item = lut([0] * 4096, bits=16)
    item.add_new("LUTData", "OW", (np.arange(4096) * 16).astype(">u2").tobytes())
    data = files.dicom(RAMP, bits=12, syntax=ExplicitVRBigEndian, VOILUTSequence=[item])
    assert np.array_equal(read_radiograph(data).pixels, RAMP * 16)


def test_a_damaged_lut_is_refused(files) -> None:
    short = lut(list(range(100)))
    short.LUTDescriptor = [4096, 0, 16]
    with pytest.raises(Exception, match="expected a LUT of 4096 entries of 1 to 16 bits, got 100"):
        levels(files, RAMP, VOILUTSequence=[short])


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
    ],
)
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 2048, "WindowWidth": 4096}])
def test_the_picture_is_inverted_exactly_once(
    files, photometric: str, shape: str | None, inverted: bool, window: dict[str, int]
) -> None:
    values = {"PhotometricInterpretation": photometric, **window}
    if shape:
        values["PresentationLUTShape"] = shape
    radiograph = read_radiograph(files.dicom(RAMP, bits=12, **values))
    expected = (4095 - RAMP.astype(int) if inverted else RAMP) / 4095
    assert np.abs(radiograph.pixels / radiograph.white - expected).max() < 1e-4
    assert sum("inverted once" in line for line in radiograph.history) == inverted
    agree = shape in (None, "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY")
    assert any("do not agree" in line for line in radiograph.warnings) is not agree


@pytest.mark.parametrize(
    ("center", "width"),
    [(2048, 0), (2048, -5), (2048, 0.5), ("NaN", 100), (100, "NaN"), (100, None)],
)
def test_a_senseless_window_is_a_warning_and_the_whole_range_is_shown(
    files, center: object, width: object
) -> None:
    values = {"WindowCenter": center} | ({} if width is None else {"WindowWidth": width})
    radiograph = read_radiograph(files.dicom(RAMP, bits=12, **values))
    assert np.array_equal(radiograph.pixels, RAMP)
    assert "makes no sense and was not applied" in radiograph.warnings[0]


@pytest.mark.parametrize("center", [1e9, -1e9])
def test_a_window_that_leaves_one_grey_level_is_a_warning(files, center: float) -> None:
    radiograph = read_radiograph(files.dicom(RAMP, bits=12, WindowCenter=center, WindowWidth=100))
    assert np.array_equal(radiograph.pixels, RAMP)
    assert radiograph.warnings == ("Its VOI leaves no grey levels and was not applied.",)
    assert not any("window applied" in line for line in radiograph.history)


def test_an_unknown_voi_function_is_a_warning(files) -> None:
    values = {"WindowCenter": 2048, "WindowWidth": 4096, "VOILUTFunction": "CUBIC"}
    radiograph = read_radiograph(files.dicom(RAMP, bits=12, **values))
    assert "CUBIC is unknown; LINEAR was used" in radiograph.warnings[0]


def test_a_negative_slope_turns_values_round_before_the_window(files) -> None:
    values = {"RescaleSlope": -1, "RescaleIntercept": 4095}
    assert np.abs(levels(files, RAMP, **values) - (4095 - RAMP.astype(int)) / 4095).max() < 1e-4
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    assert np.abs(levels(files, RAMP, **values, **window) - (1 - RAMP / 4095)).max() < 1e-4


def test_padding_is_black_and_does_not_set_the_depth(files) -> None:
    stored = (RAMP // 4).copy()
    stored[:8] = 4095
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        radiograph = read_radiograph(
            files.dicom(
                stored, bits=12, PixelPaddingValue=4095, PhotometricInterpretation=photometric
            )
        )
        assert radiograph.white == 1023
        assert not radiograph.pixels[:8].any()


def test_a_range_of_padding_is_black(files) -> None:
    radiograph = read_radiograph(
        files.dicom(RAMP, bits=12, PixelPaddingValue=0, PixelPaddingRangeLimit=63)
    )
    assert not radiograph.pixels[0].any()
    assert np.array_equal(radiograph.pixels[1:], RAMP[1:])


def test_depth_is_taken_from_the_values_when_the_file_announces_too_many_bits(files) -> None:
    radiograph = read_radiograph(files.dicom(RAMP, bits=16))
    assert radiograph.white == 4095
    assert "largest value 4095 in 16 bits: white is 4095" in " ".join(radiograph.history)


def test_ten_bits_stored_are_never_taken_for_twelve(files) -> None:
    radiograph = read_radiograph(files.dicom(RAMP // 4, bits=10))
    assert radiograph.white == 1023


def test_greys_that_use_little_of_a_deep_range_are_spread_with_a_warning(files) -> None:
    """12-bit values in 16 bits with an intercept and no window would be all but black."""
    stored = np.linspace(0, 4048, 64 * 64).reshape(64, 64).astype(np.uint16)
    read = read_radiograph(files.dicom(stored, bits=16, RescaleSlope=1, RescaleIntercept=-1024))
    assert any("uses 6.2% of its range" in warning for warning in read.warnings)
    seen = to_uint8(read)
    assert (int(seen.min()), int(seen.max())) == (0, 255)
    assert np.abs(seen.astype(int) - np.rint(stored / 4048 * 255)).max() <= 1
