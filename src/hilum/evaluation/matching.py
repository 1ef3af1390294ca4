"""Holding predictions against the manifest: same images, same patients, same truth.

A table of predictions may have been made months ago, from other labels, or from part of a split.
Where it disagrees with the manifest nothing is scored; where it covers only part, that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import PredictionsError
from hilum.evaluation.baseline import SourceLabels
from hilum.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["Matched", "match_manifest", "relabelled"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Matched:
    """Predictions that agree with a manifest."""

    predictions: Predictions
    """Those of the split asked for, with the manifest's sources."""

    baseline: SourceLabels | None
    """Source and label of the manifest's train split, if it has one."""

    notes: tuple[str, ...]
    """What was left out, and what is missing."""


def relabelled(manifest: Manifest, names: Mapping[str, str]) -> Manifest:
    """Return the manifest with labels renamed, as a recipe's `relabel` does before training."""
    if not names:
        return manifest
    from dataclasses import replace

    frame = manifest.frame
    return replace(manifest, frame=frame.with_columns(frame["label"].replace(dict(names))))


def match_manifest(
    predictions: Predictions, manifest: Manifest, *, split: str | None = None
) -> Matched:
    """Check predictions against a manifest and take what it knows.

    Images are looked up by the manifest's path, as written or absolute.

    Args:
        predictions: What to check.
        manifest: Every split, so that the baseline can learn from the train split.
        split: Score the images of this split only; by default all that were predicted.

    Raises:
        PredictionsError: If an image is not in the manifest, or its label, patient or source
            differs, with counts; or if no image is of the split.
    """
    rows = _rows_of(predictions, manifest)
    known = {name: _texts(manifest, name) for name in ("patient_id", "source", "label", "split")}
    _check_agreement(predictions, rows, known)
    sources = [known["source"][row] for row in rows]
    matched, notes = predictions.with_sources(sources), []
    splits = np.array([known["split"][row] for row in rows], dtype=np.str_)
    if split is not None:
        inside = splits == split
        if not inside.any():
            raise PredictionsError(
                f"None of the {len(rows)} predicted images is in split {split!r}; "
                f"they are in {_counted(splits)}."
            )
        if not inside.all():
            notes.append(
                f"{int(inside.sum())} of {len(rows)} predicted images are in split {split!r} and "
                "are scored; the others are left out."
            )
            matched = matched.take(inside)
        notes += _missing(matched, known, split)
    elif np.any(splits == "train"):
        seen = int((splits == "train").sum())
        notes.append(f"{seen} of the scored images are in the train split: these figures flatter.")
    return Matched(matched, _train_labels(matched.classes, known), tuple(notes))


def _texts(manifest: Manifest, name: str) -> list[str]:
    if name not in manifest.frame.columns:
        return [""] * len(manifest)
    return [value or "" for value in manifest.frame[name].to_list()]


def _rows_of(predictions: Predictions, manifest: Manifest) -> list[int]:
    """Return the manifest row of each prediction."""
    row_of = {str(path): row for row, path in enumerate(manifest.paths())}
    row_of |= {path: row for row, path in enumerate(manifest.frame["path"].to_list())}
    absent = [image for image in predictions.images.tolist() if image not in row_of]
    if absent:
        raise PredictionsError(
            f"{len(absent)} of {len(predictions)} predicted images are not in the manifest. The "
            "image column must hold the manifest's path.",
            absent,
        )
    rows = [row_of[image] for image in predictions.images.tolist()]
    if len(set(rows)) < len(rows):
        raise PredictionsError(
            f"{len(rows) - len(set(rows))} manifest images are predicted twice, under two paths."
        )
    return rows


def _check_agreement(
    predictions: Predictions, rows: Sequence[int], known: Mapping[str, Sequence[str]]
) -> None:
    labels = [predictions.classes[label] for label in predictions.labels]
    said = {"label": labels, "patient_id": predictions.patient_ids.tolist()}
    if predictions.sources is not None:
        said["source"] = predictions.sources.tolist()
    problems = []
    for name, values in said.items():
        differ = [
            f"{image}: {value!r}, the manifest {known[name][row]!r}"
            for image, value, row in zip(predictions.images.tolist(), values, rows, strict=True)
            if value != known[name][row]
        ]
        if differ:
            more = f"; and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
            problems.append(
                f"{name} differs for {len(differ)} of {len(rows)} images: "
                f"{'; '.join(differ[:_SHOWN])}{more}"
            )
    if problems:
        raise PredictionsError("The predictions and the manifest disagree:", problems)


def _missing(matched: Predictions, known: Mapping[str, Sequence[str]], split: str) -> list[str]:
    """Say how many images of the split have no prediction, and how many are of other classes."""
    labels = [x for x, part in zip(known["label"], known["split"], strict=True) if part == split]
    expected = sum(label in matched.classes for label in labels)
    notes = []
    if expected > len(matched):
        notes.append(
            f"{expected - len(matched)} of {expected} images of split {split!r} have no "
            "prediction: the figures say nothing of them."
        )
    if len(labels) > expected:
        notes.append(
            f"{len(labels) - expected} images of split {split!r} have a label the model does not "
            "know and are not scored."
        )
    return notes


def _train_labels(
    classes: Sequence[str], known: Mapping[str, Sequence[str]]
) -> SourceLabels | None:
    index = {name: number for number, name in enumerate(classes)}
    rows = [
        (source, index[label])
        for source, label, split in zip(
            known["source"], known["label"], known["split"], strict=True
        )
        if split == "train" and label in index
    ]
    if not rows:
        return None
    sources, labels = zip(*rows, strict=True)
    return SourceLabels(
        np.array(sources, dtype=np.str_),
        np.array(labels, dtype=np.int64),
        f"the manifest's train split, {len(rows)} images",
    )


def _counted(splits: np.ndarray[tuple[int], np.dtype[np.str_]]) -> str:
    names, counts = np.unique(splits, return_counts=True)
    return ", ".join(
        f"{name or 'no split'} ({count})" for name, count in zip(names, counts, strict=True)
    )
