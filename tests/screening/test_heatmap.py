from __future__ import annotations

import numpy as np
import pytest

from hilum.data.preprocessing import Preprocessing
from hilum.screening.heatmap import heatmaps, is_empty

CROPPED = Preprocessing(top=0.1, size=64)


def spot(row: int, column: int) -> np.ndarray:
    cam = np.zeros((1, 8, 8), np.float32)
    cam[0, row, column] = 3.0
    return cam


def test_nothing_lies_where_the_network_saw_nothing() -> None:
    heat = heatmaps(np.ones((1, 8, 8), np.float32), CROPPED, (200, 300))[0].heat
    assert CROPPED.region((200, 300)) == (20, 60, 180, 180)
    assert heat[:20].max() == heat[:, :60].max() == heat[:, 240:].max() == 0
    assert heat[20:, 60:240].min() == 1


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5), (7, 7), (7, 0)])
def test_the_hottest_place_is_that_of_the_map(row: int, column: int) -> None:
    heat = heatmaps(spot(row, column), CROPPED, (200, 300))[0].heat
    hot_row, hot_column = np.argwhere(heat > 0.9).mean(axis=0)
    assert abs(hot_row - (20 + 180 * (row + 0.5) / 8)) < 8
    assert abs(hot_column - (60 + 180 * (column + 0.5) / 8)) < 8


def test_padding_is_cut_off_and_stretching_is_followed() -> None:
    padded = Preprocessing(square="pad", size=64)
    heat = heatmaps(spot(0, 4), padded, (100, 200))[0].heat
    assert heat.shape == (100, 200)
    assert heat.max() < 0.05
    stretched = heatmaps(spot(0, 4), Preprocessing(square="stretch", size=64), (100, 200))[0]
    row, column = np.argwhere(stretched.heat > 0.9).mean(axis=0)
    assert (row, column) == pytest.approx((100 / 16, 200 * 4.5 / 8), abs=8)


def test_a_map_is_scaled_by_its_own_maximum_and_says_it() -> None:
    strong, weak = heatmaps(np.concatenate([spot(2, 2), 0.01 * spot(5, 5)]), CROPPED, (100, 100))
    assert strong.peak == pytest.approx(3.0)
    assert weak.peak == pytest.approx(0.03)
    assert strong.heat.max() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(strong.heat.max(), weak.heat.max())


def test_rounding_noise_is_empty_and_stays_zero() -> None:
    noise = 1e-7 * np.random.default_rng(1).random((1, 8, 8)).astype(np.float32)
    strong, empty = heatmaps(np.concatenate([spot(2, 2), noise]), CROPPED, (100, 100))
    assert (strong.empty, empty.empty) == (False, True)
    assert empty.heat.max() == empty.peak == 0


def test_all_maps_may_be_empty() -> None:
    assert is_empty(np.zeros((3, 7, 7), np.float32)).all()
    assert is_empty(np.full((2, 7, 7), 1e-9, np.float32)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_map_that_is_not_finite_is_empty(bad: float) -> None:
    cams = np.concatenate([spot(1, 1), spot(2, 2)])
    cams[1, 0, 0] = bad
    assert is_empty(cams).tolist() == [False, True]
    assert heatmaps(cams, CROPPED, (50, 50))[1].heat.max() == 0


def test_maps_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cams must have shape \(classes, h, w\), got \(8, 8\)"):
        heatmaps(np.ones((8, 8), np.float32), CROPPED, (50, 50))
