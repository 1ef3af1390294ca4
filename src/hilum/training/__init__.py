"""Fit a classifier from a recipe. Needs the `train` extra.

Recipes themselves can be read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.errors import MissingExtraError
from hilum.training.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from hilum.training.batches import Processes
    from hilum.training.bundling import export_run
    from hilum.training.fitting import RunResult, fit
    from hilum.training.gate import GateSettings
    from hilum.training.gate_write import train_gate
    from hilum.training.predict import load_trained, predict_run
    from hilum.training.segment import SegmentSettings
    from hilum.training.segment_bundle import train_segmenter

__all__ = [
    "GateSettings",
    "Processes",
    "Recipe",
    "RunResult",
    "SegmentSettings",
    "export_run",
    "fit",
    "load_recipe",
    "load_trained",
    "predict_run",
    "train_gate",
    "train_segmenter",
]

_PLACES = {
    "GateSettings": "gate",
    "Processes": "batches",
    "RunResult": "fitting",
    "SegmentSettings": "segment",
    "export_run": "bundling",
    "fit": "fitting",
    "load_trained": "predict",
    "predict_run": "predict",
    "train_gate": "gate_write",
    "train_segmenter": "segment_bundle",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(f"hilum.training.{_PLACES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "hilum":
            raise
        raise MissingExtraError(error.name, "train") from error
