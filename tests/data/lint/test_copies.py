"""Copies of a film: found however it was altered, and not found where there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest
from PIL import Image

from hilum.data.lint.alignment import aligned_correlation, correlation, detail
from hilum.data.lint.copies import CERTAIN, POSSIBLE, find_copies
from hilum.data.lint.fingerprint import fingerprint, ranked, thumbnail
from hilum.data.lint.fingerprints import Fingerprints, take_fingerprints
from hilum.data.manifest import read_table
from hilum.data.phantom import HOSPITALS, draw_phantom
from hilum.data.preprocessing import equalize

_COPIES = 5


def prints(files: Any, pictures: Sequence[np.ndarray], names: Sequence[str] = ()) -> Fingerprints:
    records = np.concatenate([fingerprint(files.encode(picture)) for picture in pictures])
    return Fingerprints(records, list(names or map(str, range(len(pictures)))), {})


@pytest.fixture(scope="module")
def films() -> list[np.ndarray]:
    """Films of twelve phantom subjects, 288 pixels and more."""
    return [
        draw_phantom(np.random.default_rng(seed), hospital=HOSPITALS[seed % 3], size=288).pixels
        for seed in range(12)
    ]


def crop(film: np.ndarray, share: float) -> np.ndarray:
    down, across = (round(side * share) for side in film.shape)
    return film[down : film.shape[0] - down, across : film.shape[1] - across]


ALTERED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half": lambda film: np.asarray(Image.fromarray(film).reduce(2)),
    "stretched": lambda film: np.asarray(Image.fromarray(film).resize((224, 224))),
    "gamma": lambda film: np.rint(255 * (film / 255) ** 0.7).astype(np.uint8),
    "equalized": equalize,
    "deep": lambda film: film.astype(np.uint16) * 16,
    "padded": lambda film: np.pad(film, ((0, 0), (60, 60))),
    "cropped": lambda film: crop(film, 0.05),
    "top": lambda film: film[round(0.08 * film.shape[0]) :],
}
"""What must be found as the same film; mirrored and negative copies follow below."""


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_copy_is_found_and_nothing_else(
    files: Any, films: list[np.ndarray], name: str
) -> None:
    altered = [np.ascontiguousarray(ALTERED[name](film)) for film in films[:_COPIES]]
    found = find_copies(prints(files, [*films, *altered]))
    pairs = {(pair.left, pair.right) for pair in found.pairs if pair.certain}
    assert pairs == {(place, len(films) + place) for place in range(_COPIES)}
    assert found.left_out == 0


@pytest.mark.parametrize(
    ("kind", "change"), [("mirrored", lambda film: film[:, ::-1]), ("negative", np.invert)]
)
def test_a_turned_copy_is_named_as_such(
    files: Any, films: list[np.ndarray], kind: str, change: Any
) -> None:
    found = find_copies(prints(files, [*films, np.ascontiguousarray(change(films[0]))]))
    assert [(one.left, one.right, one.kind) for one in found.pairs] == [(0, len(films), kind)]


def test_no_film_is_a_copy_of_another_subjects(files: Any, films: list[np.ndarray]) -> None:
    assert find_copies(prints(files, films)).pairs == ()


def test_equal_bytes_and_equal_pixels_are_told_apart(files: Any, films: list[np.ndarray]) -> None:
    pictures = [films[0], films[1], films[0], films[0]]
    found = find_copies(prints(files, pictures, ["a", "b", "a", "other bytes"]))
    assert [(one.left, one.right, one.kind) for one in found.pairs] == [
        (0, 2, "bytes"),
        (0, 3, "pixels"),
    ]


def test_each_of_many_equal_files_is_paired_with_the_first(files: Any) -> None:
    one = fingerprint(files.encode(files.picture()))
    many = Fingerprints(np.repeat(one, 2000), ["same"] * 2000, {})
    found = find_copies(many)
    assert [(pair.left, pair.right) for pair in found.pairs] == [(0, k) for k in range(1, 2000)]


def test_empty_pictures_are_not_copies_of_each_other_but_for_their_pixels(files: Any) -> None:
    flat = [np.full((100, 100), level, np.uint8) for level in (0, 0, 7, 255)]
    found = find_copies(prints(files, flat))
    assert [(one.left, one.right, one.kind) for one in found.pairs] == [(0, 1, "pixels")]


def test_files_that_cannot_be_read_are_left_out(files: Any, films: list[np.ndarray]) -> None:
    taken = prints(files, [films[0], films[1], films[0]], ["a", "", "a"])
    taken.errors[1] = "damaged"
    assert [(one.left, one.right) for one in find_copies(taken).pairs] == [(0, 2)]
    assert find_copies(Fingerprints(taken.records[:0], [], {})).pairs == ()


def test_the_search_says_how_much_it_left_out(files: Any, films: list[np.ndarray]) -> None:
    turned = [Image.fromarray(films[0]).rotate(turn) for turn in np.linspace(0.5, 3, 8)]
    pictures = prints(files, [np.asarray(picture) for picture in turned])
    whole, part = (find_copies(pictures, most_aligned=most) for most in (1000, 2))
    assert whole.left_out == 0
    assert part.left_out > 0
    assert len(part.pairs) < len(whole.pairs)


def test_alignment_undoes_a_crop(films: list[np.ndarray]) -> None:
    thumbs = [np.stack([thumbnail(cut)[0] for cut in cuts]) for cuts in
              (films, [crop(film, 0.03) for film in films])]  # fmt: skip
    moving, fixed = (detail(ranked(thumb)) for thumb in thumbs)
    assert np.median(correlation(moving, fixed)) < CERTAIN
    assert aligned_correlation(moving, fixed).min() > 0.98


def test_alignment_finds_what_opencv_finds(films: list[np.ndarray]) -> None:
    """OpenCV's ECC, an independent aligner, reaches about the same correlation."""
    one, other = thumbnail(films[0])[0], thumbnail(crop(films[0], 0.03))[0]
    moving, fixed = (detail(ranked(thumb[None])) for thumb in (one, other))
    ours = aligned_correlation(moving, fixed)[0]
    start = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-6)
    theirs, _ = cv2.findTransformECC(
        fixed[0], moving[0], start, cv2.MOTION_AFFINE, criteria, None, 1
    )
    assert ours == pytest.approx(theirs, abs=0.02)


