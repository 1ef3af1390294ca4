"""Rules that read a manifest: what each learns, of whom, and what it says of the images tested.

Kept apart from the scoring, which is the same for these rules as for any network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.manifest import Manifest
from hilum.data.splits import patient_folds
from hilum.errors import ConfigError, DataError
from hilum.evaluation.baseline import frequencies_by_group
from hilum.evaluation.predictions import Predictions
from hilum.registry import suggestion

__all__ = [
    "ALL_TOGETHER",
    "NOTHING",
    "UNKNOWN",
    "Parts",
    "Task",
    "choose_parts",
    "count_guessed",
    "rules_said",
]

NOTHING = "nothing at all"
"""Name of the rule that says the commonest label of all."""

ALL_TOGETHER = "all together"
"""Name of the rule that uses every column at once, by naive Bayes."""

UNKNOWN = "\0unknown"
"""Group of images of which a column knows nothing."""

_POSITIVE = ("positive", "covid", "covid-19", "covid19", "disease", "abnormal")


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be told apart, and whose images these are."""

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    patients: NDArray[np.str_]
    sources: NDArray[np.str_]

    @classmethod
    def of(cls, frame: pl.DataFrame, positive: str | None) -> Task:
        """Take labels and patients from a manifest's rows; see `zero_pixel` for the rest."""
        labels = frame["label"].to_numpy().astype(str)
        names = sorted({*labels.tolist()})
        if positive is not None and positive not in names:
            raise ConfigError(f"No image is labelled {positive!r}. {suggestion(positive, names)}")
        if len(names) < 2:
            raise DataError(
                "Expected at least two labels to tell apart, got "
                f"{names[0] if names else 'no labelled image'}."
            )
        if len(names) == 2:
            positive = positive or next((x for x in names if x.lower() in _POSITIVE), names[1])
            names.sort(key=lambda name: name == positive)
        elif positive is not None:
            names = [f"not {positive}", positive]
            labels = np.where(labels == positive, *names[::-1])
        index = {name: place for place, name in enumerate(names)}
        return cls(
            tuple(names),
            np.array([index[label] for label in labels.tolist()], dtype=np.int64),
            frame["patient_id"].to_numpy().astype(str),
            frame["source"].to_numpy().astype(str),
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """Which images are learnt from and tested, once or in several rounds."""

    rounds: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]
    where: str
    learnt_from: str
    notes: tuple[str, ...] = ()

    @property
    def tested(self) -> NDArray[np.int64]:
        """Rows tested, in the order of the rounds."""
        return np.concatenate([tested for _, tested in self.rounds])


def choose_parts(
    manifest: Manifest, frame: pl.DataFrame, split: str | None, folds: int, seed: int
) -> Parts:
    """Learn from train and test on a split; without these, cross-validate by patient.

    Args:
        manifest: Where the rows come from.
        frame: Its labelled rows.
        split: Where to test; None for test, else val.
        folds: Parts of the cross-validation.
        seed: Of the parts.

    Raises:
        DataError: If the split asked for, or train, holds no labelled image.
    """
    none = np.full(frame.height, "", dtype=np.str_)
    splits = frame["split"].fill_null("").to_numpy().astype(str) if "split" in frame else none
    train = np.flatnonzero(splits == "train")
    wanted = (split,) if split is not None else ("test", "val")
    for name in wanted:
        tested = np.flatnonzero(splits == name)
        if train.size and tested.size:
            return Parts(((train, tested),), name, f"the train split, {train.size:,} images")
    if split is not None:
        raise DataError(
            f"Expected labelled images in splits 'train' and {split!r}, got "
            f"{train.size} and {np.count_nonzero(splits == split)}."
        )
    part = patient_folds(replace(manifest, frame=frame), folds=folds, seed=seed)
    rounds = tuple(
        (np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in range(folds)
    )
    return Parts(
        rounds,
        "cross-validated",
        f"the other {folds - 1} of {folds} parts, split by patient",
        ("The manifest has no train and test split, so the rules are cross-validated by patient.",),
    )


def rules_said(
    groups: Mapping[str, NDArray[np.str_]], task: Task, parts: Parts
) -> dict[str, Predictions]:
    """Return what each rule says of the tested images: nothing first, all together last."""
    chances: dict[str, list[NDArray[np.float64]]] = {name: [] for name in (NOTHING, *groups)}
    if len(groups) > 1:
        chances[ALL_TOGETHER] = []
    k = len(task.classes)
    for train, tested in parts.rounds:
        y = task.labels[train]
        chances[NOTHING].append(frequencies_by_group(np.zeros_like(y), y, np.zeros_like(tested), k))
        for name, group in groups.items():
            chances[name].append(_by_group(group[train], y, group[tested], k))
        if len(groups) > 1:
            chances[ALL_TOGETHER].append(_naive_bayes([*groups.values()], y, train, tested, k))
    rows = parts.tested
    names = rows.astype(str)
    return {
        name: Predictions(
            names,
            task.patients[rows],
            task.labels[rows],
            task.classes,
            np.concatenate(found),
            sources=task.sources[rows],
        )
        for name, found in chances.items()
    }


def _by_group(
    seen: NDArray[np.str_], y: NDArray[np.int64], groups: NDArray[np.str_], k: int
) -> NDArray[np.float64]:
    """Return class frequencies by group; of all images where a group is unknown or unseen."""
    every = frequencies_by_group(np.zeros_like(y), y, np.zeros(groups.size), k)
    known = seen != UNKNOWN
    if not known.any():
        return every
    found = frequencies_by_group(seen[known], y[known], groups, k)
    return np.where(np.isin(groups, seen[known])[:, None], found, every)


def _naive_bayes(
    columns: Sequence[NDArray[np.str_]],
    y: NDArray[np.int64],
    train: NDArray[np.int64],
    tested: NDArray[np.int64],
    k: int,
) -> NDArray[np.float64]:
    """Combine the columns as if they were independent given the class; one image is added a cell.

    log P(c | g) = log P(c) + sum_j log P(g_j | c) + constant, over the known groups seen in train.
    """
    log = np.tile(np.log(np.bincount(y, minlength=k) + 1.0), (tested.size, 1))
    for column in columns:
        names, index = np.unique(column[train], return_inverse=True)
        counts = np.bincount(index * k + y, minlength=names.size * k).reshape(-1, k) + 1.0
        share = np.log(counts / counts.sum(axis=0))
        place = np.minimum(np.searchsorted(names, column[tested]), names.size - 1)
        known = (names[place] == column[tested]) & (column[tested] != UNKNOWN)
        log += np.where(known[:, None], share[place], 0.0)
    chance = np.exp(log - log.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = chance / chance.sum(axis=1, keepdims=True)
    return result


def count_guessed(group: NDArray[np.str_], parts: Parts) -> int:
    """Count tested images of whose group nothing was learnt."""
    return sum(
        int(np.count_nonzero((group[b] == UNKNOWN) | ~np.isin(group[b], group[a])))
        for a, b in parts.rounds
    )
