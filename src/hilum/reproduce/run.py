"""Reproducing a paper: its networks as published and repaired, beside a rule that never looks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hilum.data.atomic import replacing
from hilum.data.manifest import Manifest
from hilum.evaluation.matching import relabelled
from hilum.reproduce.paper import Paper
from hilum.reproduce.results import Reproduction, Scale, Variant
from hilum.reproduce.two_stages import TwoStages
from hilum.reproduce.work import Progress, Work

__all__ = ["reproduce"]


def reproduce(
    paper: Paper,
    manifest: Manifest,
    out: str | Path,
    *,
    variants: Sequence[Variant] = ("published", "repaired"),
    networks: Sequence[str] = (),
    faults: bool = False,
    scale: Scale | None = None,
    manifest_file: str | Path | None = None,
    command: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Reproduction:
    """Train a paper's networks and score them.

    Args:
        paper: Which.
        manifest: Films with train, val and test splits.
        out: Folder of the runs, the caches and results.json; runs finished there are kept.
        variants: As published, repaired, or both.
        networks: Names of those to train; all the paper prints a row of if empty.
        faults: Also train the paper's fault base repaired, and with each fault brought back.
        scale: Epochs and pixels that fit the machine; the paper's own if None.
        manifest_file: Where the manifest was read from, for the record.
        command: What was typed, for the record.
        progress: Called as the runs go on.

    Raises:
        ConfigError: If a network is unknown.
        DataError: If the manifest's labels do not cover the paper's classes.
    """
    scale = scale or Scale()
    out = Path(out)
    names = paper.labels_for(manifest.labels)
    images = relabelled(manifest, names).select(labels=paper.classes)
    work = (TwoStages if paper.folds else Work)(
        paper, manifest, images, names, out, scale, manifest_file, command, progress
    )
    chosen = [paper.network(name) for name in networks] or [n for n in paper.networks if n.row]
    rows = [work.row(network, variant) for network in chosen for variant in variants]
    if faults:
        rows += work.fault_rows()
    result = Reproduction(
        paper=paper,
        baseline=work.baseline(),
        rows=tuple(rows),
        about={
            "manifest": None if manifest_file is None else str(manifest_file),
            "manifest_sha256": manifest.sha256,
            "counts": [list(row) for row in images.counts().iter_rows()],
            "scale": asdict(scale),
            "command": list(command),
            "notes": [*paper.notes, *manifest.notes],
        },
    )
    with replacing(out / "results.json") as file:
        file.write(json.dumps(result.to_dict(), indent=2, allow_nan=False).encode())
    return result
