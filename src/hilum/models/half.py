"""A network whose weights take half the room: 16 bits each, and still the same answers everywhere.

Rounding weights changes a network a little. So it is rounded first, and what is calibrated,
evaluated and shipped is the rounded network: computed in 32 bits, from weights that 16 bits hold
exactly. Batch normalisation is folded into the convolutions before that, because runtimes fold it
too, and folding after rounding would need all 32 bits again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hilum.errors import BundleError, MissingExtraError
from hilum.models.trunk_and_head import TrunkAndHead

__all__ = ["halve_onnx", "halve_state", "round_weights"]

_SMALLEST = 256
"""Tensors of fewer numbers stay as they are: there is nothing to save."""

_SAME = 1e-6
"""Share of a weight by which a runtime's folding may have moved it off its 16 bits."""


def round_weights(model: TrunkAndHead, example: Tensor) -> int:
    """Fold batch normalisation into convolutions and round every large weight to 16 bits, in place.

    Args:
        model: In evaluation mode.
        example: Network input, shape (n, channels, size, size), to find out what follows what.

    Returns:
        How many normalisations were folded.

    Raises:
        BundleError: If a weight is too large for 16 bits.
    """
    pairs = _followed(model, example)
    with torch.no_grad():
        for conv, norm in pairs:
            _fold(conv, norm)
        for name, values in model.named_parameters():
            if values.numel() < _SMALLEST or values.ndim < 2:
                continue
            rounded = values.half().float()
            if not torch.isfinite(rounded).all():
                raise BundleError(
                    f"The weights {name} reach {values.abs().max():.3g}, which 16 bits cannot "
                    "hold (65504 at most). Export this network without --half."
                )
            values.copy_(rounded)
    return len(pairs)


def _followed(model: TrunkAndHead, example: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Return the convolutions whose output goes straight into a batch normalisation."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def after(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            made[id(output)] = (module, output)

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(module, nn.BatchNorm2d) and id(inputs[0]) in made:
            pairs.append((made[id(inputs[0])][0], module))

    hooks = [module.register_forward_hook(after) for module in model.modules()]
    hooks += [module.register_forward_pre_hook(before) for module in model.modules()]
    try:
        with torch.no_grad():
            model(example)
    finally:
        for hook in hooks:
            hook.remove()
    convs = [conv for conv, _ in pairs]
    return [pair for pair in pairs if convs.count(pair[0]) == 1]


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Move a normalisation's scale into the convolution before it; what is left only shifts."""
    if norm.running_mean is None or norm.running_var is None:
        return
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    shift = -norm.running_mean.double() * scale
    if norm.affine:
        scale, shift = scale * norm.weight, shift * norm.weight + norm.bias
    if conv.bias is not None:
        shift = shift + conv.bias * scale
        conv.bias.zero_()
    if not norm.affine:
        return
    conv.weight.copy_(conv.weight.double() * scale.reshape(-1, 1, 1, 1))
    norm.weight.fill_(1)
    norm.bias.copy_(shift)
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)


def halve_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict in which every tensor that 16 bits hold exactly takes 16."""
    return {name: _halved(values) for name, values in state.items()}


def _halved(values: Tensor) -> Tensor:
    if values.dtype != torch.float32 or values.numel() < _SMALLEST or values.ndim < 2:
        return values
    rounded = values.half()
    return rounded if torch.equal(rounded.float(), values) else values


def halve_onnx(network: bytes) -> bytes:
    """Store the large weights of an ONNX network in 16 bits, each widened again when it is opened.

    Only weights that lose nothing by it, or no more than a runtime's folding added, are stored so:
    the network computes in 32 bits as before.

    Raises:
        MissingExtraError: If onnx is not installed.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise MissingExtraError("onnx", "train") from error
    model = onnx.load_from_string(network)
    casts = []
    for stored in model.graph.initializer:
        if stored.data_type != onnx.TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(stored)
        half = values.astype(np.float16)
        apart = np.abs(half.astype(np.float32) - values)
        if values.size < _SMALLEST or (apart > _SAME * np.abs(values)).any():
            continue
        name = stored.name
        stored.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(
            onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT)
        )
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    halved: bytes = model.SerializeToString()
    return halved
