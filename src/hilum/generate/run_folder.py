"""The folder of an autoencoder's run: what was asked for, what came of it, how to go on.

recipe.yaml           the recipe with every default written out
run.json              command, versions, films, result
metrics.csv           one row an epoch, every term by itself
best.safetensors      encoder and decoder with the lowest objective on validation films
prior.safetensors     a normal fitted to the latents of the training films
last-*.safetensors    everything a resumed run needs, with last-*.json beside it
bad-batch.npz         the batch whose loss was no number, if there was one
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from hilum.data.atomic import replacing
from hilum.data.folder_lock import LOCK_NAME, only_writer
from hilum.errors import CacheError, TrainingError
from hilum.generate.settings import VaeRecipe, load_vae_recipe
from hilum.generate.vae import Vae, new_vae

__all__ = ["VaeFolder", "load_vae", "write"]

_log = logging.getLogger(__name__)
_KEPT = 2

Row = dict[str, float]


def write(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


class VaeFolder:
    """The files of one run.

    Args:
        path: The folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.recipe_file = self.path / "recipe.yaml"
        self.record_file = self.path / "run.json"
        self.metrics_file = self.path / "metrics.csv"
        self.best_file = self.path / "best.safetensors"
        self.prior_file = self.path / "prior.safetensors"
        self.bad_batch_file = self.path / "bad-batch.npz"

    def recipe(self) -> VaeRecipe:
        """Return the recipe of the run.

        Raises:
            TrainingError: If this is not the folder of an autoencoder's run.
        """
        if not self.recipe_file.exists():
            raise TrainingError(
                f"{self.path} is no autoencoder's run: it has no recipe.yaml. "
                "Make one with `hilum generate train`."
            )
        return load_vae_recipe(self.recipe_file)

    def record(self) -> dict[str, Any]:
        """Return what run.json holds.

        Raises:
            TrainingError: If it cannot be read.
        """
        try:
            values: dict[str, Any] = json.loads(self.record_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(f"{self.record_file} cannot be read: {error}") from error
        return values

    def write_record(self, values: Mapping[str, Any]) -> None:
        """Write run.json."""
        write(self.record_file, json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False))

    @contextmanager
    def begun(self, recipe: VaeRecipe, *, resume: bool) -> Iterator[None]:
        """Make the folder, or check that it may be gone on with, and keep others out of it.

        Raises:
            TrainingError: If it holds something else, or another process trains here.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            try:
                held.enter_context(only_writer(self.path, wait_s=0))
            except CacheError as error:
                raise TrainingError(f"Another process trains here: {error}") from error
            self._check(recipe, resume=resume)
            write(self.recipe_file, recipe.to_yaml())
            yield

    def _check(self, recipe: VaeRecipe, *, resume: bool) -> None:
        present = {path.name for path in self.path.iterdir()} - {LOCK_NAME}
        if present and not self.recipe_file.exists():
            raise TrainingError(
                f"{self.path} is not empty and is not a run. Choose another folder for --out."
            )
        if not any(self.path.glob("last-*.json")):
            return  # a run that failed before its first epoch makes room for the next
        if not resume:
            raise TrainingError(
                f"{self.path} already holds a run. Choose another folder for --out, or add "
                "--resume to go on with it."
            )
        if self.recipe() != recipe:
            raise TrainingError(
                f"{self.path} was begun with another recipe. Resume with the recipe it was begun "
                f"with ({self.recipe_file}), or choose another folder for --out."
            )

    def save_best(self, vae: Vae) -> None:
        """Keep these weights as the best so far."""
        write(self.best_file, save({k: v.contiguous() for k, v in vae.state_dict().items()}))

    def save_state(self, state: Mapping[str, Tensor], rows: list[Row]) -> None:
        """Keep everything a resumed run needs after the last epoch in `rows`."""
        content = save({key: value.contiguous() for key, value in state.items()})
        path = self.path / f"last-{len(rows):06d}.safetensors"
        write(path, content)
        about = {"sha256": hashlib.sha256(content).hexdigest(), "rows": rows}
        write(path.with_suffix(".json"), json.dumps(about, allow_nan=False))
        self._write_metrics(rows)
        for old in sorted(self.path.glob("last-*.json"))[:-_KEPT]:
            old.unlink()
            old.with_suffix(".safetensors").unlink(missing_ok=True)

    def newest_state(self) -> tuple[dict[str, Tensor], list[Row]] | None:
        """Return the newest state whose bytes are what was written, if there is one."""
        for path in sorted(self.path.glob("last-*.json"), reverse=True):
            try:
                about = json.loads(path.read_text(encoding="utf-8"))
                content = path.with_suffix(".safetensors").read_bytes()
            except (OSError, ValueError) as error:
                _log.warning("%s cannot be read (%s); taking the one before.", path, error)
                continue
            if hashlib.sha256(content).hexdigest() == about["sha256"]:
                return load(content), about["rows"]
            _log.warning("The state beside %s is damaged; taking the one before.", path)
        return None

    def _write_metrics(self, rows: list[Row]) -> None:
        text = io.StringIO()
        table = csv.DictWriter(text, fieldnames=[*rows[0]], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write(self.metrics_file, text.getvalue())


def load_vae(run: str | Path) -> tuple[Vae, VaeRecipe]:
    """Return the best weights of a run, ready to draw with, and its recipe.

    Raises:
        TrainingError: If the folder is no run, or its weights are missing or damaged.
    """
    folder = VaeFolder(run)
    recipe = folder.recipe()
    if not folder.best_file.exists():
        raise TrainingError(
            f"{folder.path} holds no weights yet: no epoch was finished. "
            "Go on with `hilum generate train --resume`."
        )
    vae = new_vae(recipe)
    try:
        vae.load_state_dict(load_file(folder.best_file))
    except (SafetensorError, RuntimeError) as error:
        raise TrainingError(f"{folder.best_file} cannot be read: {error}") from error
    return vae.eval(), recipe
