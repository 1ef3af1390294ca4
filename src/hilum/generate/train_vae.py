"""Fit a variational autoencoder: one function from a recipe and a prepared cache to a folder.

Every epoch's order and noise follow from the seed and the epoch alone, so a resumed run ends with
the weights of an unbroken one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum.data.atomic import replacing
from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.errors import ConfigError, TrainingError
from hilum.generate.films import cache_rows, films_of, to_tensor
from hilum.generate.prior import fit_prior, save_prior
from hilum.generate.run_folder import VaeFolder, load_vae
from hilum.generate.settings import VaeRecipe
from hilum.generate.steps import Trainee, measure

__all__ = ["VaeResult", "fit_vae"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeResult:
    """What a finished run is known by."""

    folder: Path
    epochs: int
    best_epoch: int
    best: dict[str, float]
    """The best epoch's row of metrics.csv."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Films:
    """Rows of the cache that are learned from, and that are measured on."""

    cache: PreparedCache
    train: NDArray[np.int64]
    val: NDArray[np.int64]


def fit_vae(
    recipe: VaeRecipe,
    manifest: Manifest,
    cache: PreparedCache,
    out: str | Path,
    *,
    resume: bool = False,
    manifest_file: str | Path | None = None,
    command: tuple[str, ...] = (),
    progress: Callable[[int, int], None] | None = None,
) -> VaeResult:
    """Train an autoencoder on the train split and leave everything about it in `out`.

    Args:
        recipe: What to train and how.
        manifest: The films, with a split column; val chooses the best weights, test is not seen.
        cache: Those films, prepared with the recipe's preprocessing.
        out: The run's folder; see `hilum.generate.run_folder`.
        resume: Go on with an unfinished run of the same recipe.
        manifest_file: Where the manifest was read from, for the record.
        command: What was typed, for the record.
        progress: Called with (steps done, steps in all).

    Raises:
        ConfigError: If the recipe cannot be used with these films.
        LeakageError: If a patient stands in two splits.
        TrainingError: If the folder may not be used, or the loss is no longer a number.
    """
    started = time.monotonic()
    learned, held = films_of(manifest, recipe, "train"), films_of(manifest, recipe, "val")
    films = _Films(
        cache=cache,
        train=cache_rows(cache, learned, recipe),
        val=cache_rows(cache, held, recipe),
    )
    if len(films.train) < recipe.training.batch_size:
        raise ConfigError(
            f"The train split has {len(films.train)} films, fewer than training.batch_size "
            f"{recipe.training.batch_size}. Set it to {len(films.train)} or less."
        )
    folder = VaeFolder(out)
    with folder.begun(recipe, resume=resume):
        about = _about(recipe, manifest, learned, held, manifest_file=manifest_file)
        _check_same_films(folder, about)
        folder.write_record({**about, "command": list(command)})
        rows = _epochs(recipe, films, folder, progress)
        vae, _ = load_vae(folder.path)
        step = recipe.training.batch_size
        save_prior(fit_prior(vae, _batches(cache, films.train, step, "cpu")), folder.prior_file)
        best = min(rows, key=lambda row: row["val_objective"])
        result = VaeResult(
            folder=folder.path,
            epochs=len(rows),
            best_epoch=int(best["epoch"]),
            best=best,
            seconds=time.monotonic() - started,
        )
        finished = {"epochs": result.epochs, "best": best, "seconds": round(result.seconds, 1)}
        folder.write_record({**about, "command": list(command), "finished": finished})
    return result


def _about(
    recipe: VaeRecipe,
    manifest: Manifest,
    learned: Manifest,
    held: Manifest,
    *,
    manifest_file: str | Path | None,
) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "labels": list(recipe.labels),
        "torch": torch.__version__,
        "manifest": {
            "path": None if manifest_file is None else str(Path(manifest_file).resolve()),
            "sha256": manifest.sha256,
        },
        "trained_on": {
            "images": len(learned),
            "patients": learned.frame.select("source", "patient_id").n_unique(),
            "sources": sorted(learned.frame["source"].unique()),
        },
        "validated_on": {"images": len(held)},
    }


def _check_same_films(folder: VaeFolder, about: dict[str, Any]) -> None:
    if not folder.record_file.exists() or folder.newest_state() is None:
        return
    before = folder.record()
    if "finished" in before:
        raise TrainingError(
            f"The run in {folder.path} is finished. Choose another folder for --out."
        )
    if before["manifest"]["sha256"] != about["manifest"]["sha256"]:
        raise TrainingError(
            f"The run in {folder.path} was begun with another manifest. Resume with the one it "
            f"was begun with ({before['manifest']['path']})."
        )


