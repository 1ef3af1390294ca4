"""Results of each kind of row, and settings that take no time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.results import Results
from hilum.benchmark.row import compared, limited


@pytest.fixture
def tiny(tmp_path: Path) -> Settings:
    return replace(Settings.quick(tmp_path / "bench", against=True), small=64, large=(80, 96))


@pytest.fixture
def results() -> Results:
    rows = (
        limited("one film from a cold process", 0.52, unit="s", limit=0.7),
        compared("resnet50, fp32", 43.0, "torch, eager", 64.4, 1.497, unit="ms", target=1.5),
        compared("a picture from the cache", 1.8, "its file", 13000.0, 7154.0, unit="us",
                 target=50),
        compared("every class's map beside none", 60.0, "no maps", 59.0, 1.02, unit="ms",
                 target=1.05, at_most=True),
        Case(claim="densenet121", peer="torchxrayvision").missing("pip install torchxrayvision"),
    )  # fmt: skip
    return Results(
        command="hilum bench --against peers", measured="2026-01-02T03:04:05+00:00", seconds=61.0,
        against=True, quick=False, busy=False,
        machine={"processor": "P", "cores": 4, "cores_used": 2, "threads": 2,
                 "instructions": ["avx2"],
                 "memory_gb": 8.0, "system": "Linux", "python": "3.11.7"},
        versions={"numpy": "2.4.6"},
        groups=({"name": "engine", "seconds": 61.0, "load_before": 0.1, "load_after": 1.9},),
        rows=tuple(replace(row, group="engine", versions={"numpy": "2.4.6"}) for row in rows),
    )  # fmt: skip
