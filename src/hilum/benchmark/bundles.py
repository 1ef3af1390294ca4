"""Bundles with random weights: speed does not depend on what a network has learned. Needs torch."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hilum import __version__
from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord

if TYPE_CHECKING:
    from hilum.models import TrunkAndHead

__all__ = ["CLASSES", "random_bundle", "shared_bundle"]

CLASSES = ("normal", "consolidation", "ground_glass")


def random_bundle(name: str, folder: Path, *, size: int = 224) -> tuple[TrunkAndHead, Bundle]:
    """Build `name` for three classes, export it, and write a bundle.

    Args:
        name: Of the network.
        folder: The bundle's; replaced if it is there.
        size: Side of the input in pixels.

    Returns:
        The network in torch, set to answer, and its bundle.

    Raises:
        MissingExtraError: If torch is not installed.
    """
    from safetensors.torch import save

    from hilum.models.export import export_onnx

    model = _network(name, size)
    record = BundleRecord(
        name=f"benchmark-{name.replace('/', '-')}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        hilum_version=__version__,
        task="multiclass",
        classes=CLASSES,
        architecture=Architecture(name=name, channels=1, outputs=len(CLASSES)),
        preprocessing=Preprocessing(size=size),
    )
    weights = save({key: value.contiguous() for key, value in model.state_dict().items()})
    onnx = export_onnx(model, channels=1, size=size)
    return model, write_bundle(folder, record, model_onnx=onnx, weights=weights, overwrite=True)


def shared_bundle(name: str, folder: Path, *, size: int = 224) -> tuple[TrunkAndHead, Bundle]:
    """Do as `random_bundle` in a folder below `folder`, where another group may have done it.

    Args:
        name: Of the network.
        folder: That of all groups of a run.
        size: Side of the input in pixels.
    """
    place = folder / "bundles" / f"{name.replace('/', '-')}-{size}"
    if place.is_dir():
        return _network(name, size), Bundle.load(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    return random_bundle(name, place, size=size)


def _network(name: str, size: int) -> TrunkAndHead:
    import torch

    from hilum.models import create_network

    torch.manual_seed(0)
    return create_network(name, outputs=len(CLASSES), channels=1, size=size).eval()
