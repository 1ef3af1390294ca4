from __future__ import annotations

import pytest

from hilum.errors import ConfigError, DataError
from hilum.reproduce import PAPERS, paper, recipe_file
from hilum.training.recipe import load_recipe


@pytest.mark.parametrize("name", [*PAPERS])
def test_every_recipe_a_paper_names_is_there_and_tells_its_classes_apart(name: str) -> None:
    found = paper(name)
    for network in found.networks:
        for file in (network.published, network.repaired):
            assert {*(load_recipe(recipe_file(file)).classes or ())} == {*found.classes}


@pytest.mark.parametrize("name", [name for name in PAPERS if PAPERS[name].faults])
def test_every_fault_changes_the_repaired_recipe(name: str) -> None:
    found = paper(name)
    base = recipe_file(found.network(found.fault_base).repaired)
    for fault in found.faults:
        assert load_recipe(base, list(fault.changes)) != load_recipe(base), fault.name


def test_repaired_changes_can_be_made() -> None:
    for network in paper("p2").networks:
        recipe = load_recipe(recipe_file(network.repaired), list(network.repaired_changes))
        wanted = "histogram" if network.name.endswith("equalized") else "none"
        assert recipe.preprocessing.equalization == wanted


def test_labels_of_hilums_words_become_the_papers_classes() -> None:
    found = paper("p2")
    assert found.labels_for(["covid", "normal"]) == {"covid": "positive", "normal": "negative"}
    assert found.labels_for(["negative", "positive"]) == {}


def test_a_manifest_that_lacks_a_class_is_refused() -> None:
    with pytest.raises(DataError, match="has nothing for positive"):
        paper("p2").labels_for(["normal", "pneumonia"])


def test_an_unknown_paper_or_network_is_refused() -> None:
    with pytest.raises(ConfigError, match="There is no paper 'p5'"):
        paper("p5")
    with pytest.raises(ConfigError, match="It has covidnet-large"):
        paper("p1").network("vgg")
