"""Cross-validation: every image is tested once, by a network that never saw its patient.

Folds are made by patient, or by source: then each fold tests a hospital that was not trained on,
which is the nearest thing to another hospital that a data set can offer.

Each fold is an ordinary run in a folder of its own, so that a stopped cross-validation goes on with
the fold it was in. What comes out is the folds' figures, their mean and spread, and the figures of
all test predictions pooled, whose interval resamples patients.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.atomic import replacing
from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.data.splits import patient_folds, split_by_patient
from hilum.errors import ConfigError, DataError
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import RESEARCH_USE, Evaluation
from hilum.evaluation.scoring import evaluate
from hilum.training.fitting import fit
from hilum.training.predict import predict_run
from hilum.training.recipe import Recipe
from hilum.training.run_folder import RunFolder

__all__ = ["CrossValidation", "FoldSpread", "cross_validate", "fold_manifest"]

_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""97.5 % points of Student's t for 1 to 9 degrees of freedom."""

_FOLD_METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auroc")


@dataclass(frozen=True, slots=True)
class FoldSpread:
    """One figure over the folds."""

    values: tuple[float, ...]
    """Its value in each fold."""

    mean: float

    deviation: float
    """Sample standard deviation over the folds (n - 1)."""

    low: float
    """Lower limit of the mean: mean - t * deviation / sqrt(folds). Folds share training images,
    so this is too narrow; the pooled interval is the one to quote."""

    high: float
    """Upper limit, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """What came of a cross-validation."""

    folder: Path
    folds: tuple[Evaluation, ...]
    """Each fold's test images, without intervals."""

    spreads: Mapping[str, FoldSpread]
    """Figures over the folds by name."""

    pooled: Evaluation
    """All test images together, with intervals that resample patients."""

    predictions: Predictions
    """Every image's probabilities, from the fold that did not train on its patient."""

    left_out: tuple[str, ...] = ()
    """The source that each fold left out, where folds were made by source."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        spreads = {
            name: {
                "values": list(spread.values),
                "mean": spread.mean,
                "standard_deviation": spread.deviation,
                "low": spread.low,
                "high": spread.high,
            }
            for name, spread in self.spreads.items()
        }
        return {
            "use": RESEARCH_USE,
            "left_out": list(self.left_out),
            "folds": [fold.to_dict() for fold in self.folds],
            "over_folds": spreads,
            "over_folds_method": "mean over folds, t interval of the mean with folds - 1 degrees "
            "of freedom; folds share training images, so it is too narrow",
            "pooled": self.pooled.to_dict(),
        }

    def text(self) -> str:
        """Return a table for a reader."""
        by = f"source ({', '.join(self.left_out)} left out in turn)" if self.left_out else "patient"
        lines = [f"{len(self.folds)} folds by {by}, {len(self.predictions):,} test images"]
        lines.append(f"{'':20}{'mean':>8}{'SD':>8}   folds")
        for name, spread in self.spreads.items():
            values = " ".join(f"{value:.3f}" for value in spread.values)
            lines.append(f"{name:20}{spread.mean:>8.3f}{spread.deviation:>8.3f}   {values}")
        lines.append("pooled, intervals by resampling patients:")
        lines += [f"  {name:18} {self.pooled.metrics[name].text()}" for name in self.spreads]
        return "\n".join(lines) + f"\n{RESEARCH_USE}\n"


def source_folds(manifest: Manifest, *, seed: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return folds that each leave out a whole source, and what is left out, fold by fold.

    A source that alone holds some class cannot be left out: nothing would be left to learn that
    class from. Its patients are dealt to the folds instead, so that each fold can be scored.

    Args:
        manifest: Labelled images.
        seed: Of the dealing.

    Raises:
        ConfigError: If fewer than two sources can be left out.
    """
    frame = manifest.frame
    holders = frame.group_by("label").agg(pl.col("source").n_unique().alias("n"))
    alone = holders.filter(pl.col("n") == 1)["label"]
    kept = set(frame.filter(pl.col("label").is_in(alone.implode()))["source"].unique())
    left_out = tuple(sorted(set(frame["source"].unique()) - kept))
    if len(left_out) < 2:
        raise ConfigError(
            f"Only {len(left_out)} source(s) can be left out: every other alone holds some class "
            f"({', '.join(sorted(kept))}). Join classes with `relabel`, or part by patient."
        )
    part = np.full(frame.height, -1, np.int64)
    for fold, source in enumerate(left_out):
        part[(frame["source"] == source).to_numpy()] = fold
    rest = (part < 0).nonzero()[0]
    if rest.size:
        dealt = replace(manifest, frame=frame[rest])
        part[rest] = patient_folds(dealt, folds=len(left_out), seed=seed)
    return part, left_out


