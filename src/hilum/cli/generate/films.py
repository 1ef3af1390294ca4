"""Prepared films of a split, for the commands that look at an autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hilum.generate import VaeRecipe


def films_of_split(
    manifest: Path, recipe: VaeRecipe, split: str, cache: Path | None
) -> NDArray[np.uint8]:
    """Return the films of a split with the recipe's labels, shape (n, size, size).

    Args:
        manifest: File to read.
        recipe: Of the autoencoder.
        split: Name of the split.
        cache: Folder of prepared films; the shared one of this preprocessing if None.
    """
    from hilum.cli.train import prepared
    from hilum.data.manifest import Manifest
    from hilum.generate.films import cache_rows, films_of

    films = films_of(Manifest.read(manifest), recipe, split)
    pictures = prepared(films, recipe.preprocessing, cache)
    return pictures.images(cache_rows(pictures, films, recipe))
