"""What happens after each epoch: log it, keep the best weights, stop early, save a checkpoint.

All of it is one Lightning callback with one state, which travels in the checkpoint. The metrics
table is rewritten from that state, so that a resumed run has no missing and no doubled row.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import lightning as L
import torch
from safetensors.torch import save
from torch.utils.tensorboard import SummaryWriter

from hilum.training.checkpoint import write_atomically
from hilum.training.module import ClassifierModule
from hilum.training.one_batch import refuse_different_starts
from hilum.training.pretraining import MARKS
from hilum.training.recipe import METRICS, Recipe
from hilum.training.run_folder import RunFolder
from hilum.training.schedule import learning_rate

__all__ = ["RunKeeper"]

Measure = Callable[[ClassifierModule], dict[str, float]]


def _higher_is_better(metric: str) -> bool:
    return METRICS.get(metric, "max") == "max"


class RunKeeper(L.Callback):
    """Lightning's hooks for one run.

    Args:
        recipe: The run's recipe.
        folder: Where to write; only process 0 does.
        measure: Gives the validation metrics of what the module collected, the same on every
            process.
        steps_per_epoch: Training steps an epoch.
        marks: Of the patients the weights will have seen; written into the weights file.
        progress: Called with (steps done, steps in all).
        after_epoch: Called with the epoch's row; true ends the run. Not for several processes.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: RunFolder,
        *,
        measure: Measure,
        steps_per_epoch: int,
        marks: Collection[str] = (),
        progress: Callable[[int, int], None] | None = None,
        after_epoch: Callable[[Mapping[str, float]], bool] | None = None,
    ) -> None:
        self.recipe = recipe
        self.folder = folder
        self.measure = measure
        self.steps_per_epoch = steps_per_epoch
        self.marks = " ".join(sorted(marks))
        self.progress = progress
        self.after_epoch = after_epoch
        self.rows: list[dict[str, float]] = []
        self.best: dict[str, float] = {}
        self.seconds: list[float] = []
        self._epoch_began = 0.0
        self._writer: SummaryWriter | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return plain values only: checkpoints are read without running code."""
        return {"rows": self.rows, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where a checkpoint left off."""
        self.rows = [dict(row) for row in state_dict["rows"]]
        self.best = dict(state_dict["best"])

    @property
    def images_per_second(self) -> float:
        """Training pictures a second, over all processes; the median of this process's epochs.

        Validation and checkpoints are not counted. 0 if no epoch was trained here.
        """
        if not self.seconds:
            return 0.0
        images = self.steps_per_epoch * self.recipe.training.batch_size
        return images / statistics.median(self.seconds)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """See that every process goes on from the same epoch."""
        del pl_module
        refuse_different_starts(trainer.current_epoch)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the clock."""
        del trainer, pl_module
        self._epoch_began = time.perf_counter()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set this step's learning rate."""
        del pl_module, batch
        step = trainer.current_epoch * self.steps_per_epoch + batch_idx
        monitor = self.recipe.schedule.monitor
        rate = learning_rate(
            self.recipe.schedule,
            self.recipe.optimizer.learning_rate,
            step=step,
            total_steps=self.recipe.training.epochs * self.steps_per_epoch,
            history=[row[monitor] for row in self.rows] if self._plateau else (),
            higher_is_better=self._plateau_rises(monitor),
        )
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def _plateau_rises(self, monitor: str) -> bool:
        better = self.recipe.schedule.better
        return _higher_is_better(monitor) if better == "auto" else better == "higher"

    @property
    def _plateau(self) -> bool:
        return self.recipe.schedule.name == "plateau"

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any,
        batch_idx: int,
    ) -> None:  # fmt: skip
        """Say how far the run is."""
        del pl_module, outputs, batch
        if batch_idx + 1 == self.steps_per_epoch:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.seconds.append(time.perf_counter() - self._epoch_began)
        if self.progress is not None and trainer.is_global_zero:
            done = trainer.current_epoch * self.steps_per_epoch + batch_idx + 1
            self.progress(done, self.recipe.training.epochs * self.steps_per_epoch)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the epoch, keep the best weights, decide whether to stop, save a checkpoint."""
        if not isinstance(pl_module, ClassifierModule):
            raise TypeError(f"RunKeeper works with a ClassifierModule, got {type(pl_module)}")
        losses = torch.stack(pl_module.train_losses).mean()
        row = {
            "epoch": trainer.current_epoch,
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "train_loss": float(trainer.strategy.reduce(losses, reduce_op="mean")),
            **self.measure(pl_module),
        }
        self.rows.append(row)
        if self._improved(row):
            value = row[self.recipe.training.monitor]
            self.best = {"epoch": row["epoch"], "value": value}
            self._keep_best(trainer, pl_module)
        patience = self.recipe.training.early_stopping
        if patience is not None and row["epoch"] - self.best["epoch"] >= patience:
            trainer.should_stop = True
        if self.after_epoch is not None and self.after_epoch(row):
            trainer.should_stop = True
        self._log(trainer, row)
        trainer.save_checkpoint(self.folder.checkpoints.folder, weights_only=False)
        if trainer.is_global_zero:
            self.folder.checkpoints.prune()

    def _improved(self, row: dict[str, float]) -> bool:
        value = row[self.recipe.training.monitor]
        if not self.best:
            return True
        if math.isnan(value):
            return False
        best = self.best["value"]
        if math.isnan(best):
            return True
        return value > best if _higher_is_better(self.recipe.training.monitor) else value < best

    def _keep_best(self, trainer: L.Trainer, module: ClassifierModule) -> None:
        if not trainer.is_global_zero:
            return
        state = {
            name: t.detach().cpu().contiguous() for name, t in module.model.state_dict().items()
        }
        about = {"epoch": str(int(self.best["epoch"])), "monitor": self.recipe.training.monitor}
        about[MARKS] = self.marks
        write_atomically(self.folder.best_file, save(state, metadata=about))

    def _log(self, trainer: L.Trainer, row: dict[str, float]) -> None:
        if not trainer.is_global_zero:
            return
        text = io.StringIO()
        table = csv.DictWriter(text, fieldnames=list(row))
        table.writeheader()
        table.writerows(self.rows)
        write_atomically(self.folder.metrics_file, text.getvalue().encode())
        if self._writer is None:
            self._writer = SummaryWriter(str(self.folder.tensorboard), purge_step=int(row["epoch"]))
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, int(row["epoch"]))
        self._writer.flush()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Close what is open."""
        del trainer, pl_module, stage
        if self._writer is not None:
            self._writer.close()
            self._writer = None
