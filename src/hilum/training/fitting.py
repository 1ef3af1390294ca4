"""Fit a classifier: one function from a recipe and a prepared cache to a run's folder."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.data.patient_marks import patient_marks
from hilum.errors import ConfigError, DataError, TrainingError
from hilum.models import TrunkAndHead, create_network, network_spec
from hilum.training.balance import class_weights
from hilum.training.batches import Processes, training_batches
from hilum.training.checkpoint import AtomicCheckpointIO
from hilum.training.datamodule import CachedImages, SplitBatches
from hilum.training.examples import Examples, select_examples, selection_rows
from hilum.training.feeding import make_feed, plan_feeding
from hilum.training.keeper import RunKeeper
from hilum.training.module import ClassifierModule
from hilum.training.one_batch import OneBatchStrategy
from hilum.training.predict import predict_run
from hilum.training.pretraining import marks_of_weights, refuse_seen_patients
from hilum.training.recipe import Recipe
from hilum.training.run_folder import RunFolder, git_state, package_versions
from hilum.training.traits import traits_of
from hilum.training.validation import Validation

__all__ = ["Processes", "RunResult", "fit"]

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a finished run is known by."""

    folder: Path
    classes: tuple[str, ...]
    epochs: int
    best_epoch: int
    monitor: str
    best_value: float
    seconds: float
    images_per_second: float
    """Training pictures over all processes; validation and checkpoints are not counted."""

    feeding: str
    """How pictures reached the device, in words."""


