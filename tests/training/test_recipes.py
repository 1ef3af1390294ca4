"""Every recipe of the project loads, and asks for something that can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.models.registry import count_parameters
from hilum.training.recipe import Recipe, load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
FILES = sorted(p for p in RECIPES.rglob("*.yaml") if p.parent.name != "generate")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(RECIPES)))
def test_a_recipe_loads_and_its_network_can_be_built(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.description.strip()
    in_use, _ = count_parameters(
        recipe.model.name, outputs=recipe.outputs or 3, channels=recipe.preprocessing.channels
    )
    assert in_use > 1000


def test_every_paper_has_recipes_as_published_and_repaired() -> None:
    for paper in ("p1", "p2", "p3", "p4"):
        names = [path.stem for path in (RECIPES / paper).glob("*.yaml")]
        assert any(name.endswith("repaired") for name in names)
        assert any(not name.endswith("repaired") for name in names)


def test_recipe_names_are_unique() -> None:
    names = [load_recipe(path).name for path in FILES]
    assert len(set(names)) == len(names)


def test_the_published_faults_of_paper_one_are_in_its_recipe_and_not_in_the_repaired() -> None:
    published = load_recipe(RECIPES / "p1" / "covidnet-large.yaml")
    repaired = load_recipe(RECIPES / "p1" / "covidnet-large-repaired.yaml")
    assert faults(published) == ("test", "down", "lower", 0.5)
    assert faults(repaired) == ("val", "average", "auto", 0.0)


def faults(recipe: Recipe) -> tuple[str, str, str, float]:
    return (
        recipe.training.selection_split,
        recipe.sampling.rounding,
        recipe.schedule.better,
        recipe.augmentation.flip,
    )
