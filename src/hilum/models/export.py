"""From a trained network to the one file that screening runs: logits and every class's map.

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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilum.errors import BundleError
from hilum.models.trunk_and_head import TrunkAndHead

__all__ = ["PARITY", "Parity", "check_parity", "export_onnx"]

PARITY = 1e-4
"""The largest difference allowed between torch and the exported network, in logits and in maps; a
share of the largest value where that is above 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far the exported network is from torch, on how many images."""

    images: int
    logits: float
    cams: float


class _Explained(nn.Module):
    def __init__(self, model: TrunkAndHead) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.explain(images)


def export_onnx(model: TrunkAndHead, *, channels: int, size: int) -> bytes:
    """Return the network as ONNX: `images` to `logits` and `cams`, any batch size.

    Args:
        model: In evaluation mode.
        channels: Input channels.
        size: Side of the input in pixels.

    Raises:
        BundleError: If the model is in training mode.
    """
    if model.training:
        raise BundleError("Only a model in evaluation mode can be exported; call .eval() first.")
    wrapped = _Explained(model).eval()
    example = torch.zeros(2, channels, size, size)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            wrapped,
            (example,),
            path,
            input_names=["images"],
            output_names=["logits", "cams"],
            dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1, max=65536)}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return path.read_bytes()


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
        BundleError: If logits or maps differ by more than 1e-4 (of the largest value where that is
            above 1), or anything is not a number.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    logits, cams = session.run(["logits", "cams"], {"images": images})
    with torch.inference_mode():
        wanted_logits, wanted_cams = (t.numpy() for t in model.explain(torch.from_numpy(images)))
    parity = Parity(
        images=len(images),
        logits=_difference(logits, wanted_logits),
        cams=_difference(cams, wanted_cams),
    )
    if not (parity.logits <= PARITY and parity.cams <= PARITY):
        raise BundleError(
            f"The exported network differs from torch by {parity.logits:.2g} in logits and "
            f"{parity.cams:.2g} in maps; at most {PARITY:g} is allowed. It was not written."
        )
    return parity


def _difference(ours: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """Return the largest difference, divided by the largest value where that is above 1."""
    return float(np.abs(ours - wanted).max()) / max(float(np.abs(wanted).max()), 1.0)
