from __future__ import annotations

import pytest

from hilum.errors import ConfigError
from hilum.registry import Registry, suggestion


@pytest.fixture
def shapes() -> Registry[str]:
    registry: Registry[str] = Registry("shape")
    registry.register("square", lambda side=1: f"square {side}")
    registry.register("circle", lambda: "circle")
    return registry


def test_a_name_makes_the_thing_it_stands_for(shapes: Registry[str]) -> None:
    assert shapes.create("square", side=3) == "square 3"


def test_the_same_name_twice_is_refused(shapes: Registry[str]) -> None:
    with pytest.raises(ValueError, match="already a shape called 'square'"):
        shapes.register("square", str)


def test_a_misspelt_name_is_answered_with_the_nearest(shapes: Registry[str]) -> None:
    with pytest.raises(ConfigError, match=r"No shape called 'sqare'\. Did you mean 'square'\?"):
        shapes.create("sqare")


def test_a_name_like_no_other_is_answered_with_all(shapes: Registry[str]) -> None:
    with pytest.raises(ConfigError, match="Known: circle, square"):
        shapes.create("xyz")


def test_names_come_in_order_and_can_be_counted(shapes: Registry[str]) -> None:
    assert list(shapes) == ["circle", "square"]
    assert "circle" in shapes
    assert len(shapes) == 2


def test_suggestion_lists_what_is_known() -> None:
    assert suggestion("q", ["b", "a"]) == "Known: a, b."
