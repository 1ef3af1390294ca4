from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.evaluation.metrics import negative_log_likelihood
from hilum.evaluation.temperature import fit_temperature, scale_by_temperature


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def drawn(temperature: float, n: int = 40_000) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels, and probabilities that are too sure by `temperature`."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 1.5, (n, 3))
    true = softmax(logits)
    labels = (true.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return labels, softmax(logits * temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.954, 4.0])
def test_the_temperature_that_spoilt_the_probabilities_is_found(temperature: float) -> None:
    labels, probabilities = drawn(temperature)
    assert fit_temperature(labels, probabilities) == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_gives_less_loss() -> None:
    labels, probabilities = drawn(2.0, 500)
    best = fit_temperature(labels, probabilities)
    losses = [
        negative_log_likelihood(labels, scale_by_temperature(probabilities, best * factor))
        for factor in (0.97, 1.0, 1.03)
    ]
    assert losses[1] == min(losses)


def test_scaling_is_what_dividing_logits_does() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 4))
    assert np.allclose(scale_by_temperature(softmax(logits), 1.7), softmax(logits / 1.7))


def test_separable_images_give_the_lowest_temperature_allowed() -> None:
    assert fit_temperature([0, 1], [[0.9, 0.1], [0.2, 0.8]]) == pytest.approx(0.05)


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0, got 0"):
        scale_by_temperature([[0.5, 0.5]], 0)
