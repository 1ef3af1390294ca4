"""Predictions to score: random ones with ties, several images a patient, several sources."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hilum.evaluation import Predictions

Maker = Callable[..., Predictions]


@pytest.fixture
def make_predictions() -> Maker:
    def make(
        n: int = 300,
        k: int = 3,
        *,
        seed: int = 0,
        patients: int | None = None,
        sources: int | None = 3,
        decimals: int | None = None,
        skill: float = 1.0,
    ) -> Predictions:
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % k
        scores = rng.normal(size=(n, k))
        scores[np.arange(n), labels] += skill
        p = np.exp(scores)
        p /= p.sum(axis=1, keepdims=True)
        if decimals is not None:
            p = np.maximum(np.round(p, decimals), 10.0**-decimals)
            p /= p.sum(axis=1, keepdims=True)
        people = rng.integers(0, patients or n, size=n)
        return Predictions(
            [f"images/{i}.png" for i in range(n)],
            [f"p{i}" for i in people],
            labels,
            [f"class{c}" for c in range(k)],
            p,
            sources=None if sources is None else [f"s{i % sources}" for i in people],
        )

    return make
