"""What a run's own films say to the gate of its bundle: statistics of the network's features."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import normalize
from hilum.errors import CacheError, DataError
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine
from hilum.screening.gate.distance import fit_statistics
from hilum.screening.gate.fitting import MOST_FILMS, features_of
from hilum.training.examples import select_examples
from hilum.training.recipe import Recipe

__all__ = ["gate_of_run"]

_BATCH = 32

logger = logging.getLogger(__name__)


def gate_of_run(
    recipe: Recipe, about: dict[str, Any], bundle: Bundle, onnx: bytes
) -> dict[str, Any]:
    """Return the gate record of a run's bundle: `{"features": {...}}`, or `{}`.

    It is empty where the run's manifest or its cache of prepared films is gone, or its splits are
    too small to say anything; that is logged.

    Args:
        recipe: The run's recipe.
        about: The run's record.
        bundle: The bundle that is about to be written, with its record.
        onnx: The exported network.
    """
    try:
        cache, places = _films(recipe, about)
        engine = Engine(bundle, model=onnx)
        features = {
            name: features_of(engine, _batches(cache, rows, recipe))
            for name, rows in places.items()
        }
        statistics = fit_statistics(
            features["train"],
            features["val"],
            about={"from": f"manifest {about['manifest']['sha256'][:12]}, limit set on split val"},
        )
    except (CacheError, DataError, ValueError) as error:
        logger.warning(
            "The bundle's gate will not judge by distance: %s Add it with `hilum gate fit`.", error
        )
        return {}
    return {"features": statistics.to_dict()}


def _films(
    recipe: Recipe, about: dict[str, Any]
) -> tuple[PreparedCache, dict[str, NDArray[np.int64]]]:
    """Return the cache, and where in it the films of train and val lie."""
    path = about["manifest"]["path"]
    if path is None or not Path(path).exists():
        raise DataError("The manifest of the run is not there any more.")
    cache = PreparedCache.open(about["cache"]["path"])
    examples = select_examples(Manifest.read(path, check_files=False), recipe)
    places = {}
    for name in ("train", "val"):
        found = cache.locate(examples.split(name))
        found = found[found >= 0]
        places[name] = found[:: max(1, -(-found.size // MOST_FILMS))]
        if not found.size:
            raise DataError(f"The cache of the run holds no film of split {name}.")
    return cache, places


def _batches(
    cache: PreparedCache, rows: NDArray[np.int64], recipe: Recipe
) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rows), _BATCH):
        yield normalize(cache.images(rows[start : start + _BATCH]), recipe.preprocessing)
