"""An evaluation to draw."""

from __future__ import annotations

from collections.abc import Callable

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
