"""The drawing of solids: chords checked against geometry."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.data.phantom.canvas import Canvas, blur, noise, ramp


@pytest.fixture
def canvas() -> Canvas:
    return Canvas(shape=(120, 160), pixel_mm=1.0, left_mm=-80.0, top_mm=-60.0)


def test_an_ellipsoid_has_its_depth_in_the_middle_and_its_volume(canvas: Canvas) -> None:
    chord = canvas.ellipsoid((0, 0), (30, 20), 40)
    assert chord[60, 80] == pytest.approx(40)
    assert chord.sum() == pytest.approx(4 / 3 * np.pi * 30 * 20 * 20, rel=0.01)


def test_a_tilted_ellipsoid_keeps_its_volume(canvas: Canvas) -> None:
    straight = canvas.ellipsoid((5, 3), (30, 12), 40).sum()
    assert canvas.ellipsoid((5, 3), (30, 12), 40, tilt=0.7).sum() == pytest.approx(straight, 0.01)


def test_a_tube_has_its_diameter_in_the_middle_and_its_volume(canvas: Canvas) -> None:
    path = np.array([[(-40.0, 0.0, 0.0), (40.0, 0.0, 0.0)]])
    chord = canvas.tubes(path, np.full((1, 2), 10.0))
    assert chord[60, 80] == pytest.approx(20, rel=0.03)
    assert chord.sum() == pytest.approx(np.pi * 100 * 80, rel=0.02)


def test_a_tube_along_the_beam_piles_up(canvas: Canvas) -> None:
    radii = np.full((1, 2), 3.0)
    flat = canvas.tubes(np.array([[(0.0, 0.0, 0.0), (20.0, 0.0, 0.0)]]), radii)
    steep = canvas.tubes(np.array([[(0.0, 0.0, 0.0), (20.0, 0.0, 60.0)]]), radii)
    assert steep.max() > 2.5 * flat.max()


def test_a_tube_outside_the_sheet_leaves_it_empty(canvas: Canvas) -> None:
    path = np.array([[(300.0, 0.0, 0.0), (400.0, 0.0, 0.0)]])
    assert not canvas.tubes(path, np.full((1, 2), 5.0)).any()


@pytest.mark.parametrize("sigma", [0.5, 2.0, 12.0])
def test_a_blur_keeps_the_mean_of_what_lies_inside(sigma: float) -> None:
    plane = np.zeros((200, 200), np.float32)
    plane[95:105, 95:105] = 1
    blurred = blur(plane, sigma)
    assert blurred.sum() == pytest.approx(plane.sum(), rel=0.03)
    assert blurred.max() <= 1.001


def test_a_ramp_rises_and_falls() -> None:
    values = np.array([[-1.0, 0.0, 0.5, 1.0, 2.0]], np.float32)
    assert ramp(values, 0, 1).tolist() == [[0, 0, 0.5, 1, 1]]
    assert ramp(values, 1, 0).tolist() == [[1, 1, 0.5, 0, 0]]


def test_noise_has_about_unit_deviation(canvas: Canvas) -> None:
    plane = noise(np.random.default_rng(0), canvas, 6)
    assert plane.shape == canvas.shape
    assert 0.7 < plane.std() < 1.3