def fold_manifest(
    manifest: Manifest,
    fold: int,
    *,
    part: NDArray[np.int64],
    seed: int,
    validation: float,
) -> Manifest:
    """Return the images with the split of one fold: test, and the rest parted in train and val.

    Args:
        manifest: Images; its own split column is not looked at.
        fold: Which fold is the test split, in [0, folds).
        part: The fold of each image, shape (n,).
        seed: Of the validation images.
        validation: Share of the images outside the fold that choose the weights, in (0, 1).
    """
    rest = replace(manifest, frame=manifest.frame.filter(pl.Series(part != fold)))
    shares = {"train": 1 - validation, "val": validation}
    rest = split_by_patient(rest, fractions=shares, seed=seed)
    test = manifest.frame.filter(pl.Series(part == fold)).with_columns(split=pl.lit("test"))
    frame = pl.concat([rest.frame, test.select(rest.frame.columns)])
    return Manifest.from_frame(frame, manifest.root, notes=manifest.notes)


def cross_validate(
    recipe: Recipe,
    manifest: Manifest,
    cache: PreparedCache,
    out: str | Path,
    *,
    folds: int = 5,
    by: Literal["patient", "source"] = "patient",
    validation: float = 0.15,
    resamples: int = 2000,
    manifest_file: str | Path | None = None,
    command: tuple[str, ...] = (),
    progress: Callable[[int, int], None] | None = None,
) -> CrossValidation:
    """Train and test `folds` times, each patient being tested once.

    Args:
        recipe: What to train and how; its seed also parts the folds.
        manifest: Labelled images; a split column, if there is one, is not looked at.
        cache: Those images, prepared with the recipe's preprocessing.
        out: Folder for the folds' runs, predictions.csv and crossval.json. Finished folds found
            there are taken as they are, an unfinished one is resumed.
        folds: At least 2; not looked at with `by="source"`, which makes one a source.
        by: What stands on one side of a fold only: a patient, or a whole source.
        validation: Share of the images outside a fold that choose its weights, in (0, 1).
        resamples: Resamples of patients for the pooled intervals.
        manifest_file: Where the manifest was read from, for the record.
        command: What was typed, for the record.
        progress: Called with (steps done, steps in all) over all folds.

    Raises:
        ConfigError: If a fold would lack a class, or a number is out of range.
        TrainingError: If the folder holds something else.
    """
    if folds < 2 or not 0 < validation < 1:
        raise ConfigError(f"Expected folds >= 2 and 0 < validation < 1, got {folds}, {validation}.")
    images = _chosen(manifest, recipe)
    seed = recipe.training.seed
    left_out: tuple[str, ...] = ()
    if by == "source":
        dealt, left_out = source_folds(images, seed=seed)
        folds = len(left_out)
    else:
        dealt = patient_folds(images, folds=folds, seed=seed)
    parts = [
        fold_manifest(images, fold, part=dealt, seed=seed + 1 + fold, validation=validation)
        for fold in range(folds)
    ]
    _check_folds(parts)
    out = Path(out)
    found = []
    for fold, part in enumerate(parts):
        run = out / f"fold-{fold}"
        if not _finished(run, part, recipe):
            fit(
                recipe,
                part,
                cache,
                run,
                resume=(run / "recipe.yaml").exists(),
                manifest_file=manifest_file,
                command=command,
                progress=_shifted(progress, fold, folds),
            )
        predictions = predict_run(run, part, "test", cache=cache)
        predictions.write(run / "predictions-test.csv")
        found.append(predictions)
    result = replace(_summary(out, found, resamples=resamples, seed=seed), left_out=left_out)
    result.predictions.write(out / "predictions.csv")
    with replacing(out / "crossval.json") as file:
        file.write(json.dumps(result.to_dict(), indent=2, allow_nan=False).encode())
    return result


