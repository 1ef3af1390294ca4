"""What an int8 network's logits are off by, learnt from its features and taken away again.

Rounding moves the features of all films in much the same way, so that a linear map of them tells
most of what the logits are off by: ridge regression of the full-precision network's logits minus
the int8 network's. No label is looked at, only what the network itself says in full precision. The
evidence maps are left as they are.

References:
    Hoerl and Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems",
    Technometrics 12, 1970.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Correction", "corrected", "fit_correction"]

Array = NDArray[np.float64]

_PENALTIES = (10.0, 30.0, 100.0, 300.0, 1000.0, 10_000.0)
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Correction:
    """logits + features @ weights + bias.

    Args:
        weights: Shape (features, outputs).
        bias: Shape (outputs,).
        error_before: Root mean square of what the logits are off by, on patients left out.
        error_after: The same after the correction.
    """

    weights: Array
    bias: Array
    error_before: float
    error_after: float


def fit_correction(
    features: NDArray[np.float32],
    logits: NDArray[np.float32],
    wanted: NDArray[np.float32],
    patients: NDArray[np.int64],
) -> Correction:
    """Fit what is to be added to logits; the penalty is chosen on patients left out.

    Args:
        features: Of the int8 network, shape (n, features).
        logits: Of the int8 network, shape (n, outputs).
        wanted: Of the network in full precision, shape (n, outputs).
        patients: Which patient each film shows, shape (n,), whole numbers from 0.
    """
    x, off = features.astype(np.float64), (wanted - logits).astype(np.float64)
    fold = patients % _FOLDS
    errors = {penalty: _left_out_error(x, off, fold, penalty) for penalty in _PENALTIES}
    best = min(errors, key=errors.__getitem__)
    weights, bias = _ridge(x, off, best)
    return Correction(weights, bias, float(np.sqrt((off**2).mean())), errors[best])


def _left_out_error(x: Array, off: Array, fold: NDArray[np.int64], penalty: float) -> float:
    left = np.empty_like(off)
    for part in np.unique(fold):
        held = fold == part
        rows = ~held if (~held).any() else held
        weights, bias = _ridge(x[rows], off[rows], penalty)
        left[held] = off[held] - x[held] @ weights - bias
    return float(np.sqrt((left**2).mean()))


def _ridge(x: Array, y: Array, penalty: float) -> tuple[Array, Array]:
    """Return weights and bias on features as they are, the penalty being on standardised ones."""
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    z, mean = (x - middle) / spread, y.mean(axis=0)
    # The dual form solves as many equations as there are films, of whom there are fewer.
    weights = z.T @ np.linalg.solve(z @ z.T + penalty * np.eye(len(z)), y - mean)
    weights = weights / spread[:, None]
    return weights, mean - middle @ weights


def corrected(model: Any, correction: Correction) -> Any:
    """Return a copy of an OpenVINO network whose logits are corrected.

    Args:
        model: With outputs `logits` and `features`.
        correction: What to add.
    """
    ops = importlib.import_module("openvino.opset13")
    copy = model.clone()
    by_name = {name: port for port in copy.outputs for name in port.get_names()}
    result = by_name["logits"].get_node()
    logits = result.input_value(0)
    features = by_name["features"].get_node().input_value(0)
    weights = ops.constant(correction.weights.astype(np.float32))
    added = ops.matmul(features, weights, False, False)
    moved = ops.add(added, ops.constant(correction.bias.astype(np.float32)[None]))
    final = ops.add(logits, moved)
    logits.get_tensor().set_names(set())
    final.output(0).get_tensor().set_names({"logits"})
    copy.remove_result(result)
    copy.add_results([ops.result(final.output(0))])
    return copy
