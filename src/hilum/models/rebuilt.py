"""A bundle's network in torch again, from its weights.safetensors: to take gradients of.

Screening runs `model.onnx`. Whoever explains with the torch network must know that it is the same
one, so `Rebuilt.check` compares the two on the film that is being explained.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from hilum.errors import BundleError, HilumError
from hilum.models.registry import create_network
from hilum.models.trunk_and_head import TrunkAndHead
from hilum.models.weights import read_state_dict
from hilum.screening.bundle import Bundle

__all__ = ["ALIKE", "check_alike", "rebuild"]

ALIKE = 1e-3
"""How far logits and maps may lie from the engine's: a share of the largest where that is above 1.
The export allowed 1e-4; torch takes other kernels for other numbers of threads."""


def rebuild(bundle: Bundle) -> TrunkAndHead:
    """Return a bundle's network in evaluation mode, with every weight of the bundle.

    Args:
        bundle: The bundle; its weights are hashed once more.

    Raises:
        BundleError: If it cannot be rebuilt: the network is not known here, a library it comes
            from is missing, or tensors are missing, unknown or of another shape. All are named.
    """
    record = bundle.record
    how = record.architecture
    try:
        network = create_network(
            how.name,
            outputs=how.outputs,
            channels=how.channels,
            size=record.preprocessing.size,
            dropout=how.options.get("dropout"),
        )
        state = read_state_dict(bundle.weights_path())
    except HilumError as error:
        raise BundleError(
            f"The network of {bundle.folder} cannot be rebuilt in torch. {error}"
        ) from error
    own = network.state_dict()
    faults = [f"{name}: missing" for name in own if name not in state]
    faults += [f"{name}: not part of {how.name}" for name in state if name not in own]
    faults += [
        f"{name}: expected {tuple(own[name].shape)}, got {tuple(value.shape)}"
        for name, value in state.items()
        if name in own and own[name].shape != value.shape
    ]
    if faults:
        raise BundleError(
            f"The network of {bundle.folder} cannot be rebuilt in torch: its weights do not fit "
            f"{how.name}:" + "".join(f"\n  - {fault}" for fault in faults)
        )
    network.load_state_dict(state)
    return network.eval().requires_grad_(requires_grad=False)


def check_alike(
    name: str, found: torch.Tensor, engine: NDArray[np.float32], *, bundle: Bundle
) -> None:
    """Refuse a rebuilt network that says something else than the engine.

    Args:
        name: What is compared, for the message: "logits".
        found: Of the rebuilt network.
        engine: Of `model.onnx`, same shape.
        bundle: Whose they are.

    Raises:
        BundleError: If they differ by more than `ALIKE`, or anything is not a number.
    """
    given = found.numpy()
    most = float(np.abs(given - engine).max()) if given.shape == engine.shape else float("nan")
    if not most <= ALIKE * max(1.0, float(np.abs(engine).max())):
        raise BundleError(
            f"The network of {bundle.folder} rebuilt from weights.safetensors is not that of "
            f"model.onnx: their {name} differ by {most:.2g}, at most {ALIKE:g} is allowed. Export "
            "the bundle again."
        )
