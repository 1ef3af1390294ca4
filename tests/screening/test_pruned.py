"""An ONNX file cut down to some of its outputs, compared with what the package onnx reads."""

from __future__ import annotations

import onnx
import pytest

from hilum.errors import BundleError
from hilum.screening.default import default_bundle
from hilum.screening.pruned import pruned


@pytest.fixture(scope="module")
def model() -> bytes:
    return (default_bundle() / "model.onnx").read_bytes()


def test_all_outputs_kept_is_the_file_itself(model: bytes) -> None:
    whole = onnx.load_from_string(model)
    assert pruned(model, [output.name for output in whole.graph.output]) == model


def test_what_only_the_maps_need_is_gone_and_the_rest_is_untouched(model: bytes) -> None:
    whole, cut = onnx.load_from_string(model), onnx.load_from_string(pruned(model, ["logits"]))
    onnx.checker.check_model(cut)
    assert [output.name for output in cut.graph.output] == ["logits"]
    gone = {node.output[0] for node in whole.graph.node} - {
        node.output[0] for node in cut.graph.node
    }
    assert "cams" in gone
    kept = [node for node in whole.graph.node if node.output[0] not in gone]
    assert list(cut.graph.node) == kept


def test_an_output_that_is_not_there_is_refused(model: bytes) -> None:
    with pytest.raises(BundleError, match="no output heat; there are"):
        pruned(model, ["heat"])


@pytest.mark.parametrize("damaged", [b"", b"\x0b", b"\x3a\xff"])
def test_another_file_is_refused(damaged: bytes) -> None:
    with pytest.raises(BundleError, match="Expected an ONNX file"):
        pruned(damaged, ["logits"])
