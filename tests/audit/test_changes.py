"""What changes do to a film's pixels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.audit.conftest import LUNGS, SIDE, draw

from hilum.audit.changes import burnt_in, grey, marks, measures, morphology, place, quality, region
from hilum.audit.perturb import Change, View

CHANGES = (
    region.LUNGS_BLACK,
    region.LUNGS_GREY,
    region.LUNGS_BOXED,
    region.LUNGS_ONLY,
    region.BORDER_ONLY,
    region.CENTRE_ONLY,
    region.CORNERS_BLACK,
    *region.TOP_STRIPS,
    *marks.PASTED,
    burnt_in.MARKS_ERASED,
    *grey.GREYS,
    *grey.STRONG_GREYS,
    grey.INVERTED,
    *(
        change
        for steps in (
            place.SHIFTS,
            place.TURNS,
            quality.JPEGS,
            quality.BLURS,
            quality.NOISES,
            quality.RESOLUTIONS,
        )
        for _, change in steps
    ),
)


@pytest.fixture
def film() -> NDArray[np.uint8]:
    return draw(np.random.default_rng(1), ill=True)


def changed(change: Change, pixels: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    pixels.flags.writeable = False
    mask = LUNGS if change.mask else None
    return change.apply(View(pixels, mask, np.random.default_rng(seed)))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.key)
def test_a_change_gives_grey_levels_of_the_same_shape_and_repeats_itself(
    change: Change, film: NDArray[np.uint8]
) -> None:
    found = changed(change, film)
    assert found.dtype == np.uint8
    assert found.shape == film.shape
    np.testing.assert_array_equal(found, changed(change, film))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.key)
@pytest.mark.parametrize("shape", [(40, 17), (1, 1), (3, 200)])
def test_a_change_bears_films_of_any_shape(change: Change, shape: tuple[int, int]) -> None:
    pixels = np.full(shape, 90, np.uint8)
    mask = np.zeros(shape, bool)
    mask[shape[0] // 3 : shape[0] // 2 + 1, : shape[1] // 2 + 1] = True
    found = change.apply(View(pixels, mask, np.random.default_rng(0)))
    assert found.dtype == np.uint8
    assert found.ndim == 2


def test_keys_name_changes_uniquely() -> None:
    keys = [change.key for change in CHANGES]
    assert len(set(keys)) == len(keys)


def test_black_lungs_leave_the_rest(film: NDArray[np.uint8]) -> None:
    found = changed(region.LUNGS_BLACK, film)
    assert not found[LUNGS].any()
    np.testing.assert_array_equal(found[~LUNGS], film[~LUNGS])


def test_paint_over_the_lungs_tells_nothing_of_them(film: NDArray[np.uint8]) -> None:
    other = film.copy()
    other[LUNGS] = 255 - other[LUNGS]
    for change in (region.LUNGS_GREY, region.LUNGS_BOXED):
        np.testing.assert_array_equal(changed(change, film), changed(change, other))


def test_lungs_alone_tell_nothing_of_the_rest(film: NDArray[np.uint8]) -> None:
    other = film.copy()
    other[:18] = other[78:] = 255
    np.testing.assert_array_equal(
        changed(region.LUNGS_ONLY, film), changed(region.LUNGS_ONLY, other)
    )


def test_border_and_centre_tell_nothing_of_each_other(film: NDArray[np.uint8]) -> None:
    inside = np.zeros((SIDE, SIDE), bool)
    inside[12:84, 12:84] = True
    centre, border = film.copy(), film.copy()
    centre[inside], border[~inside] = 7, 7
    np.testing.assert_array_equal(
        changed(region.BORDER_ONLY, film), changed(region.BORDER_ONLY, centre)
    )
    np.testing.assert_array_equal(
        changed(region.CENTRE_ONLY, film), changed(region.CENTRE_ONLY, border)
    )


def test_a_change_that_needs_lungs_says_so() -> None:
    view = View(np.zeros((8, 8), np.uint8), None, np.random.default_rng(0))
    with pytest.raises(ValueError, match="where the lungs are"):
        region.LUNGS_BLACK.apply(view)


@pytest.mark.parametrize("change", marks.PASTED, ids=lambda change: change.key)
def test_a_pasted_mark_is_small_bright_and_somewhere_else_on_another_film(
    change: Change, film: NDArray[np.uint8]
) -> None:
    places = []
    for seed in range(8):
        found = changed(change, film, seed)
        touched = found != film
        assert 0 < touched.mean() < 0.08
        assert (found[touched] > film[touched]).all()
        places.append(tuple(np.argwhere(touched).mean(axis=0) > SIDE / 2))
    assert len(set(places)) > 1


def test_text_near_an_edge_is_painted_out_and_the_lungs_are_left() -> None:
    rng = np.random.default_rng(4)
    plain = np.kron(draw(rng, ill=True), np.ones((4, 4), np.uint8))
    marked = changed(marks.PASTED[1], plain, seed=3)
    assert (marked != plain).any()
    erased = changed(burnt_in.MARKS_ERASED, marked)
    touched = marked != plain
    left = erased[touched].astype(int) - plain[touched]
    assert np.abs(left).mean() < 0.2 * np.abs(marked[touched].astype(int) - plain[touched]).mean()
    inside = np.kron(LUNGS, np.ones((4, 4), bool))
    np.testing.assert_array_equal(erased[inside], marked[inside])


def test_a_film_without_marks_is_left_as_it_is(film: NDArray[np.uint8]) -> None:
    assert changed(burnt_in.MARKS_ERASED, film) is film
    assert burnt_in.marks_share(film) == (0, 0, 0, 0)


def test_a_frame_is_no_text(film: NDArray[np.uint8]) -> None:
    framed = film.copy()
    framed[:4] = framed[-4:] = framed[:, :4] = framed[:, -4:] = 255
    assert not burnt_in.where_marks_are(framed).any()


def test_a_shift_moves_by_its_share_of_the_width(film: NDArray[np.uint8]) -> None:
    point = np.zeros_like(film)
    point[48, 48] = 255
    percent, change = place.SHIFTS[2]
    (at,) = np.argwhere(changed(change, point))
    assert np.hypot(*(at - 48)) == pytest.approx(percent / 100 * SIDE, abs=1)


@pytest.mark.parametrize(
    "steps", [quality.JPEGS, quality.BLURS, quality.NOISES, quality.RESOLUTIONS]
)
def test_stronger_changes_change_more(steps: tuple[tuple[float, Change], ...]) -> None:
    plain = np.kron(draw(np.random.default_rng(2), ill=False), np.ones((4, 4), np.uint8))
    apart = [np.abs(changed(change, plain).astype(int) - plain).mean() for _, change in steps]
    assert all(first < second for first, second in itertools.pairwise(apart))


def test_films_that_were_blurred_and_films_that_were_not_end_up_alike() -> None:
    plain = np.kron(draw(np.random.default_rng(2), ill=False), np.ones((4, 4), np.uint8))
    soft = changed(quality.BLURS[0][1], plain)
    strong = quality.BLURS[2][1]
    before = np.abs(soft.astype(int) - plain).mean()
    after = np.abs(changed(strong, soft).astype(int) - changed(strong, plain)).mean()
    assert after < before / 5


def test_growing_and_opening_agree_with_their_definitions() -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (23, 31), dtype=np.uint8)
    for reach in (0, 1, 3, 7, 40):
        padded = np.pad(pixels, reach, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1))
        least = windows.min(axis=(2, 3))
        again = np.lib.stride_tricks.sliding_window_view(
            np.pad(least, reach, mode="edge"), (2 * reach + 1, 2 * reach + 1)
        )
        np.testing.assert_array_equal(morphology.opened(pixels, reach), again.max(axis=(2, 3)))
        grown = morphology.grown(pixels > 250, reach)
        np.testing.assert_array_equal(grown, (windows > 250).any(axis=(2, 3)))


def test_averages_are_of_the_pixels_there_are() -> None:
    plane = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = morphology.averaged(plane, 1)
    assert found[0, 0] == pytest.approx(plane[:2, :2].mean())
    assert found[1, 1] == pytest.approx(plane[:3, :3].mean())


def test_blockiness_rises_with_compression_and_margins_are_measured(
    film: NDArray[np.uint8],
) -> None:
    large = np.kron(film, np.ones((5, 5), np.uint8))
    names = measures.MEASURES[3:]
    plain = dict(zip(names, measures.quality_of(large), strict=True))
    packed = dict(zip(names, measures.quality_of(changed(quality.JPEGS[2][1], large)), strict=True))
    assert packed["blockiness"] > plain["blockiness"]
    framed = film.copy()
    framed[:6], framed[-6:] = 255, 255
    found = dict(zip(names, measures.quality_of(framed), strict=True))
    assert found["even margin"] == pytest.approx((6 / 96 * 2) / 4)
    assert found["share of white"] == pytest.approx(12 / 96, abs=0.01)


def test_measures_outside_the_lungs_do_not_see_them(film: NDArray[np.uint8]) -> None:
    other = film.copy()
    other[LUNGS] = 200
    names = measures.MEASURES[3:]
    one, two = (
        dict(zip(names, measures.quality_of(pixels, LUNGS), strict=True))
        for pixels in (film, other)
    )
    for name in ("mean grey", "contrast", "share of black", "share of white"):
        assert one[name] == two[name]
    assert measures.quality_of(film)[names.index("mean grey")] > one["mean grey"]
