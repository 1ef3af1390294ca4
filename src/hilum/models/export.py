"""From a trained network to the one file that screening runs: logits, maps and features.

The exported network is compared with torch on real inputs before anything is written. A difference
above 1e-4 is refused: a model that answers otherwise than the one that was evaluated is another
model.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilum.errors import BundleError
from hilum.models.trunk_and_head import TrunkAndHead

__all__ = ["PARITY", "Parity", "check_parity", "export_onnx", "to_onnx"]

PARITY = 1e-4
"""The largest difference allowed between torch and the exported network, in logits and in maps; a
share of the largest value where that is above 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far the exported network is from torch, on how many images."""

    images: int
    logits: float
    cams: float
    features: float


class _Explained(nn.Module):
    def __init__(self, model: TrunkAndHead) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.model.trunk(images)
        return self.model.head(features), self.model.cams(features), features.mean(dim=(2, 3))


def export_onnx(model: TrunkAndHead, *, channels: int, size: int) -> bytes:
    """Return the network as ONNX, any batch size.

    It takes `images` and gives `logits` (n, outputs), `cams` (n, classes, h, w) and `features`
    (n, c): the mean over the grid of what the trunk hands to the head.

    Args:
        model: In evaluation mode.
        channels: Input channels.
        size: Side of the input in pixels.

    Raises:
        BundleError: If the model is in training mode.
    """
    if model.training:
        raise BundleError("Only a model in evaluation mode can be exported; call .eval() first.")
    return to_onnx(
        _Explained(model).eval(),
        torch.zeros(2, channels, size, size),
        outputs=("logits", "cams", "features"),
    )


def to_onnx(network: nn.Module, example: Tensor, *, outputs: Sequence[str]) -> bytes:
    """Return a network as ONNX that takes `images`, any number of them, and names no file.

    Args:
        network: In evaluation mode.
        example: Two images, shape (2, channels, size, size).
        outputs: What to call what it gives.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            network,
            (example,),
            path,
            input_names=["images"],
            output_names=[*outputs],
            dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1, max=65536)}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return _without_traces(path.read_bytes())


def _without_traces(network: bytes) -> bytes:
    """Return an ONNX file without the exporter's notes, which name files of this machine.

    The notes are metadata and doc strings, of no use to a runtime: what the network computes, and
    every byte of its weights, stay.
    """
    import onnx

    loaded = onnx.load_from_string(network)
    graph, functions = loaded.graph, loaded.functions
    nodes = (*graph.node, *(node for function in functions for node in function.node))
    values = (*graph.input, *graph.value_info, *graph.output, *graph.initializer)
    for part in (loaded, graph, *functions, *nodes, *values):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return bytes(loaded.SerializeToString())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress off the screen; failures still raise."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def check_parity(model: TrunkAndHead, onnx: bytes, images: NDArray[np.float32]) -> Parity:
    """Compare the exported network with torch.

    Args:
        model: In evaluation mode.
        onnx: What `export_onnx` returned.
        images: Network input, shape (n, channels, size, size), from real radiographs.

    Raises:
        BundleError: If logits, maps or features differ by more than 1e-4 (of the largest value
            where that is above 1), or anything is not a number.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    found = session.run(["logits", "cams", "features"], {"images": images})
    with torch.inference_mode():
        wanted = [tensor.numpy() for tensor in _Explained(model)(torch.from_numpy(images))]
    apart = [_difference(ours, theirs) for ours, theirs in zip(found, wanted, strict=True)]
    parity = Parity(images=len(images), logits=apart[0], cams=apart[1], features=apart[2])
    if not all(difference <= PARITY for difference in apart):
        raise BundleError(
            f"The exported network differs from torch by {parity.logits:.2g} in logits, "
            f"{parity.cams:.2g} in maps and {parity.features:.2g} in features; at most "
            f"{PARITY:g} is allowed. It was not written."
        )
    return parity


def _difference(ours: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """Return the largest difference, divided by the largest value where that is above 1."""
    return float(np.abs(ours - wanted).max()) / max(float(np.abs(wanted).max()), 1.0)
