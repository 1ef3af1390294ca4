"""Subjects whose network is a formula, so that what a check must find is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from hilum.audit.answers import AnswerStore
from hilum.audit.masks import Masks
from hilum.audit.perturb import AS_THEY_ARE, Change
from hilum.audit.subject import Answers, Part, Settings, Subject
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import Bundle
from hilum.screening.threshold import Threshold

Array = NDArray[np.float64]


@dataclass
class Formula(Subject):
    """A subject that answers from a table instead of a network."""

    table: dict[str, tuple[Array, NDArray[np.float32] | None]] = field(default_factory=dict)

    def answers(self, change: Change = AS_THEY_ARE, part: Part = "tested") -> Answers:
        paths = self.part(part).frame["path"].to_list()
        found = [self.table[path] for path in paths]
        features = [one[1] for one in found]
        return Answers(
            rows=np.arange(len(paths)),
            probabilities=np.stack([one[0] for one in found]),
            features=None
            if features[0] is None
            else np.stack([one for one in features if one is not None]),
            cams=None,
            left_out={},
        )


Make = Callable[..., Formula]
"""Makes a subject of films; see `make`."""


@dataclass(frozen=True)
class Films:
    """Films of which everything is decided: one entry a film."""

    labels: NDArray[np.int64]
    sources: NDArray[np.str_]
    patients: NDArray[np.int64]
    splits: NDArray[np.str_]


def planned(n: int, classes: int, sources: int, confounded: float, seed: int) -> Films:
    """Plan films of `n` patients a split, 1 or 2 each; `confounded` lets the label name a source.

    Args:
        n: Patients in test, and as many in train.
        classes: How many.
        sources: How many.
        confounded: Share of patients whose source is that of their label.
        seed: Of everything.
    """
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, 2 * n)
    source = rng.integers(0, sources, 2 * n)
    source = np.where(rng.random(2 * n) < confounded, label % sources, source)
    patients = np.repeat(np.arange(2 * n), rng.integers(1, 3, 2 * n))
    names = np.array([f"hospital-{place}" for place in range(sources)])
    return Films(
        labels=label[patients].astype(np.int64),
        sources=names[source[patients]],
        patients=patients.astype(np.int64),
        splits=np.where(patients < n, "test", "train").astype(np.str_),
    )


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that makes a subject.

    Its arguments: n patients a split, classes, sources, how far label and source are `confounded`,
    how well the network `sees` the disease and `knows` the source (standard deviations), columns
    to add to the manifest, what the bundle's record says, and `answer`, which may change the logits
    (films, logits) -> logits.
    """

    def made(
        n: int = 120,
        *,
        classes: int = 2,
        sources: int = 2,
        confounded: float = 0.0,
        sees: float = 2.0,
        knows: float = 0.0,
        seed: int = 0,
        columns: Callable[[Films], Mapping[str, Any]] | None = None,
        record: Mapping[str, Any] | None = None,
        answer: Callable[[Films, Array], Array] | None = None,
        features: bool = True,
        patients: Callable[[Films], NDArray[np.int64]] | None = None,
        resamples: int = 200,
    ) -> Formula:
        films = planned(n, classes, sources, confounded, seed)
        rng = np.random.default_rng(seed + 1000)
        names = ("normal", "covid", "pneumonia")[:classes]
        source = np.unique(films.sources, return_inverse=True)[1]
        seen = sees * np.eye(classes)[films.labels] + rng.normal(0, 1, (films.labels.size, classes))
        known = np.eye(sources)[source] * 3 + rng.normal(0, 1, (films.labels.size, sources))
        other = rng.normal(0, 1, (films.labels.size, 20))
        towards = np.zeros((sources, classes))
        towards[np.arange(sources), np.arange(sources) % classes] = knows
        logits = sees * seen + known @ towards
        if answer is not None:
            logits = answer(films, logits)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        said = weights / weights.sum(axis=1, keepdims=True)
        shown = np.hstack([seen, known, other]).astype(np.float32)
        paths = [f"{row}.png" for row in range(films.labels.size)]
        who = films.patients if patients is None else patients(films)
        frame = pl.DataFrame(
            {
                "path": paths,
                "patient_id": who.astype(str),
                "source": films.sources,
                "label": np.array(names)[films.labels],
                "split": films.splits,
                **({} if columns is None else columns(films)),
            }
        )
        about = {
            "classes": names,
            "temperature": 1.0,
            "calibrated": False,
            "thresholds": {"argmax": Threshold()},
            "training": {},
            "measured": {},
            "preprocessing": Preprocessing(size=64),
            **(record or {}),
        }
        return Formula(
            bundle=cast("Bundle", SimpleNamespace(record=SimpleNamespace(**about), id="x")),
            manifest=Manifest.from_frame(frame, tmp_path, leaks=True),
            settings=Settings(resamples=resamples, taught_films=10_000),
            store=cast("AnswerStore", SimpleNamespace(path=tmp_path / "answers.sqlite")),
            masks=Masks(tmp_path, None),
            table={
                path: (said[row], shown[row] if features else None)
                for row, path in enumerate(paths)
            },
        )

    return made
