"""What is audited: a bundle, films with labels, and every answer the bundle gave to them.

Checks ask it for answers under a change; it reads each film once for all changes that are
missing, asks the network in batches, and keeps what it said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.audit.answers import Answer, AnswerStore
from hilum.audit.asking import Asking, Film
from hilum.audit.masks import Masks
from hilum.audit.perturb import AS_THEY_ARE, LESIONS, LUNGS, Change
from hilum.data.manifest import Manifest
from hilum.errors import DataError
from hilum.evaluation.compare import Compared, compare
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.scoring import evaluate
from hilum.screening.bundle import Bundle

__all__ = ["Answers", "Part", "Settings", "Subject"]

Part = Literal["tested", "taught"]
"""The films of the split that is audited, or those the network was trained on."""

Progress = Callable[[int, int], None]
"""Called with (films done, films in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an audit is made."""

    split: str = "test"
    taught_films: int = 400
    """At most so many films of the train split are asked about."""

    films: int | None = None
    """At most so many films of the audited split, whole patients drawn at random; None: all."""

    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers to the films of a part under one change, films without one left out."""

    rows: NDArray[np.int64]
    """Which rows of the part's manifest they are of, shape (n,)."""

    probabilities: NDArray[np.float64]
    """Shape (n, classes)."""

    features: NDArray[np.float32] | None
    """Shape (n, c); None if the bundle gives none."""

    cams: NDArray[np.float32] | None
    """Shape (n, classes, h, w); of unchanged films only."""

    left_out: dict[str, int]
    """Why films have no answer, and how many."""


@dataclass
class Subject:
    """A bundle and the films it is audited on.

    Args:
        bundle: Already verified.
        manifest: All splits, labels named as the bundle names them. Rows with a label the bundle
            does not know are left out.
        settings: How the audit is made.
        store: Where answers are kept.
        masks: Where lungs and lesions are.
    """

    bundle: Bundle
    manifest: Manifest
    settings: Settings
    store: AnswerStore
    masks: Masks
    unreadable: dict[str, str] = field(default_factory=dict)
    """Films that could not be read or gave no finite answer, and why; in no figure."""

    @cached_property
    def tested(self) -> Manifest:
        """The films audited.

        Raises:
            DataError: If there are none.
        """
        rows = self.manifest.select(split=self.settings.split, labels=self.classes)
        if not len(rows):
            raise DataError(
                f"The manifest has no film in split {self.settings.split!r} with a label among "
                f"{', '.join(self.classes)}. Its splits: {', '.join(self.manifest.splits)}; its "
                f"labels: {', '.join(self.manifest.labels)}."
            )
        return _some(rows, self.settings.films, self.settings.seed)

    @cached_property
    def taught(self) -> Manifest:
        """A sample of the films the network was trained on; perhaps none."""
        rows = self.manifest.select(split="train", labels=self.classes)
        return _some(rows, self.settings.taught_films, self.settings.seed)

    @property
    def classes(self) -> tuple[str, ...]:
        """The bundle's classes."""
        return self.bundle.record.classes

    @property
    def score_name(self) -> str:
        """What `score` is called."""
        return "AUROC" if len(self.classes) == 2 else "mean AUROC"

    def part(self, part: Part) -> Manifest:
        """Return the films of a part."""
        return self.tested if part == "tested" else self.taught

    @cached_property
    def _films(self) -> dict[Part, list[Film]]:
        return {"tested": _listed(self.tested), "taught": _listed(self.taught)}

    @cached_property
    def _asking(self) -> Asking:
        return Asking(self.bundle, self.store, self.masks, self.unreadable)

    def prepare(
        self, wanted: Sequence[tuple[Part, Change]], progress: Progress | None = None
    ) -> None:
        """Get every answer wanted that is not there yet, each film read once."""
        films: dict[str, tuple[Film, list[Change]]] = {}
        for part, change in dict.fromkeys(wanted):
            for film in self._films[part]:
                films.setdefault(str(film.path), (film, []))[1].append(change)
        self._asking.ask(
            [(film, tuple(dict.fromkeys(changes))) for film, changes in films.values()], progress
        )

    def each(self, change: Change, part: Part = "tested") -> list[Answer | None]:
        """Return the answer of every film of a part; None for those that could not be read."""
        self.prepare([(part, change)])
        return self._asking.answers(self._films[part], change)

    def answers(self, change: Change = AS_THEY_ARE, part: Part = "tested") -> Answers:
        """Return the network's answers under a change.

        Raises:
            DataError: If there is none at all.
        """
        found = self.each(change, part)
        kept = [(row, one) for row, one in enumerate(found) if one is not None and not one.why_not]
        reasons = [
            "it could not be read" if one is None else one.why_not
            for one in found
            if one is None or one.why_not
        ]
        left_out = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
        if not kept:
            raise DataError(f"No film {change.title}: {'; '.join(left_out) or 'there is no film'}.")
        return Answers(
            rows=np.array([row for row, _ in kept]),
            probabilities=np.stack([_known(one.probabilities) for _, one in kept]),
            features=_stacked([one.features for _, one in kept]),
            cams=_stacked([one.cams for _, one in kept]),
            left_out=left_out,
        )

    def lungs(self, part: Part = "tested") -> list[NDArray[np.bool_] | None]:
        """Return where the lungs are in the square the network sees, film by film."""
        return [None if one is None else one.mask for one in self.each(LUNGS, part)]

    def lesions(self, part: Part = "tested") -> list[NDArray[np.bool_] | None]:
        """Return where the lesion is in the square the network sees, film by film."""
        return [None if one is None else one.mask for one in self.each(LESIONS, part)]

    def predictions(self, change: Change = AS_THEY_ARE, part: Part = "tested") -> Predictions:
        """Return the network's answers under a change as predictions.

        Raises:
            DataError: If there is none at all.
        """
        found = self.answers(change, part)
        return self.said(found.rows, found.probabilities, part)

    def said(
        self, rows: NDArray[np.int64], probabilities: NDArray[np.float64], part: Part = "tested"
    ) -> Predictions:
        """Make predictions of probabilities (n, classes) for rows of a part."""
        frame = self.part(part).frame[rows]
        index = {label: number for number, label in enumerate(self.classes)}
        return Predictions(
            frame["path"].to_list(),
            frame["patient_id"].to_list(),
            np.array([index[label] for label in frame["label"]]),
            self.classes,
            probabilities,
            sources=frame["source"].to_list(),
        )

    def score(self, predictions: Predictions) -> Estimate:
        """Return the figure every check speaks of: the AUROC, or its mean over the classes."""
        found = evaluate(
            predictions, resamples=self.settings.resamples, seed=self.settings.seed
        ).metrics
        return found["auroc" if len(self.classes) == 2 else "macro_auroc"]

    def beside(self, changed: Predictions, whole: Predictions | None = None) -> Compared:
        """Compare changed films with the same films as they are: a changed, b as they are."""
        found = compare(
            changed,
            self.predictions() if whole is None else whole,
            names=("changed", "as they are"),
            resamples=self.settings.resamples,
            seed=self.settings.seed,
        )
        return found.metrics["macro_auroc"]

    def path(self, row: int, part: Part = "tested") -> Path:
        """Return the file of a film."""
        return self._films[part][row].path


def _known(values: NDArray[np.float64] | None) -> NDArray[np.float64]:
    if values is None:
        raise ValueError("a change that asks no network has no probabilities")
    return values


def _stacked(values: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    there = [value for value in values if value is not None]
    return np.stack(there) if there and len(there) == len(values) else None


def _listed(manifest: Manifest) -> list[Film]:
    return [
        Film(path, row)
        for path, row in zip(manifest.paths(), manifest.frame.iter_rows(named=True), strict=True)
    ]


def _some(manifest: Manifest, most: int | None, seed: int) -> Manifest:
    """Keep whole patients, drawn at random, until there are `most` films."""
    if most is None or len(manifest) <= most:
        return manifest
    from dataclasses import replace

    who = pl.struct("source", "patient_id")
    patients = manifest.frame.select(who=who)["who"].unique(maintain_order=True)
    order = np.random.default_rng(seed).permutation(len(patients))
    ranked = pl.DataFrame({"who": patients[order.tolist()], "rank": np.arange(len(patients))})
    frame = manifest.frame.with_columns(who=who).join(
        ranked, on="who", how="left", maintain_order="left"
    )
    sizes = frame.group_by("rank").len().sort("rank")
    inside = sizes.filter(pl.col("len").cum_sum() <= most)["rank"]
    kept = frame.filter(pl.col("rank").is_in(inside.implode())).drop("who", "rank")
    return replace(manifest, frame=kept)
