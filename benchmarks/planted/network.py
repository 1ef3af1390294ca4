"""A small network trained on a cohort, and the bundle it becomes."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.planted.cohorts import Cohort
from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import Bundle, write_bundle
from hilum.training.recipe import Recipe

__all__ = ["train"]

SIDE = 64
EPOCHS = 20


def recipe_of(cohort: Cohort, epochs: int) -> Recipe:
    """Return how the cohort's network is trained."""
    labels = ("normal", "consolidation") if len(cohort.draw.classes) == 1 else cohort.draw.classes
    values: dict[str, Any] = {
        "name": cohort.name,
        "classes": labels,
        "model": {"name": "small_cnn"},
        "preprocessing": {"size": SIDE},
        "augmentation": {
            "rotation_deg": 5,
            "translate": 0.05,
            "scale": (0.95, 1.05),
            "brightness": 0.12,
            "contrast": 0.25,
            "fill": "edge",
        },
        "loss": {"class_weights": "balanced"},
        "optimizer": {"learning_rate": 3e-3, "weight_decay": 0.02},
        "schedule": {"name": "cosine", "warmup": 0.05},
        "training": {
            "epochs": epochs,
            "batch_size": 16,
            "precision": "32",
            "monitor": "val_macro_auroc",
            **cohort.recipe.get("training", {}),
        },
    }
    return Recipe.model_validate(values)


def train(cohort: Cohort, manifest_file: Path, folder: Path, *, epochs: int = EPOCHS) -> Bundle:
    """Train on the cohort's train split and leave a bundle in folder/bundle.

    Args:
        cohort: What was planted decides how the network is trained and calibrated.
        manifest_file: The cohort's manifest.
        folder: Of the run, the cache and the bundle.
        epochs: How long.
    """
    from hilum.training import export_run, fit

    manifest = Manifest.read(manifest_file, leaks=True)
    taught = _by_film(manifest) if cohort.every_film_a_patient else manifest
    with _quiet():
        build_cache(taught, Preprocessing(size=SIDE), folder / "cache", workers=1)
        cache = PreparedCache.open(folder / "cache")
        fit(recipe_of(cohort, epochs), taught, cache, folder / "run", manifest_file=manifest_file)
        name = "raw" if cohort.bundle else "bundle"
        bundle, _ = export_run(folder / "run", folder / name, overwrite=True)
    return _tampered(cohort, bundle, manifest, cache, folder) if cohort.bundle else bundle


def _by_film(manifest: Manifest) -> Manifest:
    import polars as pl

    return replace(manifest, frame=manifest.frame.with_columns(patient_id=pl.col("study_id")))


def _tampered(
    cohort: Cohort, bundle: Bundle, manifest: Manifest, cache: PreparedCache, folder: Path
) -> Bundle:
    """Spoil the bundle's probabilities."""
    from hilum.screening.recalibrate import FittedOn, recalibrate
    from hilum.training import predict_run

    if cohort.bundle == "overconfident":
        record = replace(bundle.record, temperature=0.15, files={}, id="")
        return write_bundle(
            folder / "bundle", record, model_onnx=bundle.model_path,
            weights=bundle.weights_path(), overwrite=True,
        )  # fmt: skip
    found = recalibrate(
        bundle,
        predict_run(folder / "run", manifest, "test", cache=cache),
        folder / "bundle",
        fitted_on=FittedOn(manifest_sha256=manifest.sha256, split="test"),
        overwrite=True,
    )
    return found.bundle


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Lightning and the exporter say off the screen."""
    logging.getLogger("lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
