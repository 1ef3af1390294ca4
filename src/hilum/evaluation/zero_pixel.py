"""The zero-pixel baseline: what rules score that read a manifest and never open an image.

For each thing that is known of an image (its source, size, file type, the patient's age) the rule
says the commonest training label of images like it. On the published COVIDx 8B and 9B splits the
source alone is right for every test image, which is why this number stands before any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.manifest import Manifest
from hilum.evaluation.blind_rules import (
    ALL_TOGETHER,
    NOTHING,
    UNKNOWN,
    Parts,
    Task,
    choose_parts,
    count_guessed,
    rules_said,
)
from hilum.evaluation.metadata_groups import metadata_groups
from hilum.evaluation.record import RESEARCH_USE, Estimate
from hilum.evaluation.spread import Scored, Spread, resample

__all__ = ["ALL_TOGETHER", "NOTHING", "BlindRule", "ZeroPixel", "zero_pixel"]

_TOLD = 0.9
_PER_CLASS = ("recall", "specificity", "auroc")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindRule:
    """What one rule scores."""

    looks_at: str
    """The column, or `NOTHING`, or `ALL_TOGETHER`."""

    groups: int
    """Values it takes; 1 for nothing."""

    guessed: int
    """Tested images whose value is unknown or not in training: they get the commonest label."""

    right: int
    """Tested images it is right for."""

    metrics: dict[str, Estimate]
    """accuracy, balanced_accuracy and auroc: of two classes the positive one's, else the mean."""

    per_class: dict[str, dict[str, Estimate]]
    """recall (sensitivity), specificity and auroc of each class against the rest."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "looks_at": self.looks_at,
            "groups": self.groups,
            "guessed": self.guessed,
            "right": self.right,
            "metrics": {name: value.to_dict() for name, value in self.metrics.items()},
            "per_class": {
                label: {name: value.to_dict() for name, value in row.items()}
                for label, row in self.per_class.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroPixel:
    """What every rule scores on one set of images."""

    classes: tuple[str, ...]
    """Of two, the second is the positive one."""

    where: str
    """Which images were tested: "test", or "cross-validated"."""

    learnt_from: str
    """Which images the rules learnt from, in words."""

    images: int
    patients: int
    class_counts: dict[str, int]
    rules: tuple[BlindRule, ...]
    resamples: int
    seed: int
    notes: tuple[str, ...] = ()

    def rule(self, looks_at: str) -> BlindRule:
        """Return the rule that looks at this.

        Raises:
            KeyError: If there is none.
        """
        return {rule.looks_at: rule for rule in self.rules}[looks_at]

    @property
    def sentence(self) -> str:
        """Say what the first rule that looks at anything scores, and nothing at all beside it."""
        first = next((rule for rule in self.rules if rule.looks_at != NOTHING), self.rules[0])
        accuracy = first.metrics["accuracy"].text(percent=True)
        if first.looks_at == NOTHING:
            return f"The commonest label is right for {accuracy} of {self.images:,} images."
        area = first.metrics["auroc"].text()
        return (
            f"A rule that never looks at a picture, only at the {first.looks_at}, is right for "
            f"{first.right:,} of {self.images:,} {self._tested}: accuracy {accuracy}, "
            f"{'AUROC' if len(self.classes) == 2 else 'mean AUROC'} {area}.{self._best_told(first)}"
        )

    def _best_told(self, rule: BlindRule) -> str:
        """Of more than two classes, name the one the rule tells best from the rest."""
        if len(self.classes) == 2:
            return ""
        areas = {label: row["auroc"].estimate or 0.0 for label, row in rule.per_class.items()}
        label = max(areas, key=lambda name: areas[name])
        if areas[label] < _TOLD:
            return ""
        row = rule.per_class[label]
        return (
            f" It tells {label} from the rest with sensitivity {row['recall'].text()} and "
            f"specificity {row['specificity'].text()}."
        )

    @property
    def _tested(self) -> str:
        return "images" if self.where == "cross-validated" else f"{self.where} images"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "use": RESEARCH_USE,
            "sentence": self.sentence,
            "classes": list(self.classes),
            "positive_class": self.classes[1] if len(self.classes) == 2 else None,
            "where": self.where,
            "learnt_from": self.learnt_from,
            "images": self.images,
            "patients": self.patients,
            "class_counts": self.class_counts,
            "resamples": self.resamples,
            "seed": self.seed,
            "notes": list(self.notes),
            "rules": [rule.to_dict() for rule in self.rules],
        }


def zero_pixel(
    manifest: Manifest,
    *,
    columns: Sequence[str] | None = None,
    positive: str | None = None,
    split: str | None = None,
    folds: int = 5,
    resamples: int = 1000,
    seed: int = 0,
) -> ZeroPixel:
    """Score rules that never look at a picture.

    With splits they learn from train and are tested on `split`; without, they are cross-validated
    by patient.

    Args:
        manifest: No image need be there. Rows without a label are left out.
        columns: What the rules look at, one each; see `metadata_groups`. With the default, and
            with several, one more rule looks at all of them together.
        positive: Score this label against all others together; by default the labels as they are.
        split: Where to test; default test, else val.
        folds: Parts of the cross-validation, if there are no splits.
        resamples: Of patients, for the intervals; 0 for none.
        seed: Of the resampling and of the parts.

    Raises:
        ConfigError: If a column or the positive label is not there.
        DataError: If there is no label to tell apart, or the split asked for is empty.
    """
    frame = manifest.frame.filter(pl.col("label") != "")
    task = Task.of(frame, positive)
    parts = choose_parts(manifest, frame, split, folds, seed)
    groups = {
        name: group.fill_null(UNKNOWN).to_numpy().astype(str)
        for name, group in metadata_groups(frame, columns).items()
    }
    said = rules_said(groups, task, parts)
    scored = {name: Scored.start(one, None) for name, one in said.items()}
    resample([*scored.values()], resamples, seed)
    tested = next(iter(said.values()))
    labels = np.bincount(tested.labels, minlength=len(task.classes)).tolist()
    return ZeroPixel(
        classes=task.classes,
        where=parts.where,
        learnt_from=parts.learnt_from,
        images=len(tested),
        patients=scored[NOTHING].weighted.n_patients,
        class_counts=dict(zip(task.classes, labels, strict=True)),
        rules=tuple(
            _rule(name, one, groups, parts, resamples=resamples) for name, one in scored.items()
        ),
        resamples=resamples,
        seed=seed,
        notes=parts.notes,
    )


def _rule(
    name: str,
    scored: Scored,
    groups: Mapping[str, NDArray[np.str_]],
    parts: Parts,
    *,
    resamples: int,
) -> BlindRule:
    spread = Spread(scored, 0.95, resamples)
    predictions = scored.predictions
    two = len(predictions.classes) == 2
    return BlindRule(
        looks_at=name,
        groups=int(np.unique(groups[name]).size) if name in groups else 1,
        guessed=count_guessed(groups[name], parts) if name in groups else 0,
        right=int(np.count_nonzero(scored.weighted.decisions == predictions.labels)),
        metrics={
            "accuracy": spread.overall("accuracy"),
            "balanced_accuracy": spread.overall("balanced_accuracy"),
            "auroc": spread.overall("auroc" if two else "macro_auroc"),
        },
        per_class={
            label: {figure: spread.of_class(figure, c) for figure in _PER_CLASS}
            for c, label in enumerate(predictions.classes)
        },
    )
