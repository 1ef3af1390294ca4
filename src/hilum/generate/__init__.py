"""Fit a variational autoencoder to the films of a class and draw new ones. Needs `train`.

Recipes and the search for copies can be used without torch. What is drawn is no patient, and no
substitute for one: see docs/generate.md for what was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.errors import MissingExtraError
from hilum.generate.copies import CopyReport, find_copies
from hilum.generate.settings import VaeRecipe, load_vae_recipe

if TYPE_CHECKING:
    from hilum.generate.run_folder import load_vae
    from hilum.generate.sample import draw, interpolate, reconstruct
    from hilum.generate.train_vae import VaeResult, fit_vae
    from hilum.generate.vae import Vae

__all__ = [
    "CopyReport",
    "Vae",
    "VaeRecipe",
    "VaeResult",
    "draw",
    "find_copies",
    "fit_vae",
    "interpolate",
    "load_vae",
    "load_vae_recipe",
    "reconstruct",
]

_PLACES = {
    "Vae": "vae",
    "VaeResult": "train_vae",
    "draw": "sample",
    "fit_vae": "train_vae",
    "interpolate": "sample",
    "load_vae": "run_folder",
    "reconstruct": "sample",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(f"hilum.generate.{_PLACES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "hilum":
            raise
        raise MissingExtraError(error.name, "train") from error
