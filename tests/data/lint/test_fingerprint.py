"""What is kept of one file, and what of it survives a change of tone, size or container."""

from __future__ import annotations

from typing import Any

import imagehash
import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from hilum.data.lint.fingerprint import (
    FORMATS,
    SIDE,
    WINDOWS,
    fingerprint,
    hashes_of,
    ranked,
    thumbnail,
    window_of,
)
from hilum.errors import ImageReadError


def bits(a: Any, b: Any) -> int:
    return int(np.bitwise_count(np.asarray(a) ^ np.asarray(b)).sum())


@pytest.fixture
def grey(files: Any) -> np.ndarray:
    return files.picture((300, 260), seed=5)


def test_a_record_tells_the_facts_of_a_file(files: Any, grey: np.ndarray) -> None:
    (one,) = fingerprint(files.encode(grey, "JPEG", quality=85))
    assert (one["width"], one["height"]) == (260, 300)
    assert FORMATS[one["format"]] == "jpeg"
    assert (one["quality"], one["white"], one["colour"]) == (85, 255, 0)
    assert one["levels"] > 200
    assert one["spread"] > 0.5


def test_a_png_has_no_jpeg_quality_and_keeps_its_depth(files: Any, grey: np.ndarray) -> None:
    (one,) = fingerprint(files.encode(grey.astype(np.uint16) * 16))
    assert (FORMATS[one["format"]], one["quality"], one["white"]) == ("png", 0, 4095)


def test_a_dicom_file_has_the_fingerprint_of_its_picture(files: Any, grey: np.ndarray) -> None:
    (one,), (other,) = fingerprint(files.dicom(grey)), fingerprint(files.encode(grey))
    assert FORMATS[one["format"]] == "dicom"
    assert one["pixels"].tolist() == other["pixels"].tolist()
    assert one["hashes"].tolist() == other["hashes"].tolist()


def test_the_same_pixels_in_another_container_have_the_same_pixel_hash(
    files: Any, grey: np.ndarray
) -> None:
    (png,), (webp,) = (
        fingerprint(files.encode(grey, "PNG", compress_level=1)),
        fingerprint(files.encode(Image.fromarray(grey).convert("RGB"), "WEBP", lossless=True)),
    )
    assert png["pixels"].tolist() == webp["pixels"].tolist()
    (changed,) = fingerprint(files.encode(np.bitwise_xor(grey, 1)))
    assert png["pixels"].tolist() != changed["pixels"].tolist()


@pytest.mark.parametrize("gamma", [0.6, 1.6])
def test_a_change_of_gamma_hardly_changes_the_hash(grey: np.ndarray, gamma: float) -> None:
    changed = np.rint(255 * (grey / 255) ** gamma).astype(np.uint8)
    one, other = (hashes_of(thumbnail(one)[0][None]) for one in (grey, changed))
    assert bits(one[0], other[0]) <= 2
    assert bits(one[1], other[1]) <= 16


def test_other_pictures_have_other_hashes(files: Any) -> None:
    thumbs = np.stack([thumbnail(files.picture((200, 200), seed=seed))[0] for seed in range(12)])
    short, long = hashes_of(thumbs)
    for one in range(12):
        for other in range(one):
            assert bits(short[one], short[other]) > 12
            assert bits(long[one], long[other]) > 70


def test_the_hash_of_a_negative_is_the_complement(files: Any) -> None:
    thumb = thumbnail(files.picture((200, 200), seed=2))[0]
    short, long = hashes_of(np.stack([thumb, 255 - thumb]))
    assert bits(short[0], ~short[1]) <= 2
    assert bits(long[0], ~long[1]) <= 4


def test_the_hash_is_that_of_imagehash_once_greys_are_ranks(files: Any) -> None:
    """Two implementations of pHash, fed the same ranked greys, agree but for bits at the median."""
    thumb = thumbnail(files.picture((200, 200), seed=3))[0]
    ranks = np.rint(ranked(thumb[None])[0] * 255).astype(np.uint8)
    theirs = imagehash.phash(Image.fromarray(ranks).resize((32, 32), Image.Resampling.BOX))
    ours = np.unpackbits(hashes_of(thumb[None])[0].astype("<u8").view(np.uint8), bitorder="little")
    assert np.count_nonzero(ours.reshape(8, 8) != theirs.hash) <= 2


def test_cosines_agree_with_scipy(files: Any) -> None:
    thumb = thumbnail(files.picture((200, 200), seed=3))[0]
    half = ranked(thumb[None])[0].reshape(32, 2, 32, 2).mean((1, 3))
    waves = dctn(half, norm="ortho")[:16, :16].ravel()
    ours = np.unpackbits(hashes_of(thumb[None])[1].astype("<u8").view(np.uint8), bitorder="little")
    assert np.count_nonzero(ours.astype(bool) != (waves > np.median(waves))) <= 2


def test_flat_borders_are_cut_off(grey: np.ndarray) -> None:
    framed = np.pad(grey, ((40, 10), (0, 90)), constant_values=3)
    thumb, shape = thumbnail(framed)
    assert shape == grey.shape
    assert np.abs(thumb.astype(int) - thumbnail(grey)[0]).max() <= 2


def test_a_flat_picture_keeps_its_shape() -> None:
    thumb, shape = thumbnail(np.full((50, 70), 9, np.uint8))
    assert shape == (50, 70)
    assert thumb.shape == (SIDE, SIDE)
    assert np.unique(thumb).tolist() == [9]


@pytest.mark.parametrize(
    ("window", "part"),
    [
        ("top", np.s_[24:, :]),
        ("bottom", np.s_[:276, :]),
        ("left", np.s_[:, 16:]),
        ("right", np.s_[:, :184]),
        ("upper", np.s_[24:, 16:184]),
        ("inner", np.s_[15:285, 10:190]),
        ("square", np.s_[50:250, :]),
        ("mirror", np.s_[:, ::-1]),
    ],
)
def test_a_window_has_the_hash_of_the_part_it_stands_for(
    files: Any, window: Any, part: Any
) -> None:
    grey = files.picture((300, 200), seed=8)
    thumb, shape = thumbnail(grey)
    cut = thumbnail(np.ascontiguousarray(grey[part]))[0]
    ours, theirs = hashes_of(np.stack([window_of(thumb, window, shape), cut]))[0]
    assert bits(ours, theirs) <= 4
    assert window in WINDOWS


def test_ranks_do_not_depend_on_tone(grey: np.ndarray) -> None:
    thumb = thumbnail(grey)[0]
    darker = (thumb // 2 + 20).astype(np.uint8)
    finer = np.abs(ranked(thumb[None]) - ranked(darker[None]))
    assert finer.max() < 0.02
    assert ranked(thumb[None]).mean() == pytest.approx(0.5, abs=1e-4)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ImageReadError, match="plain text"):
        fingerprint(b"no picture at all")
