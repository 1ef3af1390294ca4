"""Which films an autoencoder learns from, and which it is only measured on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.data.splits import check_no_leak
from hilum.errors import ConfigError, DataError
from hilum.generate.settings import VaeRecipe

__all__ = ["cache_rows", "films_of", "to_tensor"]


def films_of(manifest: Manifest, recipe: VaeRecipe, split: str) -> Manifest:
    """Return the films of one split with the recipe's labels.

    Raises:
        ConfigError: If the manifest has no splits, a label does not occur, or nothing is left.
        LeakageError: If a patient stands in two splits.
    """
    if not manifest.splits:
        raise ConfigError(
            "The manifest has no column `split`. Add one with values train, val and test, drawn "
            "by patient: hilum data split."
        )
    missing = [label for label in recipe.labels if label not in manifest.labels]
    if missing:
        raise ConfigError(
            f"The manifest has no films labelled {', '.join(missing)}; it has "
            f"{', '.join(manifest.labels)}. Change `labels` in the recipe."
        )
    check_no_leak(manifest)
    chosen = manifest.select(split=split, labels=recipe.labels)
    if len(chosen) < 2:
        raise ConfigError(
            f"Expected at least 2 films with split {split!r} and the labels "
            f"{', '.join(recipe.labels)}, got {len(chosen)}."
        )
    return chosen


def cache_rows(cache: PreparedCache, films: Manifest, recipe: VaeRecipe) -> NDArray[np.int64]:
    """Return the row in the cache of each film, shape (n,).

    Raises:
        ConfigError: If the cache was prepared otherwise than the recipe says.
        DataError: If a film could not be prepared.
    """
    if cache.preprocessing.pixel_hash != recipe.preprocessing.pixel_hash:
        raise ConfigError("The cache was prepared with another preprocessing than the recipe's.")
    rows = cache.locate(films)
    bad = [str(path) for path, row in zip(films.paths(), rows, strict=True) if row < 0]
    if bad:
        raise DataError(
            f"{len(bad)} film(s) could not be prepared ({', '.join(bad[:5])}). "
            "`hilum prepare` says why of each; mend them or take them out of the manifest."
        )
    return rows


def to_tensor(pictures: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """Turn prepared pictures (n, size, size) into (n, 1, size, size) in [0, 1], 32 bits."""
    found: Tensor = torch.from_numpy(pictures).to(device).unsqueeze(1).to(torch.float32) / 255
    return found
