from __future__ import annotations

from pathlib import Path

import pytest

from hilum.config import apply_changes, read_yaml
from hilum.errors import ConfigError
from hilum.training.recipe import Recipe, load_recipe


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_short_recipe_gets_every_default(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, "name: a\nmodel: {name: resnet18}\n"))
    assert recipe.training.epochs == 20
    assert recipe.preprocessing.size == 224


def test_a_resolved_recipe_reads_back_as_itself(tmp_path: Path) -> None:
    text = "name: a\nmodel: {name: resnet18}\npreprocessing: {size: 64, mean: [0.4]}\n"
    recipe = load_recipe(written(tmp_path, text))
    assert load_recipe(written(tmp_path, recipe.to_yaml())) == recipe


def test_changes_from_the_command_line_win(tmp_path: Path) -> None:
    path = written(tmp_path, "name: a\nmodel: {name: resnet18}\ntraining: {epochs: 9}\n")
    recipe = load_recipe(path, ["training.epochs=2", "classes=[x, y]"])
    assert recipe.training.epochs == 2
    assert recipe.classes == ("x", "y")


def test_every_fault_is_reported_at_once_with_suggestions(tmp_path: Path) -> None:
    text = "name: a\nmodl: {}\nmodel: {name: b, drop: 1}\ntraining: {epochs: many}\n"
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        load_recipe(written(tmp_path, text), ["preprocessing.equalisation=histogram"])
    message = str(caught.value)
    assert "model.drop: unknown key. Did you mean 'dropout'?" in message
    assert "preprocessing.equalisation: unknown key. Did you mean 'equalization'?" in message
    assert "modl: unknown key. Did you mean 'model'?" in message
    assert "training.epochs" in message
    assert "'many'" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["loss.name=binary_cross_entropy", "classes=[a, b, c]"], "needs exactly 2 classes, got 3"),
        (["classes=[a, a]"], "names a label twice"),
        (["classes=[a]"], "at least 2 labels"),
        (["loss.class_weights=[1, 2]", "classes=[a, b, c]"], "2 values for 3 classes"),
        (["loss.auxiliary=0.3"], "needs an auxiliary head, which resnet18 lacks"),
        (["training.monitor=val_auc"], "training.monitor must be one of"),
        (["training.monitor=val_recall_z", "classes=[a, b]"], "watches val_recall_z"),
        (["schedule={name: plateau, warmup: 0.1}"], "cannot be combined with plateau"),
        (["augmentation.scale=[1.2, 0.8]"], "smallest, largest"),
        (["preprocessing.size=3"], r"size must be whole and in \[16, 4096\]"),
        (["training.epochs=0"], "greater than or equal to 1"),
    ],
)
def test_impossible_combinations_are_refused(
    tmp_path: Path, changes: list[str], message: str
) -> None:
    path = written(tmp_path, "name: a\nmodel: {name: resnet18}\n")
    with pytest.raises(ConfigError, match=message):
        load_recipe(path, changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "must be a mapping"),
        ("name: [unclosed", "not valid YAML"),
        ("name: !!python/object:os.system {}\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_yaml(written(tmp_path, text))


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read the recipe .*gone.yaml"):
        read_yaml(tmp_path / "gone.yaml")


def test_a_recipe_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_yaml(tmp_path / "r.yaml")


@pytest.mark.parametrize("change", ["epochs", "=3"])
def test_a_change_without_a_value_is_refused(change: str) -> None:
    with pytest.raises(ConfigError, match="must look like"):
        apply_changes({}, [change])


def test_a_change_through_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="goes through 'name'"):
        apply_changes({"name": "a"}, ["name.x=1"])


def test_changes_leave_the_original_alone() -> None:
    original = {"training": {"epochs": 5}}
    apply_changes(original, ["training.epochs=2"])
    assert original == {"training": {"epochs": 5}}


def test_every_recipe_in_the_project_loads() -> None:
    found = sorted((Path(__file__).parents[1] / "recipes").rglob("*.yaml"))
    recipes = [path for path in found if path.parent.name != "generate"]  # tests/generate has those
    assert recipes
    for path in recipes:
        assert isinstance(load_recipe(path), Recipe)


def test_a_recipe_says_only_what_differs_from_the_one_it_extends(tmp_path: Path) -> None:
    base = "name: a\nmodel: {name: resnet18, dropout: 0.2}\nloss: {class_weights: [1, 2]}\n"
    (tmp_path / "base.yaml").write_text(base)
    text = "extends: base.yaml\nname: b\nmodel: {dropout: 0.5}\nloss: {class_weights: [3, 4]}\n"
    recipe = load_recipe(written(tmp_path, text), ["model.weights=none"])
    assert (recipe.name, recipe.model.name, recipe.model.dropout) == ("b", "resnet18", 0.5)
    assert recipe.loss.class_weights == (3, 4)


def test_recipes_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("extends: recipe.yaml\n")
    with pytest.raises(ConfigError, match="extends recipe.yaml, which extends it in turn"):
        load_recipe(written(tmp_path, "extends: other.yaml\n"))


def test_a_recipe_that_extends_nothing_readable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read the recipe .*gone.yaml"):
        load_recipe(written(tmp_path, "extends: gone.yaml\n"))
    with pytest.raises(ConfigError, match="must be the path of a recipe, got 3"):
        load_recipe(written(tmp_path, "extends: 3\n"))
