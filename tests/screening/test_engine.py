from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hilum.errors import BundleError
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine, open_engine, to_probabilities

Make = Callable[..., Bundle]
IMAGES = np.random.default_rng(3).normal(size=(5, 1, 16, 16)).astype(np.float32)


@pytest.mark.parametrize("kind", ["multiclass", "binary"])
def test_logits_and_maps_are_those_computed_by_hand(
    kind: str, make_bundle: Make, request: pytest.FixtureRequest
) -> None:
    tiny = request.getfixturevalue(kind)
    logits, cams = Engine(make_bundle(tiny)).run(IMAGES)
    expected_logits, expected_cams = tiny.answer(IMAGES[:, 0].astype(np.float64))
    np.testing.assert_allclose(logits, expected_logits, atol=1e-5)
    np.testing.assert_allclose(cams, expected_cams, atol=1e-5)


def test_softmax_divides_by_the_temperature_first() -> None:
    logits = np.array([[2.0, 0.0, -2.0]], np.float32)
    expected = np.exp([1.0, 0.0, -1.0]) / np.exp([1.0, 0.0, -1.0]).sum()
    found = to_probabilities(logits, temperature=2.0, binary=False)
    np.testing.assert_allclose(found[0], expected)


def test_one_logit_is_the_sigmoid_of_the_second_class() -> None:
    found = to_probabilities(np.array([[1.2]], np.float32), temperature=0.5, binary=True)
    np.testing.assert_allclose(found[0, 1], 1 / (1 + np.exp(-2.4)), rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("binary", [True, False])
def test_huge_logits_stay_probabilities(binary: bool) -> None:
    logits = np.array([[3e38], [-3e38]] if binary else [[3e38, -3e38], [0, 3e38]], np.float32)
    found = to_probabilities(logits, temperature=0.01, binary=binary)
    assert np.isin(found, (0.0, 1.0)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_gives_no_probability(bad: float) -> None:
    logits = np.array([[0.0, bad], [0.0, 1.0]], np.float32)
    found = to_probabilities(logits, temperature=1.0, binary=False)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"logits": "scores"}, r"expected an output called 'logits', got \['cams', 'scores'\]"),
        ({"batch": 1}, "must take any number of pictures, got exactly 1"),
        ({"size": 32}, r"images must have shape \['any', 1, 16, 16\], got \['batch', 1, 32, 32\]"),
    ],
)
def test_a_network_that_is_not_that_of_the_record_is_refused(
    make_bundle: Make, multiclass: Any, options: dict[str, Any], message: str
) -> None:
    bundle = make_bundle(model=multiclass.onnx(**options))
    with pytest.raises(BundleError, match=message):
        Engine(bundle)


def test_a_network_with_other_classes_is_refused(make_bundle: Make, binary: Any) -> None:
    with pytest.raises(BundleError, match=r"logits must have shape .*3.*\n.*cams must have shape"):
        Engine(make_bundle(model=binary.onnx()))


def test_bytes_that_are_no_network_are_refused(make_bundle: Make) -> None:
    with pytest.raises(BundleError, match="cannot be opened as an ONNX network"):
        Engine(make_bundle(model=b"no network at all"))


def test_images_of_the_wrong_size_are_a_failure_of_the_network(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="The network failed"):
        Engine(bundle).run(np.zeros((1, 1, 8, 8), np.float32))


def test_a_network_opened_quickly_answers_alike(bundle: Bundle) -> None:
    quick, usual = Engine(bundle, quick=True).run(IMAGES), Engine(bundle).run(IMAGES)
    for mine, theirs in zip(quick, usual, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_an_engine_names_itself_and_has_nothing_to_warn_of(bundle: Bundle) -> None:
    engine = open_engine(bundle, threads=1)
    assert engine.name.startswith("ONNX Runtime 1.")
    assert engine.name.endswith(", fp32")
    assert engine.warnings == ()
    assert engine.threads == 1


def test_threads_can_be_set(bundle: Bundle) -> None:
    assert Engine(bundle, threads=1).threads == 1
    assert Engine(bundle).threads >= 1


def test_a_poisoned_network_is_built_as_expected(make_bundle: Make, multiclass: Any) -> None:
    logits, _ = Engine(make_bundle(replace(multiclass, poison=float("nan")))).run(IMAGES)
    assert np.isnan(logits).all()