def _epochs(
    recipe: VaeRecipe,
    films: _Films,
    folder: VaeFolder,
    progress: Callable[[int, int], None] | None,
) -> list[dict[str, float]]:
    """Train from the newest state, or from the beginning, to the last epoch; return every row."""
    trainee = Trainee(recipe, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    rows: list[dict[str, float]] = []
    kept = folder.newest_state()
    if kept is not None:
        trainee.restore(kept[0])
        rows = kept[1]
    steps = len(films.train) // recipe.training.batch_size
    for epoch in range(len(rows), recipe.training.epochs):
        started = time.monotonic()
        tick = None if progress is None else _shifted(progress, epoch * steps, recipe, steps)
        beta = _beta(recipe, epoch)
        row: dict[str, float] = {"epoch": epoch + 1, "beta": beta}
        row |= _named("train", _epoch(trainee, films, epoch, folder, beta=beta, tick=tick))
        batches = _batches(films.cache, films.val, recipe.training.batch_size, trainee.device)
        held = measure(trainee, batches, recipe.objective.beta)
        row |= _named("val", held)
        row["seconds"] = round(time.monotonic() - started, 2)
        _refuse_bad(row, folder)
        if not rows or row["val_objective"] < min(old["val_objective"] for old in rows):
            folder.save_best(trainee.vae)
        rows.append(row)
        folder.save_state(trainee.state(), rows)
    return rows


def _epoch(
    trainee: Trainee,
    films: _Films,
    epoch: int,
    folder: VaeFolder,
    *,
    beta: float,
    tick: Callable[[int], None] | None,
) -> dict[str, float]:
    """Take every step of an epoch; return the mean of each term."""
    recipe = trainee.recipe.training
    order = np.random.default_rng([recipe.seed, epoch]).permutation(films.train)
    count = len(order) // recipe.batch_size
    trainee.vae.train()
    sums: dict[str, float] = {}
    cuda = [trainee.device] if trainee.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(np.random.SeedSequence([recipe.seed, epoch]).generate_state(1).item())
        for number, rows in enumerate(np.split(order[: count * recipe.batch_size], count)):
            pictures = films.cache.images(rows)
            terms = trainee.step(to_tensor(pictures, trainee.device), beta)
            values = {name: float(value) for name, value in terms.items()}
            if not all(math.isfinite(value) for value in values.values()):
                _stop(values, folder, pictures, rows, epoch=epoch)
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value / count
            if tick is not None:
                tick(number + 1)
    return sums


def _stop(
    values: dict[str, float],
    folder: VaeFolder,
    pictures: NDArray[np.uint8],
    rows: NDArray[np.int64],
    *,
    epoch: int,
) -> None:
    with replacing(folder.bad_batch_file) as file:
        np.savez(file, images=pictures, rows=rows)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    raise TrainingError(
        f"The loss of epoch {epoch + 1} is no number ({shown}). The batch is in "
        f"{folder.bad_batch_file} (images as cached, and their rows in the cache). Lower "
        "training.learning_rate, set training.gradient_clip, or take training.precision=32."
    )


def _refuse_bad(row: dict[str, float], folder: VaeFolder) -> None:
    bad = [name for name, value in row.items() if not math.isfinite(value)]
    if bad:
        raise TrainingError(
            f"After epoch {row['epoch']:.0f} of {folder.path} {', '.join(bad)} is no number on "
            "validation films. Lower training.learning_rate or set training.gradient_clip."
        )


def _beta(recipe: VaeRecipe, epoch: int) -> float:
    """Return the weight of KL in an epoch, counted from 0."""
    warmup = recipe.objective.beta_warmup
    return recipe.objective.beta * min(1.0, (epoch + 1) / (warmup + 1))


def _batches(
    cache: PreparedCache, rows: NDArray[np.int64], step: int, device: torch.device | str
) -> Iterator[Tensor]:
    for start in range(0, len(rows), step):
        yield to_tensor(cache.images(rows[start : start + step]), device)


def _named(prefix: str, values: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in values.items()}


def _shifted(
    progress: Callable[[int, int], None], first: int, recipe: VaeRecipe, steps: int
) -> Callable[[int], None]:
    return lambda done: progress(first + done, recipe.training.epochs * steps)
