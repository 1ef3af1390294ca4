"""Do drawn films help a classifier? The same recipe and seeds with them, without, and a control.

Three arms differ in their training films alone; validation and test films are real in all of them:

* `without`: the manifest as it is;
* `with`: its train split and the drawn films;
* `repeated`: its train split, and as many of its own films of the same label once more. More films
  of a class move the decisions towards it even if they show nothing new; what drawn films are
  worth is what they add to this.

Intervals resample the patients of the test split, the same ones in every arm, of figures that are
means over seeds. They say how the result would vary with other patients, not with other samples.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.atomic import replacing
from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.errors import DataError, LeakageError
from hilum.evaluation.intervals import percentile_interval, resample_patients
from hilum.evaluation.predictions import Predictions
from hilum.generate.sheet import SOURCE, read_origin
from hilum.reproduce.work import Progress, is_finished
from hilum.training import fit, predict_run
from hilum.training.recipe import Recipe

__all__ = ["ARMS", "Difference", "VaeHelp", "compare_arms", "vae_help"]

ARMS = ("without", "with", "repeated")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of the arm with drawn films, less that of another arm."""

    metric: str
    against: str
    estimate: float
    low: float
    high: float
    by_seed: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeHelp:
    """What came of it."""

    values: dict[str, dict[str, tuple[float, ...]]]
    """By arm and metric, one a seed, on the test split."""

    differences: tuple[Difference, ...]
    drawn: int
    test_films: int
    test_patients: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def vae_help(
    recipe: Recipe,
    manifest: Manifest,
    samples: Manifest,
    out: Path,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    resamples: int = 2000,
    command: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> VaeHelp:
    """Train every arm with every seed, unless that is done, and compare them on the test split.

    Args:
        recipe: Of the classifier; its seed is replaced.
        manifest: Real films with train, val and test splits; what the autoencoder was trained on.
        samples: Of `hilum generate sample`, read from its folder.
        out: Folder of the runs and helps.json.
        seeds: At least one.
        resamples: Resamples of test patients.
        command: What was typed, for the runs' records.
        progress: Called with (what is being done, steps done, steps in all).

    Raises:
        DataError: If the samples are not drawn films.
        LeakageError: If their autoencoder was trained on another manifest, so that it may have
            learned from test films.
    """
    _check_origin(manifest, samples)
    out.mkdir(parents=True, exist_ok=True)
    films = {
        "without": manifest,
        "with": _joined(manifest, samples),
        "repeated": _joined(manifest, _repeats(manifest, samples, out / "repeats")),
    }
    said: dict[str, list[Predictions]] = {arm: [] for arm in ARMS}
    for arm in ARMS:
        cache = _cache(films[arm], recipe, out / "prepared")
        for seed in seeds:
            run = out / arm / f"seed-{seed}"
            settings = _seeded(recipe, seed)
            if not is_finished(run, settings):
                fit(
                    settings,
                    films[arm],
                    cache,
                    run,
                    resume=(run / "recipe.yaml").exists(),
                    command=command,
                    progress=_told(progress, f"{arm}, seed {seed}"),
                )
            said[arm].append(predict_run(run, manifest, "test", cache=cache))
    found = compare_arms(said, drawn=len(samples), resamples=resamples)
    with replacing(out / "helps.json") as file:
        file.write(json.dumps(found.to_dict(), indent=2, allow_nan=False).encode())
    return found


def compare_arms(
    said: dict[str, list[Predictions]], *, drawn: int, resamples: int = 2000, seed: int = 0
) -> VaeHelp:
    """Score arms on the same test films, and the arm `with` against the others.

    Args:
        said: Predictions by arm, one a seed, all on the same films in the same order.
        drawn: Number of drawn films.
        resamples: Resamples of test patients.
        seed: Of the resampling.

    Raises:
        DataError: If the films differ between runs.
    """
    first = said["with"][0]
    if any(not np.array_equal(p.images, first.images) for runs in said.values() for p in runs):
        raise DataError("Expected predictions on the same test films in every arm and seed.")
    tables = {arm: np.stack([_confusions(p) for p in runs]) for arm, runs in said.items()}
    patients = tables["with"].shape[1]
    values = {arm: _metrics(table.sum(1), first.classes) for arm, table in tables.items()}
    drawn_values: dict[str, dict[str, list[Array]]] = {arm: {} for arm in said}
    for counts in resample_patients(patients, resamples, np.random.default_rng(seed)):
        for arm, table in tables.items():
            weighed = np.einsum("bp,spij->bsij", counts, table)
            for metric, each in _metrics(weighed, first.classes).items():
                drawn_values[arm].setdefault(metric, []).append(each.mean(axis=1))
    spread = {
        arm: {metric: np.concatenate(parts) for metric, parts in found.items()}
        for arm, found in drawn_values.items()
    }
    differences = [
        _difference(metric, against, values, spread)
        for against in said
        if against != "with"
        for metric in values["with"]
    ]
    return VaeHelp(
        values={a: {m: tuple(v.tolist()) for m, v in f.items()} for a, f in values.items()},
        differences=tuple(differences),
        drawn=drawn,
        test_films=len(first.labels),
        test_patients=patients,
    )


def _difference(
    metric: str,
    against: str,
    values: dict[str, dict[str, Array]],
    spread: dict[str, dict[str, Array]],
) -> Difference:
    by_seed = values["with"][metric] - values[against][metric]
    low, high, _ = percentile_interval(spread["with"][metric] - spread[against][metric])
    return Difference(
        metric=metric,
        against=against,
        estimate=float(by_seed.mean()),
        low=low,
        high=high,
        by_seed=tuple(by_seed.tolist()),
    )


def _confusions(predictions: Predictions) -> Array:
    """Return each test patient's counts of (truth, answer), shape (patients, k, k)."""
    k = len(predictions.classes)
    sources = predictions.sources
    whose = predictions.patient_ids if sources is None else sources
    keys = [f"{one}\0{other}" for one, other in zip(whose, predictions.patient_ids, strict=True)]
    _, patient = np.unique(keys, return_inverse=True)
    found = np.zeros((patient.max() + 1, k, k))
    np.add.at(found, (patient, predictions.labels, predictions.probabilities.argmax(1)), 1)
    return found


def _metrics(table: Array, classes: tuple[str, ...]) -> dict[str, Array]:
    """Return accuracy, mean recall and each recall of confusion matrices (..., k, k)."""
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        recall = hits / table.sum(-1)
        accuracy = hits.sum(-1) / table.sum((-2, -1))
    each = {f"recall_{label}": recall[..., index] for index, label in enumerate(classes)}
    return {"accuracy": accuracy, "balanced_accuracy": recall.mean(-1), **each}


def _check_origin(manifest: Manifest, samples: Manifest) -> None:
    frame = samples.frame
    if set(frame["source"]) != {SOURCE} or samples.splits != ["train"]:
        raise DataError(
            f"Expected drawn films: source {SOURCE!r} and split 'train' in every row, as `hilum "
            "generate sample` writes them."
        )
    if read_origin(samples.root).get("manifest_sha256") != manifest.sha256:
        raise LeakageError(
            "The autoencoder was trained on another manifest than this one, so it may have learned "
            "from films of this test split. Train it on this manifest and draw again."
        )


def _joined(manifest: Manifest, more: Manifest) -> Manifest:
    frames = [each.frame.with_columns(path=each.absolute_paths()) for each in (manifest, more)]
    frame = pl.concat(frames, how="diagonal_relaxed")
    return Manifest.from_frame(frame, manifest.root, notes=(*manifest.notes, *more.notes))


def _repeats(manifest: Manifest, samples: Manifest, folder: Path) -> Manifest:
    """Link as many real training films of the samples' labels as there are samples, in rounds."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    parts = []
    for label, count in sorted(samples.frame["label"].value_counts().iter_rows()):
        real = manifest.select(split="train", labels=[label])
        if not len(real):
            raise DataError(f"The manifest has no training film labelled {label!r} to repeat.")
        rounds = -(-count // len(real))
        order = np.concatenate([rng.permutation(len(real)) for _ in range(rounds)])[:count]
        paths = real.paths()
        again = [folder / f"{label}-{n:05d}{paths[i].suffix}" for n, i in enumerate(order)]
        for path, index in zip(again, order, strict=True):
            _link(paths[index], path)
        chosen = real.frame[order].with_columns(path=pl.Series([str(path) for path in again]))
        parts.append(chosen)
    return replace(manifest, frame=pl.concat(parts), root=folder, notes=())


def _link(target: Path, path: Path) -> None:
    if path.exists():
        return
    try:
        path.symlink_to(target)  # a hard link would touch the real film's times
    except OSError:  # a file system or a user without links
        shutil.copyfile(target, path)


def _cache(films: Manifest, recipe: Recipe, folder: Path) -> PreparedCache:
    place = folder / recipe.preprocessing.pixel_hash
    build_cache(films, recipe.preprocessing, place)
    return PreparedCache.open(place)


def _seeded(recipe: Recipe, seed: int) -> Recipe:
    fitting = recipe.training.model_copy(update={"seed": seed})
    return recipe.model_copy(update={"training": fitting})


def _told(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(what, done, total)
