"""The one path from a radiograph to network input: by hand, and against OpenCV."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from hilum.data.preprocessing import (
    Preprocessing,
    clahe,
    equalize,
    normalize,
    prepare,
    to_uint8,
)
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import ConfigError

IMAGES = arrays(np.uint8, st.tuples(st.integers(8, 70), st.integers(8, 70)))


def radiograph(pixels: np.ndarray, white: int = 255) -> Radiograph:
    return Radiograph(
        pixels=pixels, white=white, format="png", sha256="0" * 64, full_shape=pixels.shape
    )


@settings(max_examples=150, deadline=None)
@given(image=IMAGES)
def test_equalize_equals_opencv(image: np.ndarray) -> None:
    assert np.array_equal(equalize(image), cv2.equalizeHist(image))


@settings(max_examples=150, deadline=None)
@given(image=IMAGES)
def test_clahe_is_within_one_level_of_opencv(image: np.ndarray) -> None:
    expected = cv2.createCLAHE(2.0, (8, 8)).apply(image).astype(int)
    assert np.abs(clahe(image) - expected).max() <= 1


@pytest.mark.parametrize(
    "shape", [(224, 224), (480, 480), (100, 131), (64, 8), (9, 200), (299, 512)]
)
def test_equalisers_agree_with_opencv_on_smooth_pictures(files, shape: tuple[int, int]) -> None:
    image = files.picture(shape)
    assert np.array_equal(equalize(image), cv2.equalizeHist(image))
    expected = cv2.createCLAHE(2.0, (8, 8)).apply(image).astype(int)
    assert np.abs(clahe(image) - expected).max() <= 1


def test_equalisers_agree_with_opencv_on_real_films(shared_data: Path) -> None:
    for path in sorted((shared_data / "originals" / "nih").iterdir())[:3]:
        image = prepare(read_radiograph(path), Preprocessing(size=320))
        assert np.array_equal(equalize(image), cv2.equalizeHist(image))
        expected = cv2.createCLAHE(2.0, (8, 8)).apply(image).astype(int)
        assert np.abs(clahe(image) - expected).max() <= 1


def test_a_constant_picture_stays_as_it_is() -> None:
    flat = np.full((30, 30), 77, np.uint8)
    assert np.array_equal(equalize(flat), flat)
    assert np.ptp(clahe(flat)) == 0


@pytest.mark.parametrize("equalization", ["none", "histogram", "clahe"])
def test_prepare_gives_a_contiguous_square_and_is_repeatable(files, equalization: str) -> None:
    record = Preprocessing(size=48, top=0.1, equalization=equalization)
    first = prepare(radiograph(files.picture()), record)
    assert (first.shape, first.dtype, first.flags.c_contiguous) == ((48, 48), np.uint8, True)
    assert np.array_equal(first, prepare(radiograph(files.picture()), record))


def test_prepare_equalises_after_resizing(files) -> None:
    plain = prepare(radiograph(files.picture()), Preprocessing(size=40))
    spread = prepare(radiograph(files.picture()), Preprocessing(size=40, equalization="histogram"))
    assert np.array_equal(spread, equalize(plain))


def test_prepare_does_not_change_its_input(files) -> None:
    film = radiograph(files.picture())
    before = film.pixels.copy()
    prepared = prepare(film, Preprocessing(size=80, square="stretch", equalization="clahe"))
    prepared[:] = 0
    assert np.array_equal(film.pixels, before)


def test_a_film_of_the_right_size_is_passed_on_unchanged(files) -> None:
    square = files.picture((64, 64))
    assert np.array_equal(prepare(radiograph(square), Preprocessing(size=64)), square)


def test_a_centre_crop_keeps_the_middle() -> None:
    pixels = np.zeros((16, 40), np.uint8)
    pixels[:, 12:28] = 200
    assert (prepare(radiograph(pixels), Preprocessing(size=16)) == 200).all()


def test_padding_puts_the_film_between_black_bars() -> None:
    pixels = np.full((16, 32), 200, np.uint8)
    prepared = prepare(radiograph(pixels), Preprocessing(size=32, square="pad"))
    assert (prepared[8:24] == 200).all()
    assert not prepared[:8].any()
    assert not prepared[24:].any()


def test_the_top_strip_is_cut_before_the_square() -> None:
    pixels = np.full((100, 92), 50, np.uint8)
    pixels[:8] = 255
    assert (prepare(radiograph(pixels), Preprocessing(size=92, top=0.08)) == 50).all()
    assert Preprocessing(top=0.08).region((100, 92)) == (8, 0, 92, 92)


@pytest.mark.parametrize(
    ("square", "region"),
    [("crop", (10, 25, 90, 90)), ("stretch", (10, 0, 90, 140)), ("pad", (-15, 0, 140, 140))],
)
def test_the_region_is_where_the_square_comes_from(square: str, region: tuple[int, ...]) -> None:
    assert Preprocessing(top=0.1, square=square).region((100, 140)) == region


@settings(max_examples=100, deadline=None)
@given(
    height=st.integers(1, 300), width=st.integers(1, 300), top=st.floats(0, 0.5),
    square=st.sampled_from(["crop", "pad", "stretch"]),
)  # fmt: skip
def test_the_region_and_the_pixels_agree(height: int, width: int, top: float, square: str) -> None:
    record = Preprocessing(size=16, top=top, square=square)
    first, left, rows, columns = record.region((height, width))
    assert rows >= 1
    assert columns >= 1
    if square != "pad":
        assert 0 <= first <= first + rows <= height
        assert 0 <= left <= left + columns <= width
    assert prepare(radiograph(np.ones((height, width), np.uint8)), record).shape == (16, 16)


@pytest.mark.parametrize(
    ("top", "size", "side"), [(0.0, 224, 224), (0.08, 480, 522), (0.5, 16, 32)]
)
def test_reduced_decoding_never_leaves_less_than_the_size(top: float, size: int, side: int) -> None:
    record = Preprocessing(top=top, size=size)
    assert record.decode_side == side
    _, _, rows, columns = record.region((side, side))
    assert min(rows, columns) >= size


def test_deep_pixels_are_scaled_by_white_and_rounded() -> None:
    pixels = np.array([[0, 8, 9, 2048, 4095, 5000]], np.uint16)
    assert to_uint8(radiograph(pixels, 4095)).tolist() == [[0, 0, 1, 128, 255, 255]]
    shallow = np.array([[0, 1, 2, 3, 4]], np.uint8)
    assert to_uint8(radiograph(shallow, 3)).tolist() == [[0, 85, 170, 255, 255]]


def test_normalize_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    record = Preprocessing(size=16, mean=(0.5,), std=(0.25,))
    images = np.stack([np.zeros((16, 16), np.uint8), np.full((16, 16), 255, np.uint8)])
    batch = normalize(images, record)
    assert (batch.shape, batch.dtype) == ((2, 1, 16, 16), np.float32)
    assert batch[0].max() == -2
    assert batch[1].min() == 2


def test_normalize_repeats_the_grey_picture_with_each_channels_own_figures() -> None:
    record = Preprocessing(size=16, channels=3, mean=(0.485, 0.456, 0.406), std=(0.2, 0.3, 0.4))
    batch = normalize(np.full((1, 16, 16), 51, np.uint8), record)
    assert batch.shape == (1, 3, 16, 16)
    assert batch[0, :, 0, 0] == pytest.approx([-1.425, -0.8533333, -0.515], abs=1e-6)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((16, 16), np.uint8),
        np.zeros((1, 16, 15), np.uint8),
        np.zeros((1, 16, 16), np.float32),
    ],
)
def test_normalize_refuses_other_shapes_and_types(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"images must be uint8 of shape \(n, 16, 16\), got"):
        normalize(images, Preprocessing(size=16))


def test_a_record_survives_json() -> None:
    record = Preprocessing(
        top=0.08, size=480, equalization="clahe", channels=3, mean=(0.4, 0.5, 0.6)
    )
    assert Preprocessing.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_hashes_name_what_changes_the_pixels_and_what_changes_the_input() -> None:
    base = Preprocessing()
    other_pixels = dataclasses.replace(base, size=256)
    other_input = dataclasses.replace(base, mean=(0.4,))
    assert base.pixel_hash == other_input.pixel_hash != other_pixels.pixel_hash
    assert len({base.hash, other_pixels.hash, other_input.hash}) == 3
    assert base.hash == Preprocessing().hash


def test_one_number_spelt_two_ways_has_one_hash() -> None:
    spelt = [Preprocessing.from_dict({"top": top, "size": 64.0}) for top in (0, 0.0, -0.0)]
    assert {record.hash for record in spelt} == {Preprocessing(size=64).hash}
    assert type(spelt[0].size) is int


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"top": 0.6}, r"top must be a share in \[0, 0.5\], got 0.6"),
        ({"top": float("nan")}, "top must be a share"),
        ({"square": "squash"}, "square must be crop, pad or stretch, got 'squash'"),
        ({"size": 8}, r"size must be whole and in \[16, 4096\] pixels, got 8"),
        ({"size": 100.5}, "size must be whole"),
        ({"equalization": "yes"}, "none, histogram or clahe, got 'yes'"),
        ({"channels": 2}, "channels must be 1 or 3, got 2"),
        ({"mean": (0.1, 0.2)}, "mean must have 1 or 1 values, got 2"),
        ({"std": (0.0,)}, "std must be above 0"),
        ({"std": (float("inf"),)}, "std must be finite"),
        ({"siz": 224}, r"'siz'. Did you mean 'size'\?"),
        ({"mean": None}, "wrong type"),
        ({"mean": "half"}, "wrong type"),
    ],
)
def test_what_cannot_be_honoured_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Preprocessing.from_dict(values)


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(ConfigError, match="cannot be applied") as caught:
        Preprocessing(top=2, size=3, channels=7)  # type: ignore[arg-type]
    assert len(caught.value.problems) >= 3


def test_resizing_is_pillows_bicubic(files) -> None:
    square = files.picture((90, 90))
    expected = Image.fromarray(square).resize((50, 50), Image.Resampling.BICUBIC)
    assert np.array_equal(prepare(radiograph(square), Preprocessing(size=50)), np.asarray(expected))
