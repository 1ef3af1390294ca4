"""A small study for the tests of checklists and cards: films, a bundle, figures, an audit."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.evaluation import Predictions, evaluate
from hilum.evaluation.baseline import SourceLabels
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord

CLASSES = ("normal", "covid")
RECIPE: dict[str, Any] = {
    "name": "tiny",
    "classes": list(CLASSES),
    "relabel": {},
    "model": {"name": "small_cnn", "weights": "none", "dropout": None, "freeze_trunk": False},
    "augmentation": {"rotation_deg": 10.0},
    "loss": {"name": "cross_entropy", "class_weights": "balanced"},
    "optimizer": {"name": "adamw", "learning_rate": 0.001},
    "schedule": {"name": "cosine"},
    "training": {"epochs": 3, "seed": 7, "monitor": "val_macro_auroc", "selection_split": "val"},
}

_SCORED: dict[tuple[str, str], dict[str, Any]] = {}
"""Figures by manifest and split, so that each is scored once."""


def films(*, two_a_patient: bool = True, sources: tuple[str, ...] = ("a", "b")) -> pl.DataFrame:
    """120 films of two classes from some sources, split by patient: 72 train, 24 val, 24 test."""
    rows = []
    for i in range(120):
        patient = i // 2 if two_a_patient else i
        split = ("train", "train", "train", "val", "test")[(i // 4) % 5]
        rows.append(
            {
                "path": f"{i}.png",
                "patient_id": str(patient),
                "source": sources[patient % len(sources)],
                "label": CLASSES[(i // 8) % 2],
                "split": split,
                "sex": None if i < 8 else ("M", "F")[patient % 2],
                "age": float(40 + patient % 20),
                "view": "PA",
                "license": "CC BY 4.0",
            }
        )
    return pl.DataFrame(rows)


def manifest(root: Path, frame: pl.DataFrame | None = None, **options: Any) -> Manifest:
    return Manifest.from_frame(films() if frame is None else frame, root, **options)


def bundle(folder: Path, trained_on: Manifest | None = None, **changes: Any) -> Bundle:
    """A bundle whose record is whole and whose network is nothing: no test here runs it."""
    training: dict[str, Any] = {"recipe": RECIPE, "command": ["hilum", "train"]}
    if trained_on is not None:
        train = trained_on.select(split="train")
        counts = trained_on.frame.group_by("split", "label").len().iter_rows()
        training |= {
            "manifest_sha256": trained_on.sha256,
            "n_images": len(train),
            "n_patients": train.frame.select("source", "patient_id").n_unique(),
            "sources": sorted(train.frame["source"].unique()),
            "counts": {f"{split}/{label}": n for split, label, n in counts},
            "git": {"commit": "abc123", "changed": False},
            "result": {"epochs": 3, "best_epoch": 1, "val_macro_auroc": 0.75},
        }
    values: dict[str, Any] = {
        "name": "tiny",
        "created": "2024-05-01T10:00:00Z",
        "hilum_version": "0.1.0",
        "task": "multiclass",
        "classes": CLASSES,
        "architecture": Architecture(name="small_cnn", channels=1, outputs=2),
        "preprocessing": Preprocessing(size=32, top=0.08),
        "training": training,
        "versions": {"hilum": "0.1.0", "numpy": "2.4.6"},
    }
    record = BundleRecord(**{**values, **changes})
    return write_bundle(folder, record, model_onnx=b"a network", weights=b"weights")


def evaluation(of: Manifest, *, split: str = "test", scored: str = "tiny") -> dict[str, Any]:
    """What `evaluation.json` would hold of predictions that are often right."""
    where = {"path": "manifest.csv", "sha256": of.sha256, "images": len(of)}
    known = (of.sha256, split)
    if known not in _SCORED:
        _SCORED[known] = _score(of, split)
    found = copy.deepcopy(_SCORED[known])
    return {"scored": scored, "scored_sha256": None, "manifest": where, "split": split, **found}


def _score(of: Manifest, split: str) -> dict[str, Any]:
    part = of.select(split=split).frame
    rng = np.random.default_rng(3)
    labels = np.array([CLASSES.index(label) for label in part["label"]])
    p = np.clip(rng.normal(0.3 + 0.4 * labels, 0.2), 0.01, 0.99)
    predictions = Predictions(
        part["path"].to_list(), part["patient_id"].to_list(), labels, CLASSES,
        np.column_stack([1 - p, p]), sources=part["source"].to_list(),
    )  # fmt: skip
    train = of.select(split="train").frame
    taught = SourceLabels(
        sources=np.array(train["source"].to_list()),
        labels=np.array([CLASSES.index(label) for label in train["label"]]),
        origin="the train split",
    )
    return evaluate(predictions, resamples=100, baseline=taught).to_dict()


def audit(bundle_id: str = "", **verdicts: str) -> dict[str, Any]:
    """An audit with one check a keyword: jpeg="pass" is the check `jpeg`; _ stands for -."""
    checks = [
        {
            "check": name.replace("_", "-"),
            "title": f"The {name} check",
            "verdict": verdict,
            "summary": f"AUROC 0.80 (0.70 to 0.90; 24 films) for {name}",
        }
        for name, verdict in verdicts.items()
    ]
    about = {"bundle_id": bundle_id} if bundle_id else {}
    return {"checks": checks, "about": about}
