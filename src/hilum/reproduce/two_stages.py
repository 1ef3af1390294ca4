"""Paper 4's way: a network for normal against disease, then four classes from it, in folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from hilum.data.manifest import Manifest
from hilum.data.splits import patient_folds, split_by_patient
from hilum.evaluation.baseline import frequencies_by_group
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.scoring import evaluate
from hilum.models.registry import count_parameters
from hilum.reproduce.paper import Network
from hilum.reproduce.results import Row, Variant, paper_metrics
from hilum.reproduce.work import Work, is_finished
from hilum.training import fit
from hilum.training.crossval import cross_validate

__all__ = ["TwoStages"]


class TwoStages(Work):
    """Train the first stage once, and every fold of the second from it."""

    def row(self, network: Network, variant: Variant) -> Row:
        """Cross-validate the second stage as published or repaired."""
        first, second = self._parted(variant)
        start = self._first_stage(first, variant)
        name = network.published if variant == "published" else network.repaired
        changes = [f"model.weights={start}"]
        if variant == "published":
            changes.append("model.allow_seen_patients=true")
        recipe = self.recipe(name, changes)
        found = cross_validate(
            recipe,
            second,
            self.cache(recipe),
            self.out / network.name / variant,
            folds=self.paper.folds,
            resamples=self.scale.resamples,
            manifest_file=self.manifest_file,
            command=self.command,
            progress=self.told(f"{network.name}, {variant}, stage B"),
        )
        in_use, _ = count_parameters(
            recipe.model.name,
            outputs=len(self.paper.classes),
            channels=recipe.preprocessing.channels,
            size=recipe.preprocessing.size,
        )
        return Row(
            network=network.name,
            row=network.row,
            variant=variant,
            metrics=paper_metrics(found.pooled, self.paper),
            about={
                "recipe": recipe.name,
                "run": str(self.out / network.name / variant),
                "epochs": recipe.training.epochs,
                "pixels": recipe.preprocessing.size,
                "batch_size": recipe.training.batch_size,
                "parameters": in_use,
                "films_first_stage": len(first),
                "films_second_stage": len(second),
                "folds": {
                    key: {"values": list(s.values), "mean": s.mean, "deviation": s.deviation}
                    for key, s in found.spreads.items()
                },
            },
        )

    def baseline(self) -> Row:
        """Score never looking in the same folds: each film by the sources of the other folds."""
        frame = self.images.frame
        part = patient_folds(self.images, folds=self.paper.folds, seed=self.scale.seed)
        order = {label: index for index, label in enumerate(self.paper.classes)}
        labels = frame["label"].replace_strict(order, return_dtype=pl.Int64).to_numpy()
        sources = frame["source"].to_numpy()
        shares = [
            frequencies_by_group(
                sources[part != fold], labels[part != fold], sources[part == fold], len(order)
            )
            for fold in range(self.paper.folds)
        ]
        rows = [row for fold in range(self.paper.folds) for row in (part == fold).nonzero()[0]]
        held = frame[rows]
        predictions = Predictions(
            tuple(held["path"]),
            tuple(held["patient_id"]),
            labels[rows],
            self.paper.classes,
            [share for fold in shares for share in fold],
            sources=tuple(held["source"]),
        )
        found = evaluate(predictions, resamples=self.scale.resamples)
        return Row(
            network="never looks",
            row="Source of the film alone",
            variant="baseline",
            metrics=paper_metrics(found, self.paper),
        )

    def _parted(self, variant: Variant) -> tuple[Manifest, Manifest]:
        """Return the films of the two stages: shared as published, of other patients repaired."""
        first = self.images.select(labels=self.paper.first_labels)
        if variant == "published":
            return first, self.images
        half = patient_folds(first, folds=2, seed=self.scale.seed)
        kept = replace(first, frame=first.frame.filter(pl.Series(half == 0)))
        patient = ["source", "patient_id"]
        # Whoever was seen in stage A is out of stage B with every film, pneumonia's included.
        rest = self.images.frame.join(kept.frame, on=patient, how="anti", maintain_order="left")
        return kept, replace(self.images, frame=rest)

    def _first_stage(self, films: Manifest, variant: Variant) -> Path:
        run = self.out / "stage-a" / variant
        recipe = self.recipe(self.paper.first_stage[variant], [], keep_labels=True)
        if not is_finished(run, recipe):
            shares = {"train": 0.85, "val": 0.15}
            fit(
                recipe,
                split_by_patient(films, fractions=shares, seed=self.scale.seed),
                self.cache(recipe),
                run,
                resume=(run / "recipe.yaml").exists(),
                manifest_file=self.manifest_file,
                command=self.command,
                progress=self.told(f"stage A, {variant}"),
            )
        return run
