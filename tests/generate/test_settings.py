"""Recipes of autoencoders: the shipped ones load, and what cannot be is refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.generate.conftest import disc_recipe, disc_values

from hilum.errors import ConfigError
from hilum.generate.settings import VaeRecipe, load_vae_recipe
from hilum.generate.steps import new_critic
from hilum.generate.vae import new_vae

RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "generate").glob("*.yaml"))


def load(folder: Path, **changes: Any) -> VaeRecipe:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(disc_values(**changes)))
    return load_vae_recipe(path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_loads_and_its_networks_can_be_built(path: Path) -> None:
    recipe = load_vae_recipe(path)
    assert recipe.description.strip()
    assert recipe.preprocessing.size == 224
    with torch.device("meta"):
        assert sum(weight.numel() for weight in new_vae(recipe).parameters()) > 1e6
        critic = new_critic(recipe, torch.device("meta"))
    assert (critic is not None) == (path.stem == "vae-infomax")


def test_the_shipped_recipes_are_the_published_the_repaired_and_infomax() -> None:
    how = {path.stem: load_vae_recipe(path).objective for path in RECIPES}
    assert set(how) == {"vae", "vae-repaired", "vae-infomax"}
    assert (how["vae"].scaling, how["vae-repaired"].scaling) == ("published", "sum")
    assert [how[name].gamma for name in ("vae", "vae-repaired", "vae-infomax")] == [0, 0, 20]


def test_what_a_run_saves_is_the_same_recipe_again(tmp_path: Path) -> None:
    for objective in ({"likelihood": "bernoulli"}, {"sigma": "learned"}, {"gamma": 2.0}):
        recipe = disc_recipe(objective=objective)
        path = tmp_path / "saved.yaml"
        path.write_text(recipe.to_yaml())
        assert load_vae_recipe(path) == recipe


def test_every_contradiction_stands_in_one_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used as it is") as refused:
        load(
            tmp_path,
            preprocessing={"channels": 3, "mean": [0.4]},
            architecture={"halvings": 6},
            objective={"likelihood": "bernoulli", "scaling": "published", "sigma": 0.3},
        )
    for said in (
        "channels must be 1",
        "leave nothing of 16 pixels",
        "sigma belongs to",
        "is a mean",
    ):
        assert said in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"architecture": {"latent": 0}},
            "architecture.latent: .*equal to 1; got 0",
        ),
        ({"architecture": {"latnt": 8}}, "unknown key. Did you mean 'latent'"),
        ({"objective": {"beta": -1}}, "objective.beta: .*greater than or equal to 0"),
        ({"objective": {"sigma": 0}}, "objective.sigma.*greater than 0"),
        ({"objective": {"scaling": "published", "sigma": "learned"}}, "no sigma to learn"),
        ({"training": {"batch_size": 1}}, "training.batch_size: .*greater than or equal to 2"),
        ({"training": {"learning_rate": 0}}, "training.learning_rate: .*greater than 0"),
        ({"labels": []}, "labels: .*at least 1 item"),
        ({"labels": ["disc", "disc"]}, "labels names a label twice"),
    ],
)
def test_an_impossible_setting_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, **changes)


def test_precision_may_be_written_as_a_number(tmp_path: Path) -> None:
    assert load(tmp_path, training={"precision": 32}).training.precision == "32"


def test_films_of_several_labels_give_samples_none() -> None:
    assert disc_recipe().label == "disc"
    assert disc_recipe(labels=["disc", "other"]).label is None
