"""Weights that make rare classes count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hilum.errors import ConfigError

__all__ = ["class_weights"]


def class_weights(
    counts: NDArray[np.int64], rule: Literal["none", "balanced"] | Sequence[float]
) -> NDArray[np.float64]:
    """Return one loss weight a class, scaled so that the mean over training images is 1.

    "balanced" gives class k the weight n / (classes * n_k). Weights are scaled rather than the loss
    divided by the weights of each batch, so that a batch shared out over several processes has
    the same gradient as the whole.

    Args:
        counts: Training images a class, shape (k,), each above 0.
        rule: "none", "balanced", or a weight a class.

    Raises:
        ConfigError: If a class has no training image, or the number of weights is wrong.
    """
    if (counts <= 0).any():
        raise ConfigError(
            f"Every class needs training images, got counts {counts.tolist()}. "
            "Name only classes that the train split holds."
        )
    if isinstance(rule, str):
        weights = np.ones(counts.size) if rule == "none" else counts.sum() / counts
    else:
        weights = np.asarray(rule, dtype=np.float64)
        if weights.size != counts.size:
            raise ConfigError(f"class_weights has {weights.size} values for {counts.size} classes")
    scaled: NDArray[np.float64] = weights / ((weights * counts).sum() / counts.sum())
    return scaled
