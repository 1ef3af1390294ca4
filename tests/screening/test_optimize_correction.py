from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.screening.optimize_correction import Correction, corrected, fit_correction

RNG = np.random.default_rng(5)
PATIENTS = np.arange(200) // 2


def test_what_features_tell_is_taken_away_on_patients_left_out() -> None:
    features = RNG.normal(size=(200, 12)).astype(np.float32)
    logits = RNG.normal(size=(200, 3)).astype(np.float32)
    off = features @ RNG.normal(size=(12, 3)) + 0.7
    found = fit_correction(features, logits, (logits + off).astype(np.float32), PATIENTS)
    assert found.error_before == pytest.approx(np.sqrt((off**2).mean()), rel=1e-5)
    assert found.error_after < 0.1 * found.error_before


def test_noise_is_not_learnt() -> None:
    features = RNG.normal(size=(200, 400)).astype(np.float32)
    noise = RNG.normal(size=(200, 3)).astype(np.float32)
    found = fit_correction(features, np.zeros_like(noise), noise, PATIENTS)
    assert np.abs(found.weights).max() < 0.03  # the heaviest penalty on what helps nobody
    assert found.error_after == pytest.approx(found.error_before, rel=0.05)


def test_a_constant_shift_is_all_bias() -> None:
    features = RNG.normal(size=(200, 4)).astype(np.float32)
    logits = RNG.normal(size=(200, 1)).astype(np.float32)
    found = fit_correction(features, logits, logits - 0.25, PATIENTS)
    np.testing.assert_allclose(found.weights, 0, atol=1e-6)
    np.testing.assert_allclose(found.bias, -0.25, atol=1e-6)


def test_the_network_adds_what_was_fitted(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino", reason="pip install 'hilum[fast]'")
    from openvino import opset13 as ops

    from hilum.screening.engines.open_vino import OpenVinoSession
    from hilum.screening.optimize_networks import store

    images = ops.parameter([-1, 4], np.float32, name="images")
    images.output(0).get_tensor().set_names({"images"})
    named: list[tuple[Callable[..., Any], str, float]] = [
        (ops.multiply, "logits", 2.0),
        (ops.add, "features", 1.0),
        (ops.subtract, "cams", 3.0),
    ]
    outputs = []
    for make, name, value in named:
        node = make(images, ops.constant(np.float32(value)))
        node.output(0).get_tensor().set_names({name})
        outputs.append(ops.result(node))
    model = openvino.Model(outputs, [images], "tiny")
    weights, bias = RNG.normal(size=(4, 4)), RNG.normal(size=4)
    path = store(corrected(model, Correction(weights, bias, 1.0, 0.0)), tmp_path / "made")
    session = OpenVinoSession(path, precision="fp32", threads=1)
    x = RNG.normal(size=(3, 4)).astype(np.float32)
    logits, features, cams = session.run(["logits", "features", "cams"], {"images": x})
    np.testing.assert_allclose(logits, 2 * x + (x + 1) @ weights + bias, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features, x + 1, rtol=1e-6)
    np.testing.assert_allclose(cams, x - 3, rtol=1e-6)
