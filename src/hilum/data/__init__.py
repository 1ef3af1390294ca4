"""Radiographs, the tables that list them, and the one path from a file to network input.

The names below are imported when they are first used, so that reading one film for screening brings
in neither polars nor pydicom.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hilum.data.cache import PreparedCache, build_cache
    from hilum.data.manifest import Manifest
    from hilum.data.phantom import write_cohort
    from hilum.data.preprocessing import Preprocessing, normalize, prepare
    from hilum.data.radiograph import Radiograph
    from hilum.data.reading import read_radiograph
    from hilum.data.splits import check_no_leak, split_by_patient

__all__ = [
    "Manifest",
    "PreparedCache",
    "Preprocessing",
    "Radiograph",
    "build_cache",
    "check_no_leak",
    "normalize",
    "prepare",
    "read_radiograph",
    "split_by_patient",
    "write_cohort",
]

_HOMES = {
    "Manifest": "manifest",
    "PreparedCache": "cache",
    "Preprocessing": "preprocessing",
    "Radiograph": "radiograph",
    "build_cache": "cache",
    "check_no_leak": "splits",
    "normalize": "preprocessing",
    "prepare": "preprocessing",
    "read_radiograph": "reading",
    "split_by_patient": "splits",
    "write_cohort": "phantom",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
