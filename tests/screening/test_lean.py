"""Screening needs numpy, ONNX Runtime and Pillow, and nothing else that is heavy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hilum.screening
from hilum.screening.bundle import Bundle

HEAVY = [
    "torch",
    "torchvision",
    "lightning",
    "polars",
    "matplotlib",
    "pandas",
    "scipy",
    "sklearn",
    "pydicom",
    "onnx",
    "safetensors",
    "yaml",
    "jinja2",
]
BLOCK = """
import sys
for name in {names!r}:
    sys.modules[name] = None
"""

Draw = Callable[..., Any]


def run(code: str, *names: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BLOCK.format(names=[*HEAVY, *names]) + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def film_path(tmp_path: Path, chest: Draw, png: Draw) -> Path:
    path = tmp_path / "film.png"
    path.write_bytes(png(chest()))
    return path


def test_an_answer_and_its_heatmaps_need_nothing_heavy(bundle: Bundle, film_path: Path) -> None:
    code = f"""
from pathlib import Path
from typing import Any
import hilum.screening.screener
from hilum.screening.run import screen_films
(answer,) = screen_films([Path({str(film_path)!r})], {str(bundle.folder)!r},
                         heatmaps=Path({str(film_path.parent / "maps")!r}))
print(answer["decision"], answer["error"])
"""
    decision, error = run(code, "pydantic", "rich", "typer").split()
    assert decision in bundle.record.classes
    assert error == "None"


def test_the_command_line_screens_without_anything_heavy(bundle: Bundle, film_path: Path) -> None:
    code = f"""
sys.argv = ["hilum", "screen", {str(film_path)!r}, "--bundle", {str(bundle.folder)!r}]
from hilum.cli import main
main()
"""
    assert run(code, "rich").endswith("Research use only.\n")


def test_every_public_name_can_be_had_without_torch() -> None:
    code = """
import hilum.screening
for name in hilum.screening.__all__:
    getattr(hilum.screening, name)
print(len(hilum.screening.__all__))
"""
    assert int(run(code)) == len(hilum.screening.__all__)


def test_public_names_are_sorted_listed_and_nothing_else() -> None:
    assert list(hilum.screening.__all__) == sorted(set(hilum.screening.__all__))
    assert set(hilum.screening.__all__) <= set(dir(hilum.screening))
    with pytest.raises(AttributeError, match="has no attribute 'Screner'"):
        hilum.screening.Screner  # noqa: B018
