"""What training knows of a picture besides its label: where it comes from, and what it weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.data.manifest import Manifest
from hilum.errors import ConfigError
from hilum.training.recipe import Recipe

__all__ = ["Traits", "traits_of"]


@dataclass(frozen=True, slots=True)
class Traits:
    """One value a training picture, in the order of the train split.

    Args:
        weights: What each picture's loss is multiplied by, shape (n,), mean 1.
        sources: Index of each picture's source, shape (n,).
        names: The sources, in the order of their indices.
    """

    weights: NDArray[np.float32]
    sources: NDArray[np.int64]
    names: tuple[str, ...]


def traits_of(rows: Manifest, targets: NDArray[np.int64], recipe: Recipe) -> Traits | None:
    """Return what the recipe's loss needs to know of the training pictures; None for nothing.

    With `loss.source_weights: balanced`, the pictures of class k from source s weigh
    n_k / (sources of k * n_ks), so that each source of a class weighs the same and each class as
    much as before.

    Args:
        rows: The train split.
        targets: Class indices, shape (n,).
        recipe: Its loss.

    Raises:
        ConfigError: If an adversary has only one source to guess.
    """
    loss = recipe.loss
    if not loss.adversary and loss.source_weights == "none":
        return None
    names, sources = np.unique(rows.frame["source"].to_numpy(), return_inverse=True)
    if loss.adversary and names.size < 2:
        raise ConfigError(
            f"loss.adversary guesses the source, but all training images are of {names[0]!r}. "
            "Leave it at 0, or train on several sources."
        )
    weights = np.ones(targets.size)
    if loss.source_weights == "balanced":
        for label in np.unique(targets):
            own = targets == label
            held, place, counts = np.unique(sources[own], return_inverse=True, return_counts=True)
            weights[own] = own.sum() / (held.size * counts[place])
    return Traits(
        weights.astype(np.float32), sources.astype(np.int64), tuple(str(name) for name in names)
    )