def _chosen(manifest: Manifest, recipe: Recipe) -> Manifest:
    """Rename labels and keep the recipe's classes, as training will."""
    frame = manifest.frame.with_columns(pl.col("label").replace(recipe.relabel))
    if recipe.classes is not None:
        frame = frame.filter(pl.col("label").is_in(recipe.classes))
    if not frame.height:
        raise DataError("The manifest has no image with a label among the recipe's classes.")
    # Training renames again, so labels are left as they were.
    kept = manifest.frame.filter(pl.col("path").is_in(frame["path"].implode()))
    return replace(manifest, frame=kept)


def _check_folds(parts: list[Manifest]) -> None:
    """Refuse a cross-validation in which a split of some fold lacks a class."""
    labels = {*parts[0].labels}
    problems = [
        f"fold {fold}: split {split} has no image of {', '.join(sorted(lacking))}"
        for fold, part in enumerate(parts)
        for split in ("train", "val", "test")
        if (lacking := labels - {*part.select(split=split).labels})
    ]
    if problems:
        raise ConfigError(
            "Some folds lack a class; use fewer folds, or leave out the rare class:", problems
        )


def _finished(run: Path, part: Manifest, recipe: Recipe) -> bool:
    """Say whether a fold is done; refuse one of other images or of another recipe."""
    if not (run / "run.json").exists():
        return False
    record = RunFolder(run).record()
    if record["manifest"]["sha256"] != part.sha256:
        raise ConfigError(
            f"{run} was trained on other images or folds. Choose another folder for --out."
        )
    if RunFolder(run).recipe() != recipe:
        raise ConfigError(
            f"{run} was trained by another recipe. Choose another folder for --out, or ask for "
            "what was asked for before."
        )
    return "finished" in record


def _shifted(
    progress: Callable[[int, int], None] | None, fold: int, folds: int
) -> Callable[[int, int], None] | None:
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(fold * total + done, folds * total)

    return report


def _summary(out: Path, found: list[Predictions], *, resamples: int, seed: int) -> CrossValidation:
    evaluations = tuple(evaluate(each, resamples=0) for each in found)
    pooled = Predictions(
        np.concatenate([each.images for each in found]),
        np.concatenate([each.patient_ids for each in found]),
        np.concatenate([each.labels for each in found]),
        found[0].classes,
        np.concatenate([each.probabilities for each in found]),
        sources=np.concatenate([each.sources for each in found if each.sources is not None]),
    )
    names = [name for name in _FOLD_METRICS if name in evaluations[0].metrics]
    note = f"Test predictions of {len(found)} folds, each from the fold that did not train on them."
    return CrossValidation(
        folder=out,
        folds=evaluations,
        spreads={name: _spread([e.metrics[name].estimate for e in evaluations]) for name in names},
        pooled=evaluate(pooled, resamples=resamples, seed=seed, notes=(note,)),
        predictions=pooled,
    )


def _spread(values: list[float | None]) -> FoldSpread:
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    mean, deviation = float(known.mean()), float(known.std(ddof=1))
    freedom = known.size - 1
    # Past the table, the first terms of t's expansion about the normal: right to 0.003.
    t = _T95[freedom - 1] if freedom <= len(_T95) else 1.96 + 2.37 / freedom + 2.8 / freedom**2
    half = t * deviation / math.sqrt(known.size)
    return FoldSpread(tuple(known.tolist()), mean, deviation, mean - half, mean + half)
