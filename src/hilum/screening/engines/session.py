"""What is asked of whatever runs a network: the few calls of an ONNX Runtime session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Session", "Tensor"]


class Tensor(Protocol):
    """An input or output of a network."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def shape(self) -> Sequence[int | str | None]:
        """Its dimensions; a text or None where any size fits."""

    @property
    def type(self) -> str:
        """`tensor(float)` for 32-bit floating point."""


class Session(Protocol):
    """An open network; `run` may be called from several threads at once."""

    def get_inputs(self) -> Sequence[Tensor]:
        """Return the inputs."""

    def get_outputs(self) -> Sequence[Tensor]:
        """Return the outputs."""

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, NDArray[np.float32]],
        run_options: Any = None,
    ) -> list[NDArray[np.float32]]:
        """Return the named outputs, or all for None, in arrays that nobody else writes to."""
