"""PNG, JPEG and WebP: every pixel layout, exactly."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hilum.data.reading import read_radiograph
from hilum.data.reading.colour import grey_picture
from hilum.data.reading.scale import effective_white, reduce, reduction


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file"])
def test_a_path_bytes_and_a_file_give_the_same_radiograph(files, tmp_path: Path, kind: str) -> None:
    data = files.encode(files.picture())
    path = tmp_path / "film.png"
    path.write_bytes(data)
    sources = {"path": path, "text": str(path), "bytes": data, "file": io.BytesIO(data)}
    radiograph = read_radiograph(sources[kind])
    assert np.array_equal(radiograph.pixels, files.picture())
    assert (radiograph.format, radiograph.white, radiograph.warnings) == ("png", 255, ())
    assert len(radiograph.sha256) == 64


def test_grey_rgb_opaque_rgba_grey_alpha_and_palette_files_give_equal_pixels(files) -> None:
    grey = Image.fromarray(files.picture())
    palette = grey.convert("P")
    for picture in (grey.convert("RGB"), grey.convert("RGBA"), grey.convert("LA"), palette):
        radiograph = read_radiograph(files.encode(picture))
        assert np.array_equal(radiograph.pixels, files.picture()), picture.mode
        assert not radiograph.warnings


def test_a_bilevel_png_becomes_black_and_white(files) -> None:
    picture = Image.fromarray(files.picture()).convert("1")
    radiograph = read_radiograph(files.encode(picture))
    assert np.array_equal(radiograph.pixels, np.asarray(picture) * np.uint8(255))


def test_a_16_bit_png_keeps_every_level_and_never_clips(files) -> None:
    deep = files.picture().astype(np.uint16) * 257
    radiograph = read_radiograph(files.encode(deep))
    assert radiograph.white == 65535
    assert np.array_equal(radiograph.pixels, deep)


def test_a_12_bit_picture_in_a_16_bit_png_has_a_white_of_4095(files) -> None:
    deep = files.picture().astype(np.uint16) * 16
    radiograph = read_radiograph(files.encode(deep))
    assert radiograph.white == 4095
    assert "white taken as 4095" in " ".join(radiograph.history)


def test_pillows_32_bit_mode_reads_like_its_16_bit_mode(files) -> None:
    deep = files.picture().astype(np.int32) * 257
    grey = grey_picture(Image.fromarray(deep))
    assert grey.white == 65535
    assert np.array_equal(grey.pixels, deep)
    with pytest.raises(ValueError, match="do not fit 16 bits"):
        grey_picture(Image.fromarray(deep + 65536))


@pytest.mark.parametrize(
    ("maximum", "white"), [(0, 255), (255, 255), (256, 1023), (4095, 4095), (65535, 65535)]
)
def test_white_is_the_smallest_usual_depth_that_holds_the_maximum(maximum: int, white: int) -> None:
    assert effective_white(maximum) == white


def test_half_transparent_pixels_are_shown_on_black(files) -> None:
    grey = files.picture()
    alpha = np.full_like(grey, 255)
    alpha[:10] = 0
    alpha[10:20] = 128
    layers = np.dstack([grey, grey, grey, alpha])
    radiograph = read_radiograph(files.encode(layers))
    assert not radiograph.pixels[:10].any()
    assert np.abs(radiograph.pixels[10:20] - grey[10:20] * (128 / 255)).max() < 1
    assert np.array_equal(radiograph.pixels[20:], grey[20:])
    assert "transparent pixels shown on black" in radiograph.history


def test_a_transparent_grey_level_is_shown_black(files) -> None:
    radiograph = read_radiograph(files.encode(files.picture(), transparency=255))
    assert radiograph.pixels.max() == 254


def test_a_palette_with_a_transparent_entry_is_read_without_a_warning(files) -> None:
    picture = Image.fromarray(files.picture()).convert("P")
    radiograph = read_radiograph(files.encode(picture, transparency=bytes([0] + [255] * 255)))
    assert np.array_equal(radiograph.pixels, files.picture())


def test_a_colour_photograph_is_read_with_a_warning_and_its_colourfulness(files) -> None:
    grey = files.picture()
    colours = np.dstack([grey, np.full_like(grey, 60), 255 - grey])
    for data in (files.encode(colours), files.encode(colours, "JPEG", quality=95)):
        radiograph = read_radiograph(data)
        expected = float(np.ptp(colours.astype(int), axis=2).mean())
        assert float(radiograph.facts["colourfulness"]) == pytest.approx(expected, abs=3)
        assert "coloured" in radiograph.warnings[0]


def test_a_tint_below_the_threshold_is_no_warning(files) -> None:
    grey = np.clip(files.picture(), 0, 250)
    radiograph = read_radiograph(files.encode(np.dstack([grey, grey, grey + 4])))
    assert radiograph.facts["colourfulness"] == "4.0"
    assert not radiograph.warnings


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpegs_decode_to_the_luma_pillow_gives(files, mode: str, progressive: bool) -> None:
    picture = Image.fromarray(files.picture((200, 160))).convert(mode)
    data = files.encode(picture, "JPEG", quality=90, progressive=progressive)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("L")).astype(int)
    assert np.abs(read_radiograph(data).pixels - expected).max() <= 1


def test_a_jpeg_that_stores_rgb_instead_of_luma_reads_as_the_same_grey(files) -> None:
    grey = files.picture()
    data = files.encode(np.dstack([grey] * 3), "JPEG", quality=97, keep_rgb=True)
    assert np.abs(read_radiograph(data).pixels.astype(int) - grey).max() <= 4
    half = read_radiograph(data, smallest_side=40)
    assert half.shape == (48, 40)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    ("side", "shape"),
    [(None, (803, 600)), (301, (803, 600)), (300, (402, 300)), (75, (101, 75)), (1, (101, 75))],
)
def test_a_small_reading_keeps_the_shorter_side(files, mode: str, side, shape) -> None:
    picture = Image.fromarray(files.picture((803, 600))).convert(mode)
    for kind in ("JPEG", "PNG", "WEBP"):
        radiograph = read_radiograph(files.encode(picture, kind), smallest_side=side)
        assert radiograph.shape == shape
        assert radiograph.full_shape == (803, 600)


def test_a_reduced_jpeg_and_a_reduced_png_show_nearly_the_same(files) -> None:
    sharp = files.picture((512, 400))
    sharp[100:140, 100:300] = 255
    png = read_radiograph(files.encode(sharp), smallest_side=100).pixels.astype(int)
    jpeg = read_radiograph(files.encode(sharp, "JPEG", quality=97), smallest_side=100).pixels
    assert np.abs(png - jpeg)[:, :].mean() < 1
    assert np.abs(png - jpeg).max() <= 30


def test_a_deep_picture_read_small_is_the_shallow_one_read_small(files) -> None:
    grey = files.picture((67, 45))
    shallow = read_radiograph(files.encode(grey), smallest_side=10)
    deep = read_radiograph(files.encode(grey.astype(np.uint16) * np.uint16(257)), smallest_side=10)
    assert (deep.white, deep.shape) == (255, (17, 12))
    assert np.array_equal(deep.pixels, shallow.pixels)


def test_block_means_are_right_also_at_the_ragged_edge() -> None:
    pixels = np.arange(15, dtype=np.uint8).reshape(3, 5)
    expected = [[3, 5, 7], [11, 13, 14]]  # (0+1+5+6)/4 = 3, ..., (4+9)/2 = 6.5, rounded up to 7
    assert reduce(pixels, 2).tolist() == expected


def test_the_factor_never_undercuts_the_side() -> None:
    assert [reduction((900, 640), side) for side in (None, 641, 640, 321, 320, 160, 80, 1)] == [
        1,
        1,
        1,
        1,
        2,
        4,
        8,
        8,
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_followed(files, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    stored = files.picture((80, 64))
    options = {"quality": 100, "lossless": True} if kind == "WEBP" else {"quality": 97}
    radiograph = read_radiograph(files.encode(stored, kind, exif=exif, **options))
    turns = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_270",
        7: "TRANSVERSE",
        8: "ROTATE_90",
    }
    upright = Image.fromarray(stored)
    if orientation in turns:
        upright = upright.transpose(Image.Transpose[turns[orientation]])
    assert radiograph.full_shape == radiograph.shape == (upright.height, upright.width)
    assert np.abs(radiograph.pixels - np.asarray(upright, dtype=int)).mean() < 2


def test_damaged_exif_is_a_warning(files) -> None:
    data = files.encode(files.picture(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fjunk")
    assert read_radiograph(data).shape == (96, 80)


def test_a_wrong_extension_is_read_by_content_with_a_warning(files, tmp_path: Path) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes(files.encode(files.picture()))
    radiograph = read_radiograph(path)
    assert radiograph.format == "png"
    assert radiograph.warnings == ("The file is named .jpg but is PNG; it was read as PNG.",)


def test_an_empty_picture_is_a_warning(files) -> None:
    flat = np.full((20, 30), 7, np.uint8)
    assert "every pixel has the value 7" in read_radiograph(files.encode(flat)).warnings[0]


def test_text_chunks_do_not_disturb(files) -> None:
    notes = PngInfo()
    notes.add_text("Comment", "x" * 100_000, zip=True)
    data = files.encode(files.picture(), pnginfo=notes)
    assert np.array_equal(read_radiograph(data).pixels, files.picture())
