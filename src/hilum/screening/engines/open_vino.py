"""OpenVINO behind the calls of an ONNX Runtime session.

OpenVINO reports its use to its maker over the network when it is imported, where the package
`openvino-telemetry` is installed, as it is with it. A program that looks at patients' films must
not: the import of that package is made to fail first, and OpenVINO then goes without.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import MissingExtraError

__all__ = [
    "OpenVinoSession", "installed_version", "load_openvino", "supported_precisions",
]  # fmt: skip

_ELEMENT = {"f32": "tensor(float)", "f16": "tensor(float16)", "f64": "tensor(double)"}
_HINT = {"fp32": "f32", "bf16": "bf16"}
_CAPABILITY = {"fp32": "FP32", "bf16": "BF16", "int8": "INT8"}


@dataclass(frozen=True, slots=True)
class _Port:
    name: str
    shape: Sequence[int | str | None]
    type: str


def installed_version() -> str | None:
    """Return the version of OpenVINO, without importing it; None where it is not installed."""
    from importlib import metadata  # late: a cold start of an ordinary bundle does without

    try:
        return metadata.version("openvino")
    except metadata.PackageNotFoundError:
        return None


def load_openvino() -> Any:
    """Import OpenVINO, with its reports of use switched off, and return the module.

    Raises:
        MissingExtraError: If it is not installed, or does not fit this system.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        return importlib.import_module("openvino")
    except (ImportError, OSError) as error:
        raise MissingExtraError("openvino", "fast") from error


def supported_precisions() -> tuple[str, ...]:
    """Return which of fp32, bf16 and int8 this processor computes with instructions of its own.

    Raises:
        MissingExtraError: If OpenVINO is not installed.
    """
    can = load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return tuple(name for name, capability in _CAPABILITY.items() if capability in can)


class OpenVinoSession:
    """A compiled network; several threads may call `run` at once.

    Args:
        network: Path of an OpenVINO `.xml` beside its `.bin`, or of an ONNX file.
        precision: Of the layers that the file does not say to compute in int8: fp32 or bf16.
        threads: Threads of one inference.

    Raises:
        MissingExtraError: If OpenVINO is not installed.
        RuntimeError: If the network cannot be read or compiled.
    """

    def __init__(self, network: Path, *, precision: str, threads: int) -> None:
        core = load_openvino().Core()
        self._compiled = core.compile_model(
            core.read_model(network),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _HINT[precision],
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": 1,
                # Threads bound to a core wait for it when another process has it.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._idle: list[Any] = []

    def get_inputs(self) -> list[_Port]:
        """Return the inputs."""
        return [port for entry in self._compiled.inputs for port in _ports(entry)]

    def get_outputs(self) -> list[_Port]:
        """Return the outputs; one that goes by several names under each of them."""
        return [port for entry in self._compiled.outputs for port in _ports(entry)]

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, NDArray[np.float32]],
        run_options: Any = None,  # noqa: ARG002  (ONNX Runtime's; all outputs are computed here)
    ) -> list[NDArray[np.float32]]:
        """Return the named outputs, or all for None.

        Raises:
            RuntimeError: If the network fails.
        """
        # A request holds memory for one inference: one a thread that infers at this moment.
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        feed = {name: np.ascontiguousarray(value) for name, value in input_feed.items()}
        request.infer(feed, share_inputs=True)
        names = output_names or [entry.name for entry in self.get_outputs()]
        found = [np.array(request.get_tensor(name).data, np.float32) for name in names]
        self._idle.append(request)
        return found


def _ports(entry: Any) -> list[_Port]:
    shape = [
        int(side.get_length()) if side.is_static else None for side in entry.get_partial_shape()
    ]
    element = entry.get_element_type().get_type_name()
    kind = _ELEMENT.get(element, f"tensor({element})")
    return [_Port(name, shape, kind) for name in sorted(entry.get_names())]
