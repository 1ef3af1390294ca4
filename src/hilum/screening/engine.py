"""The network at work: one open session, checked against the record it belongs to.

Separate from the screener so that engines can take each other's place: what the rest asks for is
`run`, and that it was refused at the door if the file is not the network the record describes.
ONNX Runtime runs `model.onnx` of every bundle; the fast engine that `hilum optimize` put beside it
is opened where its library is installed, and where it is not that is said.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import BundleError
from hilum.screening.cores import usable_cores
from hilum.screening.engines.choice import doubts, fast_threads, open_fast
from hilum.screening.engines.onnx_runtime import Failures, SessionError, open_session

if TYPE_CHECKING:
    from hilum.screening.bundle import Bundle
    from hilum.screening.engines.session import Session

__all__ = ["Engine", "open_engine", "open_network", "to_probabilities"]

logger = logging.getLogger(__name__)


class Engine:
    """Run a bundle's network on the processor.

    Args:
        bundle: The bundle, already verified.
        threads: Threads of one inference; None for one a physical core, or for as many as were
            measured to be fastest where the bundle has a fast engine.
        model: Another ONNX file of the same inputs and outputs to run in place of `model.onnx`, as
            bytes: what an audit compares the bundle with.
        reference: Run `model.onnx` even where the bundle has a fast engine.
        quick: Open it in half the time, and take a quarter longer for each film: for a few films.

    Raises:
        BundleError: If the network cannot be opened, or its input and outputs are not those of
            the record.
    """

    warnings: tuple[str, ...]
    """What a reader of its answers must know of the engine; sentences."""

    name: str
    """Which engine this is: `ONNX Runtime 1.31.1, fp32`."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        model: bytes | None = None,
        reference: bool = False,
        quick: bool = False,
    ) -> None:
        self._record = bundle.record
        fast = None if reference or model is not None else bundle.record.engine
        self.warnings = () if fast is None else doubts(fast)
        for warning in self.warnings:
            logger.warning("%s", warning)
        opened = None if fast is None else open_fast(bundle, fast, threads)
        if fast is not None and opened is not None:
            self.threads = threads or fast_threads(fast)
            self.name = f"OpenVINO {opened.version}, {fast.precision}"
            self._session: Session = opened.session
            self._failures: Failures = (RuntimeError,)
        else:
            self.threads = threads or usable_cores()
            self._session, self._failures = open_network(bundle, self.threads, model, quick=quick)
            self.name = f"ONNX Runtime {_version()}, fp32"
        problems = _interface_problems(bundle, self._session)
        if problems:
            lines = "".join(f"\n  - {problem}" for problem in problems)
            path = bundle.engine_path if opened is not None else bundle.model_path
            raise BundleError(f"{path} is not the network of its record:{lines}")

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what the network says of normalised images.

        Args:
            images: Shape (n, channels, size, size).

        Returns:
            logits (n, outputs), before temperature, and cams (n, classes, h, w), at least 0.

        Raises:
            BundleError: If the network fails, or gives other shapes than its record promises.
        """
        logits, cams = self._run(["logits", "cams"], images)
        return logits, cams

    @property
    def has_features(self) -> bool:
        """Whether the network also gives its features; early bundles do not."""
        return any(entry.name == "features" for entry in self._session.get_outputs())

    def run_with_features(
        self, images: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Do as `run`, and give what the head saw, averaged over the grid: (n, c), or None.

        Raises:
            BundleError: As `run` does.
        """
        if not self.has_features:
            return *self.run(images), None
        logits, cams, features = self._run(["logits", "cams", "features"], images)
        return logits, cams, features

    def _run(self, names: list[str], images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        try:
            found: list[NDArray[np.float32]] = self._session.run(names, {"images": images})
        except self._failures as error:
            raise BundleError(f"The network failed: {_first_line(error)}") from error
        logits, cams = found[:2]
        expected = (len(images), self._record.architecture.outputs)
        if logits.shape != expected or cams.ndim != 4:
            raise BundleError(
                f"The network gave logits of shape {logits.shape} and cams of shape {cams.shape}; "
                f"expected {expected} and (n, classes, h, w)."
            )
        return found


def open_engine(bundle: Bundle, *, threads: int | None = None) -> Engine:
    """Open a bundle's network: its fast engine if it has one that this machine can run.

    Args:
        bundle: The bundle, already verified.
        threads: Threads of one inference; None for what was measured, or one a physical core.

    Raises:
        BundleError: If the network cannot be opened, or is not that of the record.
    """
    return Engine(bundle, threads=threads)


def to_probabilities(
    logits: NDArray[np.float32], *, temperature: float, binary: bool
) -> NDArray[np.float64]:
    """Turn logits into probabilities, calibrated by the temperature.

    softmax(logits / T), or for one logit (1 - s, s) with s = 1 / (1 + exp(-logit / T)).

    Args:
        logits: Shape (n, outputs), before temperature.
        temperature: T, above 0.
        binary: Whether one logit decides between two classes.

    Returns:
        Shape (n, classes), rows adding up to 1; a row is NaN where a logit was not finite.
    """
    scaled = logits.astype(np.float64) / temperature
    if binary:
        # Two logits (0, x) give the same sigmoid, and are stable however large x is.
        scaled = np.concatenate([np.zeros_like(scaled), scaled], axis=1)
    scaled[~np.isfinite(scaled).all(axis=1)] = np.nan
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def open_network(
    bundle: Bundle, threads: int, model: bytes | None = None, *, quick: bool = False
) -> tuple[Any, Failures]:
    """Return an ONNX Runtime session of a bundle's network, and the exceptions it raises.

    Args:
        bundle: The bundle, already verified.
        threads: Threads of one inference.
        model: Another ONNX file to open in place of the bundle's, as bytes.
        quick: As for `open_session`.

    Raises:
        BundleError: If it cannot be opened.
        HilumError: If ONNX Runtime is not installed.
    """
    network = str(bundle.model_path) if model is None else model
    try:
        return open_session(network, threads=threads, quick=quick)
    except SessionError as error:
        raise BundleError(
            f"{bundle.model_path} cannot be opened as an ONNX network: {_first_line(error)}"
        ) from error


def _version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


def _interface_problems(bundle: Bundle, session: Any) -> list[str]:
    """Say where the session's inputs and outputs differ from the record."""
    record = bundle.record
    size, channels = record.preprocessing.size, record.architecture.channels
    inputs = {entry.name: entry for entry in session.get_inputs()}
    outputs = {entry.name: entry for entry in session.get_outputs()}
    found = []
    if list(inputs) != ["images"]:
        found.append(f"expected one input called 'images', got {sorted(inputs)}")
    else:
        entry = inputs["images"]
        found += _shape_problems(entry, (None, channels, size, size))
        if isinstance(entry.shape[0], int):
            found.append(f"images must take any number of pictures, got exactly {entry.shape[0]}")
    for name, shape in (
        ("logits", (None, record.architecture.outputs)),
        ("cams", (None, len(record.classes), None, None)),
    ):
        if name not in outputs:
            found.append(f"expected an output called {name!r}, got {sorted(outputs)}")
        else:
            found += _shape_problems(outputs[name], shape)
    return found


def _shape_problems(entry: Any, expected: Sequence[int | None]) -> list[str]:
    """Compare a tensor's type and its fixed dimensions with those expected (None = any)."""
    if entry.type != "tensor(float)":
        return [f"{entry.name} must be float32, got {entry.type}"]
    actual = list(entry.shape)
    fits = len(actual) == len(expected) and all(
        want is None or not isinstance(have, int) or have == want
        for have, want in zip(actual, expected, strict=True)
    )
    if fits:
        return []
    wanted = ["any" if want is None else want for want in expected]
    return [f"{entry.name} must have shape {wanted}, got {actual}"]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
