"""Training a paper's networks on a manifest, as published and repaired, and scoring them alike.

Every run is an ordinary training run in a folder of its own, found again when the command is
repeated. All are scored on the same test films by the same code, beside a rule that never looks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hilum.data.atomic import replacing
from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.errors import ConfigError
from hilum.evaluation.baseline import frequencies_by_group
from hilum.evaluation.matching import match_manifest, relabelled
from hilum.evaluation.metrics import negative_log_likelihood
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate, Evaluation
from hilum.evaluation.scoring import evaluate
from hilum.evaluation.temperature import fit_temperature, scale_by_temperature
from hilum.models.registry import count_parameters, network_spec
from hilum.reproduce.paper import Network, Paper, recipe_file
from hilum.training import fit, load_recipe, predict_run
from hilum.training.recipe import Recipe
from hilum.training.run_folder import RunFolder

__all__ = ["Reproduction", "Row", "Scale", "Variant", "reproduce", "value_of"]

Variant = Literal["published", "repaired"]
Progress = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of the paper's effort is spent; None keeps the recipe's own."""

    epochs: int | None = None
    size: int | None = None
    batch_size: int | None = None
    seed: int = 0
    resamples: int = 2000

    def changes(self, recipe: Recipe) -> list[str]:
        """Return the recipe settings it changes; a network of one size keeps that size."""
        spec = network_spec(recipe.model.name)
        found = [f"training.seed={self.seed}"]
        if self.epochs is not None:
            found.append(f"training.epochs={self.epochs}")
        if self.batch_size is not None:
            found.append(f"training.batch_size={self.batch_size}")
        if self.size is not None and (spec is None or spec.only_size is None):
            floor = spec.minimum_size if spec is not None else 32
            if spec is not None and recipe.loss.auxiliary and spec.auxiliary_size is not None:
                floor = spec.auxiliary_size
            found.append(f"preprocessing.size={max(self.size, floor)}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One network's figures on the test films."""

    network: str
    row: str
    """What the paper's tables call it."""

    variant: str
    """published, repaired, or the name of a fault."""

    metrics: Mapping[str, Estimate]
    """The paper's metrics, and macro_auroc, nll and ece."""

    about: Mapping[str, Any] = field(default_factory=dict)
    """Recipe, epochs, pixels, parameters, seconds, temperatures."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "metrics": {k: v.to_dict() for k, v in self.metrics.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What came of it."""

    paper: Paper
    baseline: Row
    """The rule that knows each film's source and never looks."""

    rows: tuple[Row, ...]
    about: Mapping[str, Any]
    """Manifest, counts, scale, what differs from the paper."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "paper": self.paper.name,
            "title": self.paper.title,
            "citation": self.paper.citation,
            "about": dict(self.about),
            "baseline": self.baseline.to_dict(),
            "rows": [row.to_dict() for row in self.rows],
        }


def reproduce(
    paper: Paper,
    manifest: Manifest,
    out: str | Path,
    *,
    variants: Sequence[Variant] = ("published", "repaired"),
    networks: Sequence[str] = (),
    faults: bool = False,
    scale: Scale | None = None,
    manifest_file: str | Path | None = None,
    command: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Reproduction:
    """Train a paper's networks and score them.

    Args:
        paper: Which.
        manifest: Films with train, val and test splits.
        out: Folder of the runs, the caches and results.json; runs finished there are kept.
        variants: As published, repaired, or both.
        networks: Names of those to train; all the paper prints a row of if empty.
        faults: Also train the paper's fault base repaired, and with each fault brought back.
        scale: Epochs and pixels that fit the machine; the paper's own if None.
        manifest_file: Where the manifest was read from, for the record.
        command: What was typed, for the record.
        progress: Called as the runs go on.

    Raises:
        ConfigError: If a network is unknown.
        DataError: If the manifest's labels do not cover the paper's classes.
    """
    scale = scale or Scale()
    out = Path(out)
    images = relabelled(manifest, paper.labels_for(manifest.labels))
    images = images.select(labels=paper.classes)
    work = _Work(paper, images, out, scale, manifest_file, command, progress)
    chosen = [paper.network(name) for name in networks] or [n for n in paper.networks if n.row]
    rows = [work.row(network, variant) for network in chosen for variant in variants]
    if faults:
        rows += work.fault_rows()
    result = Reproduction(
        paper=paper,
        baseline=work.baseline(),
        rows=tuple(rows),
        about={
            "manifest": None if manifest_file is None else str(manifest_file),
            "manifest_sha256": manifest.sha256,
            "counts": [list(row) for row in images.counts().iter_rows()],
            "scale": asdict(scale),
            "command": list(command),
            "notes": [*paper.notes, *manifest.notes],
        },
    )
    with replacing(out / "results.json") as file:
        file.write(json.dumps(result.to_dict(), indent=2, allow_nan=False).encode())
    return result


@dataclass(slots=True)
class _Work:
    paper: Paper
    images: Manifest
    out: Path
    scale: Scale
    manifest_file: str | Path | None
    command: tuple[str, ...]
    progress: Progress | None

    def row(self, network: Network, variant: Variant) -> Row:
        """Train one network as published or repaired, unless that is done, and score it."""
        name = network.published if variant == "published" else network.repaired
        extra = network.repaired_changes if variant == "repaired" else ()
        return self._scored(network.name, network.row, variant, self._recipe(name, extra))

    def fault_rows(self) -> Iterator[Row]:
        """Train the fault base repaired, then with each fault alone."""
        if not self.paper.faults:
            raise ConfigError(f"Paper {self.paper.name} has no single fault to price.")
        base = self.paper.network(self.paper.fault_base)
        settings = self._recipe(base.repaired, ())
        yield self._scored(base.name, base.row, "repaired", settings)
        for fault in self.paper.faults:
            recipe = self._recipe(base.repaired, fault.changes)
            yield self._scored(base.name, base.row, fault.name, recipe)

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
            metrics=_metrics(found, self.paper),
        )

    def _recipe(self, name: str, changes: Sequence[str]) -> Recipe:
        path = recipe_file(name)
        recipe = load_recipe(path, [*changes])
        return load_recipe(path, [*changes, *self.scale.changes(recipe), "relabel={}"])

    def _scored(self, name: str, row: str, variant: str, recipe: Recipe) -> Row:
        run = self.out / name / variant
        cache = self._cache(recipe)
        if not _is_finished(run):
            fit(
                recipe,
                self.images,
                cache,
                run,
                resume=(run / "recipe.yaml").exists(),
                manifest_file=self.manifest_file,
                command=self.command,
                progress=self._told(f"{name}, {variant}"),
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
            metrics=_metrics(found, self.paper),
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

    def _cache(self, recipe: Recipe) -> PreparedCache:
        how = recipe.preprocessing
        folder = self.out / "prepared" / how.pixel_hash
        told = self._told("preparing")
        build_cache(self.images, how, folder, progress=told)
        return PreparedCache.open(folder)

    def _told(self, what: str) -> Callable[[int, int], None] | None:
        if self.progress is None:
            return None
        progress = self.progress
        return lambda done, total: progress(what, done, total)


def _is_finished(run: Path) -> bool:
    return (run / "run.json").exists() and "finished" in RunFolder(run).record()


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


def _metrics(found: Evaluation, paper: Paper) -> dict[str, Estimate]:
    names = dict.fromkeys((*paper.metrics, "accuracy", "macro_auroc", "nll", "ece"))
    return {name: value_of(found, name) for name in names}


def value_of(found: Evaluation, name: str) -> Estimate:
    """Return a figure by the name tables use: accuracy, macro_f1, recall_covid ...

    Raises:
        ConfigError: If the evaluation holds none of that name.
    """
    if name in found.metrics:
        return found.metrics[name]
    metric, _, label = name.partition("_")
    if label in found.per_class and metric in found.per_class[label]:
        return found.per_class[label][metric]
    raise ConfigError(f"There is no figure {name!r}; is it METRIC_CLASS with one of the classes?")
