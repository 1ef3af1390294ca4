"""From a finished run to a bundle: network, record and model card in one folder."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from hilum import __version__
from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.data.phantom import draw_phantom
from hilum.data.preprocessing import normalize
from hilum.errors import CacheError, DataError
from hilum.evaluation import Estimate, evaluate
from hilum.evaluation.predictions import Predictions
from hilum.models import TrunkAndHead
from hilum.models.export import Parity, check_parity, export_onnx
from hilum.models.half import halve_onnx, halve_state, round_weights
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord
from hilum.screening.threshold import Threshold
from hilum.training.examples import select_examples
from hilum.training.gate_bundle import gate_of_run
from hilum.training.predict import load_trained
from hilum.training.recipe import Recipe
from hilum.training.run_folder import RunFolder, package_versions

__all__ = ["export_run"]

PARITY_IMAGES = 16


def export_run(
    run: str | Path,
    out: str | Path,
    *,
    licence: str = "not stated",
    half: bool = False,
    overwrite: bool = False,
) -> tuple[Bundle, Parity]:
    """Pack a run's best weights into a bundle.

    The exported network is compared with torch on the run's own validation images where its cache
    is still there, else on phantoms; the bundle says which. From the same cache come the statistics
    of its features, by which the gate refuses films unlike those it was trained on; without the
    cache the bundle has none, and `hilum gate fit` adds them.

    Args:
        run: The run's folder.
        out: The bundle's folder; must not exist unless `overwrite`.
        licence: Terms under which the weights may be used.
        half: Round the weights to 16 bits first, and store them so. The bundle takes half the room
            and is measured as it is; it still computes in 32 bits.
        overwrite: Replace a bundle that is already there.

    Returns:
        The bundle, and how far its network is from torch.

    Raises:
        TrainingError: If the run has no trained weights.
        BundleError: If the exported network differs from torch, or `out` is taken.
    """
    folder = RunFolder(run)
    network, recipe, classes = load_trained(run)
    about = folder.record()
    pictures, drawn_from = _check_pictures(recipe, about)
    images = normalize(pictures, recipe.preprocessing)
    size = recipe.preprocessing.size
    if half:
        round_weights(network, torch.from_numpy(images[:2]))
    onnx = export_onnx(network, channels=recipe.preprocessing.channels, size=size)
    weights = folder.best_file.read_bytes()
    if half:
        onnx, weights = halve_onnx(onnx), _halved(weights, network)
    parity = check_parity(network, onnx, images)
    record = BundleRecord(
        name=recipe.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        hilum_version=__version__,
        task="binary" if network.outputs == 1 else "multiclass",
        classes=classes,
        architecture=Architecture(
            name=recipe.model.name,
            channels=recipe.preprocessing.channels,
            outputs=network.outputs,
            options={} if recipe.model.dropout is None else {"dropout": recipe.model.dropout},
        ),
        preprocessing=recipe.preprocessing,
        thresholds={"argmax": Threshold()},
        training=_training(recipe, about),
        measured={
            "validation": _validation(folder),
            **({"stored_bits": 16} if half else {}),
            "parity": {
                "images": parity.images,
                "drawn_from": drawn_from,
                "largest_logit_difference": parity.logits,
                "largest_cam_difference": parity.cams,
                "largest_feature_difference": parity.features,
            },
        },
        versions=package_versions(),
        licence=licence,
    )
    record = replace(record, gate=gate_of_run(recipe, about, Bundle(Path(out), record), onnx))
    bundle = write_bundle(out, record, model_onnx=onnx, weights=weights, overwrite=overwrite)
    return bundle, parity


def _halved(weights: bytes, network: TrunkAndHead) -> bytes:
    """Return the network's rounded weights in 16 bits, with what the file said of its patients."""
    length = int.from_bytes(weights[:8], "little")
    about = json.loads(weights[8 : 8 + length]).get("__metadata__")
    state = {name: values.contiguous() for name, values in network.state_dict().items()}
    return save(halve_state(state), metadata=about)


def _training(recipe: Recipe, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "manifest_sha256": about["manifest"]["sha256"],
        "n_images": about["trained_on"]["images"],
        "n_patients": about["trained_on"]["patients"],
        "sources": about["trained_on"]["sources"],
        "counts": about["counts"],
        "recipe": recipe.to_dict(),
        "command": about["command"],
        "git": about["git"],
        "result": about.get("result", {}),
    }


def _validation(folder: RunFolder) -> dict[str, Any]:
    """Return the figures of the validation split; the best weights were chosen on it."""
    path = folder.path / "predictions-val.csv"
    if not path.exists():
        return {}
    found = evaluate(Predictions.read(path))
    return {
        "note": "The weights were chosen on this split, so its figures flatter.",
        "images": found.n_images,
        "patients": found.n_patients,
        "intervals": found.method,
        **{name: _figure(found.metrics[name]) for name in _MEASURED if name in found.metrics},
        "recall": {label: _figure(row["recall"]) for label, row in found.per_class.items()},
    }


_MEASURED = ("accuracy", "balanced_accuracy", "macro_auroc", "auroc", "nll", "ece")


def _figure(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.estimate, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def _check_pictures(recipe: Recipe, about: dict[str, Any]) -> tuple[NDArray[np.uint8], str]:
    """Return pictures to compare torch and the export on, and where they come from."""
    path = about["manifest"]["path"]
    try:
        if path is None or not Path(path).exists():
            return _phantom_pictures(recipe), "phantoms"
        cache = PreparedCache.open(about["cache"]["path"])
        rows = select_examples(Manifest.read(path, check_files=False), recipe).split("val")
        positions = cache.locate(rows)
        positions = positions[positions >= 0][:PARITY_IMAGES]
        if not positions.size:
            return _phantom_pictures(recipe), "phantoms"
        return cache.images(positions), "validation images"
    except (CacheError, DataError):
        return _phantom_pictures(recipe), "phantoms"


def _phantom_pictures(recipe: Recipe) -> NDArray[np.uint8]:
    from PIL import Image

    rng = np.random.default_rng(0)
    size = recipe.preprocessing.size
    pictures = [
        Image.fromarray(draw_phantom(rng).pixels).resize((size, size), Image.Resampling.BICUBIC)
        for _ in range(PARITY_IMAGES)
    ]
    return np.stack([np.asarray(picture) for picture in pictures])
