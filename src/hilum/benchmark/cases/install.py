"""How many bytes `pip install hilum` puts on a disk, without extras.

Weighed where it is installed: hilum and every package that it asks for, and that those ask for.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

import hilum
from hilum.benchmark.case import Case, Settings
from hilum.benchmark.row import Row, limited

__all__ = ["CASES", "closure", "megabytes"]

LIMIT_MB = 400.0
_LARGEST = 3


def closure(name: str) -> dict[str, Distribution]:
    """Return a distribution and every one it brings without extras, by name."""
    found: dict[str, Distribution] = {}
    waiting = [name]
    while waiting:
        key = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(key)
        except PackageNotFoundError:
            continue  # not installed, so it weighs nothing here
        for text in found[key].requires or []:
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted.name)
    return found


def megabytes(paths: list[Path]) -> float:
    """Return what was installed, in 10^6 bytes; what Python compiles of it does not count."""
    sizes = [path.stat().st_size for path in paths if path.suffix != ".pyc" and path.is_file()]
    return sum(sizes) / 1e6


def alone(_settings: Settings) -> list[Row]:
    """Weigh the core."""
    brought = closure("hilum")
    sizes = {
        name: megabytes([Path(str(found.locate_file(file))) for file in found.files or []])
        for name, found in brought.items()
        if name != "hilum"
    }
    sizes["hilum"] = megabytes([*Path(hilum.__file__).parent.rglob("*")])
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:_LARGEST]
    note = ", ".join(f"{name} {size:.0f} MB" for name, size in largest)
    claim = f"core install, hilum and {len(sizes) - 1} packages"
    return [limited(claim, sum(sizes.values()), unit="MB", limit=LIMIT_MB, note=note)]


CASES = (Case(claim="core install", alone=alone, packages=("polars", "onnxruntime", "numpy")),)
