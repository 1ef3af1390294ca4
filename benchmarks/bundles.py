"""Bundles with random weights: speed does not depend on what a network has learned."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import save

from hilum import __version__
from hilum.data.preprocessing import Preprocessing
from hilum.models import TrunkAndHead, create_network
from hilum.models.export import export_onnx
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord

CLASSES = ("normal", "consolidation", "ground_glass")


def random_bundle(name: str, folder: Path, *, size: int = 224) -> tuple[TrunkAndHead, Bundle]:
    """Build `name` for three classes, export it, and write a bundle."""
    torch.manual_seed(0)
    model = create_network(name, outputs=len(CLASSES), channels=1, size=size).eval()
    record = BundleRecord(
        name=f"benchmark-{name}",
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
