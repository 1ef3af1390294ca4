"""The network of a bundle as OpenVINO takes it best, in full precision and in int8.

An exported network computes where each bias goes from the shape of the batch. OpenVINO must see
plain constants there: without them its int8 layers gave other answers (of a trained ResNet18, the
same decision on 59 % of films; with constants 97 %), so they are folded before anything else.
"""

from __future__ import annotations

import importlib
import io
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import BundleError, MissingExtraError
from hilum.screening.engines.open_vino import load_openvino
from hilum.screening.engines.record import ENGINE_FILES

__all__ = ["fold", "kept_layers", "quantize", "store"]

_SHARES = (0.05, 0.12, 0.25, 0.5)
_LAYERS = ("Convolution", "GroupConvolution")
_HEAD = ("MatMul", "Einsum")


def fold(onnx: Path) -> Any:
    """Return the network of an ONNX file with everything computed that does not need a film.

    Raises:
        BundleError: If OpenVINO cannot read it.
        MissingExtraError: If OpenVINO is not installed.
    """
    openvino = load_openvino()
    passes = importlib.import_module("openvino.passes")
    try:
        model = openvino.Core().read_model(onnx)
    except RuntimeError as error:
        reason = str(error).strip().split("\n", 1)[0][:300]
        raise BundleError(f"OpenVINO cannot read {onnx}: {reason}") from error
    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())
    manager.run_passes(model)
    return model


def kept_layers(model: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield which layers to leave out of int8, none first, then more and more.

    The first layers come first: they have few channels, and what they lose all others inherit.
    The head costs nothing.

    Yields:
        What is left out, in words, and the names of its layers.
    """
    layers = [node for node in model.get_ordered_ops() if node.get_type_name() in _LAYERS]
    head = [
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() in _HEAD
    ]
    yield "", []
    counts = [1, *(math.ceil(share * len(layers)) for share in _SHARES)]
    for count in dict.fromkeys(counts):
        first = [node.get_friendly_name() for node in layers[:count]]
        name = "the first layer" if count == 1 else f"the first {count} of {len(layers)} layers"
        yield f"{name} and the head", first + head


def quantize(model: Any, images: NDArray[np.float32], ignored: Sequence[str]) -> Any:
    """Return the network in int8, its ranges set by films.

    Args:
        model: As `fold` gives it; it is left as it is.
        images: Normalised films, shape (n, channels, size, size).
        ignored: Names of layers to leave as they are.

    Raises:
        BundleError: If it cannot be done.
        MissingExtraError: If nncf is not installed.
    """
    load_openvino()  # so that nncf, too, sends no reports of its use
    with _quietly():
        try:
            nncf = importlib.import_module("nncf")
        except ImportError as error:
            raise MissingExtraError("nncf", "fast") from error
        try:
            return nncf.quantize(
                model.clone(),
                nncf.Dataset(images[:, None]),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(images),
                ignored_scope=nncf.IgnoredScope(names=[*ignored]),
            )
        except (RuntimeError, nncf.NNCFError) as error:
            reason = str(error).strip().split("\n", 1)[0][:300]
            raise BundleError(f"The network cannot be made int8: {reason}") from error


def store(model: Any, folder: Path) -> Path:
    """Write a network to a folder of its own, as a bundle keeps it; return the path of its .xml."""
    folder.mkdir()
    path = folder / ENGINE_FILES[0]
    load_openvino().save_model(model, path, compress_to_fp16=False)
    return path


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the library's bars, notes and deprecations away from the results on standard output."""
    logger = logging.getLogger("nncf")
    level = logger.level
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
