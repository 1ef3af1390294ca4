"""The segmenter's network at work: one ONNX Runtime session, checked against its record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilum.errors import BundleError
from hilum.screening.bundle import Bundle
from hilum.screening.engine import open_network

__all__ = ["LungNetwork"]


class LungNetwork:
    """Run a segmenter's network on the processor.

    Args:
        bundle: The bundle, already verified.
        threads: Threads of one inference.

    Raises:
        BundleError: If `model.onnx` cannot be opened, or is not the network of the record.
    """

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        self._session, self._failures = open_network(bundle, threads)
        size = bundle.record.preprocessing.size
        given = [(entry.name, entry.shape[1:]) for entry in self._session.get_inputs()]
        gives = [(entry.name, entry.shape[1:]) for entry in self._session.get_outputs()]
        if given != [("images", [1, size, size])] or gives != [("lung", [1, size, size])]:
            raise BundleError(
                f"{bundle.model_path} is not the network of its record: expected images and lung "
                f"of shape (n, 1, {size}, {size}), got {given} and {gives}."
            )

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of lung (n, 1, size, size) for images (n, 1, size, size).

        Raises:
            BundleError: If the network fails or gives something that is no probability.
        """
        try:
            found = self._session.run(["lung"], {"images": np.ascontiguousarray(images)})[0]
        except self._failures as error:
            raise BundleError(f"The lung segmenter's network failed: {error}") from error
        lung = np.asarray(found, np.float32)
        if lung.shape != images.shape or not np.all((lung >= 0) & (lung <= 1)):
            raise BundleError(
                "The lung segmenter's network gave no probabilities: expected shape "
                f"{images.shape} in [0, 1], got {lung.shape}."
            )
        return lung