def fit(
    recipe: Recipe,
    manifest: Manifest,
    cache: PreparedCache,
    out: str | Path,
    *,
    resume: bool = False,
    processes: Processes | None = None,
    manifest_file: str | Path | None = None,
    command: tuple[str, ...] = (),
    progress: Callable[[int, int], None] | None = None,
    after_epoch: Callable[[Mapping[str, float]], bool] | None = None,
    tell: Callable[[str], None] | None = None,
) -> RunResult:
    """Train a classifier and leave everything about it in `out`.

    Args:
        recipe: What to train and how.
        manifest: The images, with a split column.
        cache: Those images, prepared with the recipe's preprocessing.
        out: The run's folder; see `hilum.training.run_folder`.
        resume: Go on with an unfinished run of the same recipe.
        processes: Who trains together; this process alone if None.
        manifest_file: Where the manifest was read from, for the record.
        command: What was typed, for the record.
        progress: Called with (steps done, steps in all).
        after_epoch: Called with the epoch's row of metrics.csv; true ends the run there.
        tell: Called before the first step with a line that says how pictures reach the device.

    Raises:
        ConfigError: If the recipe cannot be used with these data.
        LeakageError: If a patient stands in two splits.
        TrainingError: If the folder may not be used, or the loss is no longer a number.
    """
    processes = processes or Processes()
    examples = select_examples(manifest, recipe)
    _check_size(recipe)
    if cache.preprocessing.pixel_hash != recipe.preprocessing.pixel_hash:
        raise ConfigError("The cache was prepared with another preprocessing than the recipe's.")
    folder = RunFolder(out)
    started = datetime.now(UTC)
    network = new_network(recipe, len(examples.classes))
    marks = _seen_patients(network, recipe, examples)
    if processes.rank:
        return _train(
            network, recipe, examples, cache, folder, processes=processes, started=started
        )
    with folder.lock():
        folder.begin(recipe, resume=resume)
        about = {
            **_about(recipe, examples, manifest, cache, manifest_file),
            "command": list(command),
            "started": started.isoformat(timespec="seconds"),
            "processes": processes.total,
            "started_from": network.started_from and network.started_from.to_dict(),
            "patients_of_started_from": _known(network),
        }
        _check_same_data(folder, about)
        folder.write_record(about)
        result = _train(
            network,
            recipe,
            examples,
            cache,
            folder,
            processes=processes,
            started=started,
            marks=marks,
            progress=progress,
            after_epoch=after_epoch,
            tell=tell,
        )
        chosen_by = recipe.training.selection_split
        predictions = predict_run(folder.path, examples.manifest, chosen_by, cache=cache)
        predictions.write(folder.path / f"predictions-{chosen_by}.csv")
        about["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
        about["result"] = {
            "epochs": result.epochs,
            "best_epoch": result.best_epoch,
            result.monitor: result.best_value,
            "seconds": round(result.seconds, 1),
            "images_per_second": round(result.images_per_second, 1),
            "feeding": result.feeding,
        }
        folder.write_record(about)
        return result


def _seen_patients(network: TrunkAndHead, recipe: Recipe, examples: Examples) -> frozenset[str]:
    """Return the marks of the patients this run learns from, those of its starting weights too.

    Raises:
        LeakageError: If one of those stands in the test split.
    """
    used = examples.manifest.select(split=["train", recipe.training.selection_split])
    marks = frozenset(patient_marks(used))
    if network.started_from is None:
        return marks
    before = marks_of_weights(network.started_from.source) or frozenset()
    if not recipe.model.allow_seen_patients:
        refuse_seen_patients(before, examples.manifest, network.started_from.source)
    return marks | before


def _known(network: TrunkAndHead) -> int | None:
    """Return how many patients the starting weights have seen; None if they do not say."""
    if network.started_from is None:
        return None
    marks = marks_of_weights(network.started_from.source)
    return None if marks is None else len(marks)


def _check_size(recipe: Recipe) -> None:
    spec = network_spec(recipe.model.name)
    size = recipe.preprocessing.size
    if spec is None or spec.auxiliary_size is None or not recipe.loss.auxiliary:
        return
    if size < spec.auxiliary_size:
        raise ConfigError(
            f"The auxiliary head of {spec.name} needs pictures of at least {spec.auxiliary_size} "
            f"pixels, got {size}. Set preprocessing.size higher or loss.auxiliary to 0."
        )


def _check_same_data(folder: RunFolder, about: Mapping[str, Any]) -> None:
    if not folder.record_file.exists():
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


def _about(
    recipe: Recipe,
    examples: Examples,
    manifest: Manifest,
    cache: PreparedCache,
    manifest_file: str | Path | None,
) -> dict[str, Any]:
    frame = examples.manifest.frame
    training = examples.split("train").frame
    counts = frame.group_by("split", "label").len().sort("split", "label")
    return {
        "name": recipe.name,
        "classes": list(examples.classes),
        "versions": package_versions(),
        "git": git_state(Path(__file__).parent),
        "threads": torch.get_num_threads(),
        "precision": _precision(recipe),
        "manifest": {
            "path": None if manifest_file is None else str(Path(manifest_file).resolve()),
            "sha256": manifest.sha256,
            "images": len(examples.manifest),
            "patients": frame.select("source", "patient_id").n_unique(),
            "sources": sorted(frame["source"].unique()),
        },
        "trained_on": {
            "images": len(training),
            "patients": training.select("source", "patient_id").n_unique(),
            "sources": sorted(training["source"].unique()),
        },
        "counts": {f"{split}/{label}": n for split, label, n in counts.iter_rows()},
        "cache": {"path": str(cache.folder), "hash": cache.hash},
    }


def _precision(recipe: Recipe) -> Precision:
    wanted = recipe.training.precision
    if wanted == "32":
        return "32-true"
    if wanted == "16":
        if not torch.cuda.is_available():
            raise ConfigError("training.precision=16 needs a GPU; use bf16 or 32 here.")
        return "16-mixed"
    if torch.cuda.is_available():
        can_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        if wanted == "auto":
            return "bf16-mixed" if can_bf16 else "16-mixed"
    else:
        can_bf16 = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001
    if can_bf16 or wanted == "bf16":
        return "bf16-mixed"
    return "32-true"


def _usable(cache: PreparedCache, split: Manifest) -> NDArray[np.int64]:
    positions = cache.locate(split)
    bad = [path for path, place in zip(split.paths(), positions, strict=True) if place < 0]
    if bad:
        shown = ", ".join(str(path) for path in bad[:5])
        rest = ", ..." if len(bad) > 5 else ""
        raise DataError(
            f"{len(bad)} image(s) could not be prepared ({shown}{rest}). "
            "`hilum prepare` says why of each; mend them or take them out of the manifest."
        )
    return positions


def _train(
    network: TrunkAndHead,
    recipe: Recipe,
    examples: Examples,
    cache: PreparedCache,
    folder: RunFolder,
    *,
    processes: Processes,
    started: datetime,
    marks: frozenset[str] = frozenset(),
    progress: Callable[[int, int], None] | None = None,
    after_epoch: Callable[[Mapping[str, float]], bool] | None = None,
    tell: Callable[[str], None] | None = None,
) -> RunResult:
    training = _pictures(cache, examples, examples.split("train"))
    checked = _pictures(cache, examples, selection_rows(examples, recipe))
    batches = training_batches(recipe, training.labels, examples.classes, processes)
    checks = SplitBatches(
        len(checked),
        batch_size=recipe.training.batch_size,
        rank=processes.rank,
        processes=processes.total,
    )
    counts = np.bincount(training.labels, minlength=len(examples.classes))
    module = ClassifierModule(
        network,
        recipe,
        class_weights(counts, recipe.loss.class_weights),
        bad_batch_file=folder.path / "bad-batch.npz",
        traits=traits_of(examples.split("train"), training.labels, recipe),
    )
    if recipe.training.feature_views:
        module.keep_features(training, checked)
    keeper = RunKeeper(
        recipe,
        folder,
        measure=Validation(examples.classes, checked.labels),
        steps_per_epoch=len(batches),
        marks=marks,
        progress=progress,
        after_epoch=after_epoch,
    )
    _leave_unused_alone(network, recipe, processes)
    with _quiet():
        trainer = _trainer(recipe, keeper, processes)
        device = trainer.strategy.root_device
        feeding = plan_feeding(
            recipe.training.feeding,
            len(training) + len(checked),
            recipe.preprocessing.size,
            device,
        )
        if tell is not None:
            tell(feeding.text())
        trainer.fit(
            module,
            train_dataloaders=make_feed(
                feeding, training, batches, device, workers=recipe.training.workers
            ),
            val_dataloaders=make_feed(feeding, checked, checks, device),
            ckpt_path=folder.checkpoints.newest(),
            weights_only=True,
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    return RunResult(
        folder=folder.path,
        classes=examples.classes,
        epochs=len(keeper.rows),
        best_epoch=int(keeper.best["epoch"]),
        monitor=recipe.training.monitor,
        best_value=keeper.best["value"],
        seconds=(datetime.now(UTC) - started).total_seconds(),
        images_per_second=keeper.images_per_second,
        feeding=feeding.text(),
    )


def _leave_unused_alone(network: TrunkAndHead, recipe: Recipe, processes: Processes) -> None:
    """Take an auxiliary head that the loss leaves out from what the processes wait to average."""
    if processes.total > 1 and network.auxiliary is not None and not recipe.loss.auxiliary:
        network.auxiliary.requires_grad_(requires_grad=False)


def _pictures(cache: PreparedCache, examples: Examples, rows: Manifest) -> CachedImages:
    return CachedImages(cache, _usable(cache, rows), examples.targets(rows))


def new_network(recipe: Recipe, classes: int) -> TrunkAndHead:
    """Build the recipe's network with weights that follow from its seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        return create_network(
            recipe.model.name,
            outputs=recipe.outputs or classes,
            channels=recipe.preprocessing.channels,
            size=recipe.preprocessing.size,
            dropout=recipe.model.dropout,
            weights=recipe.model.weights,
            new_head=recipe.model.new_head,
        ).to(memory_format=torch.channels_last)


def _trainer(recipe: Recipe, keeper: RunKeeper, processes: Processes) -> L.Trainer:
    several = processes.total > 1
    return L.Trainer(
        accelerator="auto",
        devices=processes.local if several else 1,
        num_nodes=max(processes.total // processes.local, 1),
        strategy=OneBatchStrategy(processes.attempt) if several else "auto",
        precision=_precision(recipe),
        max_epochs=recipe.training.epochs,
        gradient_clip_val=recipe.training.gradient_clip,
        callbacks=[keeper],
        plugins=[AtomicCheckpointIO()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice, which does not apply here, off the screen."""
    names = (
        "lightning.pytorch.utilities.rank_zero",
        "lightning.pytorch.accelerators.cuda",
        "lightning.fabric.utilities.distributed",
    )
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
