"""What a paper is to hilum: networks to train as published and repaired, and faults to price.

The recipes hold every setting; a paper here says only which recipes answer which printed row, what
the classes are called in other manifests, and which single change brings back which fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hilum.errors import ConfigError, DataError

__all__ = ["Fault", "Network", "Paper", "recipe_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One printed row, and the recipes that train it."""

    name: str
    """Short, for folders."""

    row: str
    """What the paper's tables call it; empty for one that they do not hold."""

    published: str
    """Recipe with the faults kept, from the folder of recipes."""

    repaired: str
    """Recipe without them."""

    repaired_changes: tuple[str, ...] = ()
    """What else the repaired run of this row changes, such as equalisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One published fault, alone: the repaired run with this brought back."""

    name: str
    what: str
    """In a sentence."""

    changes: tuple[str, ...]
    """Recipe settings that bring it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One of the four papers."""

    name: str
    title: str
    citation: str
    classes: tuple[str, ...]
    relabel: Mapping[str, str]
    """Labels of hilum's own words to the paper's classes; used where a manifest has those."""

    metrics: tuple[str, ...]
    """What its tables hold: accuracy, recall_CLASS, precision_CLASS, f1_CLASS, macro_f1 ..."""

    networks: tuple[Network, ...]
    faults: tuple[Fault, ...] = ()
    fault_base: str = ""
    """Name of the network that carries the faults, the smallest that shows them."""

    folds: int = 0
    """Folds of its cross-validation by patient; 0 where it has a test split."""

    first_stage: Mapping[str, str] = field(default_factory=dict)
    """Recipes, by variant, of the network that the folds start from."""

    first_labels: tuple[str, ...] = ()
    """Labels that network learns from."""

    notes: tuple[str, ...] = field(default_factory=tuple)
    """What differs from the paper here, whatever the manifest."""

    def network(self, name: str) -> Network:
        """Return one of the networks.

        Raises:
            ConfigError: If there is none of this name.
        """
        for network in self.networks:
            if network.name == name:
                return network
        known = ", ".join(network.name for network in self.networks)
        raise ConfigError(f"Paper {self.name} has no network {name!r}. It has {known}.")

    def labels_for(self, present: list[str]) -> dict[str, str]:
        """Return how the labels of a manifest become the paper's classes.

        Raises:
            DataError: If they do not cover every class.
        """
        if set(self.classes) <= set(present):
            return {}
        used = {label: self.relabel[label] for label in present if label in self.relabel}
        reached = {*used.values(), *present}
        if missing := [label for label in self.classes if label not in reached]:
            raise DataError(
                f"Paper {self.name} tells {', '.join(self.classes)} apart; this manifest, with "
                f"{', '.join(present)}, has nothing for {', '.join(missing)}."
            )
        return {old: new for old, new in used.items() if old != new}


def recipe_file(name: str) -> Path:
    """Return where a recipe of the project lies, installed or in a checkout.

    Raises:
        ConfigError: If it is in neither place.
    """
    import hilum

    package = Path(hilum.__file__).parent
    for folder in (package / "recipes", package.parents[1] / "recipes"):
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"The recipe {name} is not installed with hilum; is the package whole?")
