"""How large `pip install hilum` is, without extras, and what it must not bring."""

from __future__ import annotations

import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
MOST_MB = 400


def core() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return list(tomllib.load(file)["project"]["dependencies"])


def closure(requirements: list[str]) -> dict[str, Distribution]:
    """Every distribution that some requirements bring, by name."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        name = wanted.name.lower().replace("_", "-")
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[name] = distribution(wanted.name)
        waiting += [Requirement(text) for text in found[name].requires or []]
    return found


def megabytes(paths: list[Path]) -> float:
    """Bytes of what was installed; what Python compiles from it afterwards does not count."""
    sizes = [path.stat().st_size for path in paths if path.suffix != ".pyc" and path.is_file()]
    return sum(sizes) / 1e6


@pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="needs a checkout")
def test_the_core_stays_below_its_size() -> None:
    sizes = {
        name: megabytes([Path(str(found.locate_file(file))) for file in found.files or []])
        for name, found in closure(core()).items()
    }
    sizes["hilum"] = megabytes([*(ROOT / "src" / "hilum").rglob("*")])
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:6]
    assert sizes["polars-runtime-32"] > 100, "the sizes of the files were not found"
    assert sum(sizes.values()) < MOST_MB, largest


@pytest.mark.parametrize(
    "heavy", ["torch", "matplotlib", "python-gdcm", "scipy", "pandas", "pyarrow", "sympy"]
)
def test_the_core_does_without(heavy: str) -> None:
    assert heavy not in closure(core())
