"""What a network costs before it is trained: multiply-adds, a bundle to time, a run on a GPU.

The multiply-adds are counted on torch's meta device, where a network has shapes and no numbers, so
that the largest costs nothing to count.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save
from torch import Tensor, nn

from hilum import __version__
from hilum.data.preprocessing import Preprocessing
from hilum.errors import ConfigError
from hilum.models.export import export_onnx
from hilum.models.registry import create_network, create_skeleton, network_spec
from hilum.models.trunk_and_head import TrunkAndHead
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord

__all__ = ["count_multiply_adds", "gpu_run", "multiply_adds_of", "untrained_bundle"]

_DESIGNED_FOR = 224


def count_multiply_adds(
    name: str, *, outputs: int = 2, channels: int = 3, size: int | None = None
) -> int:
    """Return the multiply-adds of one image through a network, without allocating it.

    Args:
        name: As a recipe names it.
        outputs: Number of logits.
        channels: Input channels, 1 or 3.
        size: Side of the input in pixels; the side it was designed for if None.

    Raises:
        ConfigError: If the name is unknown or the size does not fit.
    """
    side = size or _side(name)
    model = create_skeleton(name, outputs=outputs, channels=channels, size=side)
    return multiply_adds_of(model, channels=channels, size=side)


def _side(name: str) -> int:
    spec = network_spec(name)
    return _DESIGNED_FOR if spec is None else spec.input_size


def multiply_adds_of(model: TrunkAndHead, *, channels: int, size: int) -> int:
    """Return the multiply-adds of one image, to the logits: convolutions and linear layers.

    Args:
        model: On any device; left in evaluation mode.
        channels: Of its input.
        size: Side of its input in pixels.
    """
    total = 0

    def add(layer: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        weight: Tensor = layer.weight  # type: ignore[assignment]  # hooked layers have one
        total += out.numel() * weight[0].numel()

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    device = next(model.parameters()).device
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, channels, size, size, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return total


def untrained_bundle(
    name: str,
    folder: Path,
    *,
    classes: int = 2,
    channels: Literal[1, 3] = 3,
    size: int | None = None,
) -> Bundle:
    """Write a bundle of a network with the weights it begins with, to measure and for nothing else.

    Args:
        name: As a recipe names it.
        folder: Where the bundle goes.
        classes: At least 2; two have one logit, as in training.
        channels: Input channels, 1 or 3.
        size: Side of the input in pixels; the side it was designed for if None.

    Raises:
        ConfigError: If the name is unknown, or a number does not fit.
    """
    if classes < 2:
        raise ConfigError(f"A bundle needs at least 2 classes, got {classes}.")
    outputs = 1 if classes == 2 else classes
    side = size or _side(name)
    model = create_network(name, outputs=outputs, channels=channels, size=side).eval()
    record = BundleRecord(
        name=f"{name}-untrained",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        hilum_version=__version__,
        task="binary" if outputs == 1 else "multiclass",
        classes=tuple(f"class {number}" for number in range(classes)),
        architecture=Architecture(name=name, channels=channels, outputs=outputs),
        preprocessing=Preprocessing(
            size=side, channels=channels, mean=(0.5,) * channels, std=(0.25,) * channels
        ),
    )
    onnx = export_onnx(model, channels=channels, size=side)
    weights = save({name: value.contiguous() for name, value in model.state_dict().items()})
    return write_bundle(folder, record, model_onnx=onnx, weights=weights)


def gpu_run(bundle: Bundle, device: str = "cuda") -> Callable[[], object]:
    """Open a bundle's network in torch and return what runs it on one image, logits and maps.

    Args:
        bundle: Its weights are loaded.
        device: Where it runs; the run returns when the device has finished.

    Raises:
        ConfigError: If the network is unknown or the weights are not its own.
    """
    record = bundle.record
    side, channels = record.preprocessing.size, record.architecture.channels
    model = create_network(
        record.architecture.name,
        outputs=record.architecture.outputs,
        channels=channels,
        size=side,
        weights=bundle.folder,
    )
    model = model.to(device).eval()
    image = torch.randn(1, channels, side, side, device=device)

    def run() -> None:
        with torch.inference_mode():
            model.explain(image)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    return run
