"""Screening without a deep-learning framework: a bundle and a radiograph make a `Screening`.

Everything here runs on numpy, ONNX Runtime and Pillow, and is imported when first used, because
the time from a cold start to an answer is part of what this room promises. For research use only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hilum.screening.batch import predict_manifest
    from hilum.screening.bundle import Bundle, load_bundle, write_bundle
    from hilum.screening.card import model_card
    from hilum.screening.films import find_films
    from hilum.screening.gate import Verdict, check
    from hilum.screening.heatmap import Heatmap, heatmaps
    from hilum.screening.overlay import draw_overlay, write_overlays
    from hilum.screening.record import Architecture, BundleRecord, Threshold
    from hilum.screening.result import Screening
    from hilum.screening.screener import Screener, screen

__all__ = [
    "Architecture",
    "Bundle",
    "BundleRecord",
    "Heatmap",
    "Screener",
    "Screening",
    "Threshold",
    "Verdict",
    "check",
    "draw_overlay",
    "find_films",
    "heatmaps",
    "load_bundle",
    "model_card",
    "predict_manifest",
    "screen",
    "write_bundle",
    "write_overlays",
]

_HOMES = {
    "batch": ("predict_manifest",),
    "bundle": ("Bundle", "load_bundle", "write_bundle"),
    "card": ("model_card",),
    "films": ("find_films",),
    "gate": ("Verdict", "check"),
    "heatmap": ("Heatmap", "heatmaps"),
    "overlay": ("draw_overlay", "write_overlays"),
    "record": ("Architecture", "BundleRecord", "Threshold"),
    "result": ("Screening",),
    "screener": ("Screener", "screen"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
