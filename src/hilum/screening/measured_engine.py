"""An engine that can leave the maps out, to find out what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.screening.engine import Engine, open_network
from hilum.screening.pruned import pruned

if TYPE_CHECKING:
    from hilum.screening.bundle import Bundle

__all__ = ["MeasuredEngine"]


class MeasuredEngine(Engine):
    """ONNX Runtime on a bundle's network, with maps or without.

    Args:
        bundle: The bundle, already verified.
        threads: Threads of one inference; None for one a physical core.

    Raises:
        BundleError: If the network cannot be opened, or is not that of the record.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        super().__init__(bundle, threads=threads, reference=True)
        record = bundle.record
        side = record.preprocessing.size
        shape = (1, record.architecture.channels, side, side)
        self.image: NDArray[np.float32] = np.random.default_rng(0).standard_normal(
            shape, dtype=np.float32
        )
        """One normalised film of noise: time does not depend on what is on it."""
        without = pruned(bundle.model_path.read_bytes(), ["logits"])
        self._without_maps, _ = open_network(bundle, self.threads, without)

    def with_maps(self) -> NDArray[np.float32]:
        """Return the maps of every class, (1, classes, h, w), computed along with the logits."""
        return self.run(self.image)[1]

    def logits_only(self) -> NDArray[np.float32]:
        """Return the logits (1, outputs), computing nothing else."""
        found: NDArray[np.float32] = self._without_maps.run(["logits"], {"images": self.image})[0]
        return found
