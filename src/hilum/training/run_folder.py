"""A run's folder: what was asked for, what came of it, and who is writing.

recipe.yaml                 the recipe with every default written out
run.json                    command, versions, git state, data and cache hashes, counts, classes
metrics.csv                 one row an epoch
curves.png                  the same as a picture
predictions-val.csv         the best weights' probabilities on the validation split
tensorboard/                the same for TensorBoard
checkpoints/best.safetensors
checkpoints/last-*.ckpt     the newest two, to resume from
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hilum.data.folder_lock import LOCK_NAME, only_writer
from hilum.errors import CacheError, TrainingError
from hilum.training.checkpoint import CheckpointStore, write_atomically
from hilum.training.recipe import Recipe, load_recipe

__all__ = ["RunFolder", "git_state", "package_versions"]

_RECORDED = ("classes", "command", "git", "manifest", "trained_on", "counts", "cache")
_PACKAGES = ("hilum", "torch", "torchvision", "lightning", "timm", "numpy", "pillow", "onnxruntime")


def package_versions() -> dict[str, str]:
    """Return the versions that decide what a run computes."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the commit at `folder` and whether files differ from it; None outside git."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603
                ["git", *words],  # noqa: S607
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "changed": bool(ask("status", "--porcelain"))}


class RunFolder:
    """The files of one run.

    Args:
        path: The folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.recipe_file = self.path / "recipe.yaml"
        self.record_file = self.path / "run.json"
        self.metrics_file = self.path / "metrics.csv"
        self.checkpoints = CheckpointStore(self.path / "checkpoints")
        self.best_file = self.path / "checkpoints" / "best.safetensors"
        self.tensorboard = self.path / "tensorboard"

    @property
    def started(self) -> bool:
        """Whether a run was begun here."""
        return self.recipe_file.exists()

    @property
    def trained(self) -> bool:
        """Whether there is anything to lose: a checkpoint, whole or not, or trained weights."""
        folder = self.best_file.parent
        return folder.exists() and any(folder.iterdir())

    def recipe(self) -> Recipe:
        """Return the recipe of the run.

        Raises:
            TrainingError: If this is not a run's folder.
        """
        if not self.started:
            raise TrainingError(
                f"{self.path} is not a run: it has no recipe.yaml. Make one with `hilum train`."
            )
        return load_recipe(self.recipe_file)

    def record(self) -> dict[str, Any]:
        """Return what run.json holds.

        Raises:
            TrainingError: If it is missing or damaged.
        """
        try:
            values: dict[str, Any] = json.loads(self.record_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(f"{self.record_file} cannot be read: {error}") from error
        missing = [key for key in _RECORDED if key not in values]
        if missing:
            raise TrainingError(
                f"{self.record_file} lacks {', '.join(missing)}; it was written by another version "
                "of hilum, or changed. Train the run again."
            )
        return values

    def write_record(self, values: dict[str, Any]) -> None:
        """Write run.json atomically."""
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(self.record_file, text.encode())

    def begin(self, recipe: Recipe, *, resume: bool) -> None:
        """Make the folder, or check that it holds an unfinished run of the same recipe.

        Raises:
            TrainingError: If the folder holds something else, or a run that may not be touched.
        """
        if not self.started:
            present = list(self.path.iterdir()) if self.path.exists() else []
            others = [path for path in present if path.name != LOCK_NAME]
            if others:
                raise TrainingError(
                    f"{self.path} is not empty and is not a run. Choose another folder for --out."
                )
        if not self.trained:  # a run that failed before its first epoch makes room for the next
            self.record_file.unlink(missing_ok=True)
            write_atomically(self.recipe_file, recipe.to_yaml().encode())
            return
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

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process from training here.

        Raises:
            TrainingError: At once, with the owner, if another process does.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            try:
                held.enter_context(only_writer(self.path, wait_s=0))
            except CacheError as error:
                raise TrainingError(f"Another process trains here: {error}") from error
            yield
