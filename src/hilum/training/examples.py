"""From a manifest and a recipe to the rows that are trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.manifest import Manifest
from hilum.data.splits import check_no_leak
from hilum.errors import ConfigError
from hilum.training.recipe import Recipe

__all__ = ["Examples", "select_examples", "selection_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The rows of a manifest that a recipe asks for.

    Args:
        manifest: Those rows, labels renamed.
        classes: Labels in the order of the outputs.
    """

    manifest: Manifest
    classes: tuple[str, ...]

    def split(self, name: str) -> Manifest:
        """Return the rows of one split.

        Raises:
            ConfigError: If it is empty.
        """
        chosen = self.manifest.select(split=name)
        if not len(chosen):
            raise ConfigError(
                f"The manifest has no rows with split {name!r} and the labels "
                f"{', '.join(self.classes)}. Split it first, or name other classes."
            )
        return chosen

    def targets(self, manifest: Manifest) -> NDArray[np.int64]:
        """Return the class index of each row, shape (n,)."""
        order = {label: index for index, label in enumerate(self.classes)}
        return np.array([order[label] for label in manifest.frame["label"]], dtype=np.int64)


def select_examples(manifest: Manifest, recipe: Recipe) -> Examples:
    """Rename labels, keep the recipe's classes, and check that no patient leaks.

    Raises:
        ConfigError: If the manifest has no split column, or lacks a class.
        LeakageError: If a patient stands in two splits.
    """
    frame = manifest.frame
    if "split" not in frame.columns:
        raise ConfigError(
            "The manifest has no column `split`. Add one with values train, val and test, drawn "
            "by patient."
        )
    if recipe.relabel:
        unknown = sorted(set(recipe.relabel) - set(frame["label"].unique()))
        if unknown:
            raise ConfigError(f"relabel names labels the manifest lacks: {', '.join(unknown)}.")
        frame = frame.with_columns(pl.col("label").replace(recipe.relabel))
    present = sorted(frame["label"].unique())
    classes = recipe.classes or tuple(present)
    missing = [label for label in classes if label not in present]
    if missing:
        raise ConfigError(
            f"The manifest has no rows labelled {', '.join(missing)}; it has {', '.join(present)}."
        )
    if recipe.loss.name == "binary_cross_entropy" and len(classes) != 2:
        raise ConfigError(
            f"binary_cross_entropy needs exactly 2 classes, the manifest has {len(classes)} "
            f"({', '.join(classes)}). Name two in `classes`, or join some with `relabel`."
        )
    chosen = Manifest.from_frame(frame.filter(pl.col("label").is_in(classes)), manifest.root)
    check_no_leak(chosen)
    return Examples(manifest=chosen, classes=classes)


def selection_rows(examples: Examples, recipe: Recipe) -> Manifest:
    """Return the images whose score chooses the best weights."""
    rows = examples.split(recipe.training.selection_split)
    if not recipe.training.balance_selection:
        return rows
    targets = examples.targets(rows)
    fewest = int(np.bincount(targets, minlength=len(examples.classes)).min())
    if not fewest:
        raise ConfigError(
            "training.balance_selection needs images of every class in split "
            f"{recipe.training.selection_split!r}."
        )
    rng = np.random.default_rng(recipe.training.seed)
    drawn = [
        rng.permutation(np.flatnonzero(targets == index))[:fewest]
        for index in range(len(examples.classes))
    ]
    return replace(rows, frame=rows.frame[np.sort(np.concatenate(drawn))])
