"""Opening a network with ONNX Runtime, and what is said where it cannot be."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hilum.errors import BundleError, HilumError
from hilum.screening.engines.onnx_runtime import SessionError, open_session
from hilum.screening.gate.layout import SHIPPED, LayoutNetwork


def test_a_network_is_the_same_from_its_path_and_from_its_bytes() -> None:
    path = SHIPPED / "model.onnx"
    for network in (str(path), path.read_bytes()):
        session, failures = open_session(network, threads=1)
        assert [entry.name for entry in session.get_inputs()] == ["images"]
        with pytest.raises(failures, match="invalid dimensions"):
            session.run(["plain"], {"images": np.zeros((1, 1, 8, 8), np.float32)})


def test_what_is_no_network_is_refused_in_the_words_of_onnx_runtime() -> None:
    with pytest.raises(SessionError, match="protobuf"):
        open_session(b"no network", threads=1)


def test_without_onnx_runtime_the_line_that_installs_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(HilumError, match=r"Install it with: pip install onnxruntime$"):
        open_session(b"", threads=1)
    with pytest.raises(BundleError, match=r"^ONNX Runtime cannot be loaded"):
        LayoutNetwork(SHIPPED)
