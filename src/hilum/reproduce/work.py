"""One paper's networks, trained in turn on one manifest and scored alike.

Every run is an ordinary training run in a folder of its own, found again when the command is
repeated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.errors import ConfigError
from hilum.evaluation.baseline import frequencies_by_group
from hilum.evaluation.matching import match_manifest
from hilum.evaluation.metrics import negative_log_likelihood
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.scoring import evaluate
from hilum.evaluation.temperature import fit_temperature, scale_by_temperature
from hilum.models.registry import count_parameters
from hilum.reproduce.paper import Network, Paper, recipe_file
from hilum.reproduce.results import Row, Scale, Variant, paper_metrics
from hilum.training import fit, load_recipe, predict_run
from hilum.training.recipe import Recipe
from hilum.training.run_folder import RunFolder

__all__ = ["Progress", "Work", "is_finished"]

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all)."""


@dataclass
class Work:
    """What is trained, on what, where and at which scale."""

    paper: Paper
    manifest: Manifest
    """All films, with the labels they came with."""

    images: Manifest
    """The films of the paper's classes, labels as the paper names them."""

    names: Mapping[str, str]
    """How the manifest's labels became the paper's; written into every recipe."""

    out: Path
    scale: Scale
    manifest_file: str | Path | None
    command: tuple[str, ...]
    progress: Progress | None

    def row(self, network: Network, variant: Variant) -> Row:
        """Train one network as published or repaired, unless that is done, and score it."""
        name = network.published if variant == "published" else network.repaired
        extra = network.repaired_changes if variant == "repaired" else ()
        return self.scored(network.name, network.row, variant, self.recipe(name, extra))

    def fault_rows(self) -> Iterator[Row]:
        """Train the fault base repaired, then with each fault alone."""
        if not self.paper.faults:
            raise ConfigError(f"Paper {self.paper.name} has no single fault to price.")
        base = self.paper.network(self.paper.fault_base)
        settings = self.recipe(base.repaired, ())
        yield self.scored(base.name, base.row, "repaired", settings)
        for fault in self.paper.faults:
            recipe = self.recipe(base.repaired, fault.changes)
            yield self.scored(base.name, base.row, fault.name, recipe)

    def baseline(self) -> Row:
        """Score the rule that answers what its source's training films mostly are."""
        test, train = self.images.select(split="test"), self.images.select(split="train")
        order = {label: index for index, label in enumerate(self.paper.classes)}
        said = Predictions(
            tuple(test.frame["path"]),
            tuple(test.frame["patient_id"]),
            np.array([order[label] for label in test.frame["label"]]),
            self.paper.classes,
            frequencies_by_group(
                train.frame["source"].to_numpy(),
                np.array([order[label] for label in train.frame["label"]]),
                test.frame["source"].to_numpy(),
                len(order),
            ),
            sources=tuple(test.frame["source"]),
        )
        found = evaluate(said, resamples=self.scale.resamples)
        return Row(
            network="never looks",
            row="Source of the film alone",
            variant="baseline",
            metrics=paper_metrics(found, self.paper),
        )

    def recipe(self, name: str, changes: Sequence[str], *, keep_labels: bool = False) -> Recipe:
        """Return a recipe at this scale; `keep_labels`: with its own names for labels."""
        path = recipe_file(name)
        recipe = load_recipe(path, [*changes])
        known = [] if keep_labels else [f"relabel={json.dumps(dict(self.names))}"]
        return load_recipe(path, [*changes, *self.scale.changes(recipe), *known])

    def scored(self, name: str, row: str, variant: str, recipe: Recipe) -> Row:
        """Train one recipe, unless that is done, and score it on the test split."""
        run = self.out / name / variant
        cache = self.cache(recipe)
        if not is_finished(run, recipe):
            fit(
                recipe,
                self._films,
                cache,
                run,
                resume=(run / "recipe.yaml").exists(),
                manifest_file=self.manifest_file,
                command=self.command,
                progress=self.told(f"{name}, {variant}"),
            )
        predictions = predict_run(run, self.images, "test", cache=cache)
        predictions.write(run / "predictions-test.csv")
        matched = match_manifest(predictions, self.images, split="test")
        found = evaluate(
            matched.predictions, baseline=matched.baseline, resamples=self.scale.resamples
        )
        return Row(
            network=name,
            row=row,
            variant=variant,
            metrics=paper_metrics(found, self.paper),
            about=self._about(run, recipe, matched.predictions),
        )

    def _about(self, run: Path, recipe: Recipe, test: Predictions) -> dict[str, Any]:
        record = RunFolder(run).record()
        in_use, _ = count_parameters(
            recipe.model.name,
            outputs=recipe.outputs or len(self.paper.classes),
            channels=recipe.preprocessing.channels,
            size=recipe.preprocessing.size,
        )
        return {
            "recipe": recipe.name,
            "run": str(run),
            "epochs": record["result"]["epochs"],
            "best_epoch": record["result"]["best_epoch"],
            "seconds": record["result"]["seconds"],
            "pixels": recipe.preprocessing.size,
            "batch_size": recipe.training.batch_size,
            "parameters": in_use,
            "calibration": _calibration(run, recipe, test),
        }

    @property
    def _films(self) -> Manifest:
        """The films with the labels they came with; the recipe renames them."""
        labels = {label: label for label in self.paper.classes} | dict(self.names)
        known = [old for old, new in labels.items() if new in self.paper.classes]
        return self.manifest.select(labels=known)

    def cache(self, recipe: Recipe) -> PreparedCache:
        """Prepare the films as a recipe wants them; recipes that agree share the pictures."""
        how = recipe.preprocessing
        folder = self.out / "prepared" / how.pixel_hash
        build_cache(self.images, how, folder, progress=self.told("preparing"))
        return PreparedCache.open(folder)

    def told(self, what: str) -> Callable[[int, int], None] | None:
        """Return a callback that reports steps of `what`."""
        if self.progress is None:
            return None
        progress = self.progress
        return lambda done, total: progress(what, done, total)


def is_finished(run: Path, recipe: Recipe) -> bool:
    """Say whether a run was trained to its end.

    Raises:
        ConfigError: If it was trained by another recipe, at another scale for example.
    """
    if not (run / "run.json").exists() or "finished" not in RunFolder(run).record():
        return False
    if RunFolder(run).recipe() != recipe:
        raise ConfigError(
            f"{run} was trained by another recipe, or at another scale. Name another --out, or "
            "ask for what was asked for before."
        )
    return True


def _calibration(run: Path, recipe: Recipe, test: Predictions) -> dict[str, float]:
    """Return the test loss before and after a temperature fitted where it may be, and on the test.

    The last is a published fault: its gain is what it flatters by.
    """
    saved = run / f"predictions-{recipe.training.selection_split}.csv"
    chosen = fit_temperature(*_truth(Predictions.read(saved)))
    cheated = fit_temperature(*_truth(test))
    labels, said = _truth(test)
    return {
        "temperature": chosen,
        "temperature_on_test": cheated,
        "nll": negative_log_likelihood(labels, said),
        "nll_calibrated": negative_log_likelihood(labels, scale_by_temperature(said, chosen)),
        "nll_calibrated_on_test": negative_log_likelihood(
            labels, scale_by_temperature(said, cheated)
        ),
    }


def _truth(predictions: Predictions) -> tuple[Any, Any]:
    return predictions.labels, predictions.probabilities