def test_correlation_is_pearsons(films: list[np.ndarray]) -> None:
    a, b = ranked(np.stack([thumbnail(film)[0] for film in films[:2]]))
    expected = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    assert correlation(a[None], b[None])[0] == pytest.approx(expected, abs=1e-4)


def test_alignment_never_worsens_a_pair(files: Any) -> None:
    thumbs = np.stack([thumbnail(files.picture((90, 90), seed=seed))[0] for seed in range(20)])
    pictures = detail(ranked(thumbs))
    before, after = (f(pictures[:10], pictures[10:]) for f in (correlation, aligned_correlation))
    assert np.all(after >= before)
    assert np.all(after <= 1.001)


def test_films_of_two_real_patients_are_never_certain_copies(shared_data: Path) -> None:
    listed = read_table(shared_data / "cxr").frame.filter(pl.col("source") == "nih")[::3]
    paths = [str(shared_data / "cxr" / path) for path in listed["path"]]
    copies = find_copies(take_fingerprints(paths, workers=1)).pairs
    patient = listed["patient_id"]
    apart = [pair for pair in copies if patient[pair.left] != patient[pair.right]]
    assert not [pair for pair in apart if pair.certain]


def test_a_real_film_published_twice_is_found(shared_data: Path) -> None:
    """COVID-CXNet's file 016 is fig. 5, day 0, of a report that the cohen set holds too."""
    names = ("cohen/8c6920f9c2.jpg", "covidcxnet/cda6cd0135.jpg", "cohen/fbdeacee85.jpg")
    paths = [str(shared_data / "cxr/images" / name) for name in names]
    (pair,) = find_copies(take_fingerprints(paths, workers=1)).pairs
    assert (pair.left, pair.right) == (0, 1)
    assert pair.similarity > CERTAIN > POSSIBLE
