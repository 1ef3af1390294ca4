"""An evaluation to draw."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from hilum.evaluation import Evaluation, Predictions, evaluate

Scored = tuple[Predictions, Evaluation]


@pytest.fixture(scope="session")
def score() -> Callable[..., Scored]:
    def made(classes: tuple[str, ...] = ("normal", "pneumonia", "covid"), *, n: int = 60) -> Scored:
        rng = np.random.default_rng(0)
        k = len(classes)
        labels = np.arange(n) % k
        p = rng.dirichlet(np.ones(k), n) * 0.6
        p[np.arange(n), labels] += 0.4
        names = [str(i) for i in range(n)]
        sources = [f"s{i % 4}" for i in range(n)]
        predictions = Predictions(names, names, labels, classes, p, sources=sources)
        return predictions, evaluate(predictions, resamples=50)

    return made


@pytest.fixture(scope="session")
def browser() -> ModuleType:
    """What a real browser and axe say of a page; its functions skip where these are missing."""
    spec = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
    if spec is None or spec.loader is None:
        raise ImportError("tests/report/browser.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
