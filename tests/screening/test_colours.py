from __future__ import annotations

import numpy as np

from hilum.screening.colours import heat_colours, oklab


def test_oklab_of_white_and_red_are_the_published_values() -> None:
    found = oklab(np.array([[255, 255, 255], [255, 0, 0]], np.uint8))
    np.testing.assert_allclose(found[0], [1, 0, 0], atol=1e-3)
    np.testing.assert_allclose(found[1], [0.628, 0.225, 0.126], atol=1e-3)


def test_equal_steps_of_heat_are_equal_steps_of_colour() -> None:
    lab = oklab(heat_colours())
    # Over 16 levels, because one level is less than a step of 8 bits.
    steps = np.sqrt(((lab[16:] - lab[:-16]) ** 2).sum(axis=1))
    assert steps.min() > 0.9 * steps.mean()
    assert steps.max() < 1.1 * steps.mean()


def test_more_heat_is_always_lighter() -> None:
    lightness = oklab(heat_colours())[:, 0]
    assert (lightness[4:] > lightness[:-4]).all()


def test_the_colours_cannot_be_changed_by_accident() -> None:
    assert heat_colours().shape == (256, 3)
    assert not heat_colours().flags.writeable
