"""hilum trains, proves and serves chest X-ray classifiers. For research use only.

    import hilum

    film = hilum.read_radiograph("film.dcm")
    bundle = hilum.load_bundle("runs/demo/bundle")
    answer = hilum.screen("film.dcm", bundle)

What is named here is the public interface; each room's own `__all__` adds to it. Everything is
imported when first asked for, and nothing here needs torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hilum.data import (
        Manifest,
        PreparedCache,
        Preprocessing,
        Radiograph,
        build_cache,
        prepare,
        read_radiograph,
        split_by_patient,
        write_cohort,
    )
    from hilum.errors import HilumError
    from hilum.evaluation import Evaluation, Predictions, evaluate
    from hilum.screening import Bundle, Screener, Screening, load_bundle, screen

__all__ = [
    "Bundle",
    "Evaluation",
    "HilumError",
    "Manifest",
    "Predictions",
    "PreparedCache",
    "Preprocessing",
    "Radiograph",
    "Screener",
    "Screening",
    "__version__",
    "build_cache",
    "evaluate",
    "load_bundle",
    "prepare",
    "read_radiograph",
    "screen",
    "split_by_patient",
    "write_cohort",
]

_ROOMS = {
    "data": (
        "Manifest",
        "PreparedCache",
        "Preprocessing",
        "Radiograph",
        "build_cache",
        "prepare",
        "read_radiograph",
        "split_by_patient",
        "write_cohort",
    ),
    "errors": ("HilumError",),
    "evaluation": ("Evaluation", "Predictions", "evaluate"),
    "screening": ("Bundle", "Screener", "Screening", "load_bundle", "screen"),
}
_PLACES = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"hilum.{_PLACES[name]}"), name)
