"""What the head sees of each film, beside what is true of it: what refitted heads learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.audit.probe import Design, Probe, choose_strength
from hilum.audit.subject import Part, Subject
from hilum.errors import DataError
from hilum.evaluation.predictions import Predictions

__all__ = ["NO_FEATURES", "Shown", "head", "of_films", "refitted", "shown", "taught_shown"]

NO_FEATURES = (
    "The bundle does not give out what its head sees. Export it again with this version: "
    "hilum export RUN --out BUNDLE."
)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Numbers of some films, and what is true of them."""

    features: Array
    """Shape (n, c)."""

    labels: NDArray[np.int64]
    """Index of the class, shape (n,)."""

    sources: NDArray[np.str_]
    patients: NDArray[np.int64]
    """Whole numbers from 0 within these films, shape (n,)."""

    rows: NDArray[np.int64]
    """Rows of the part's manifest, shape (n,)."""

    def __len__(self) -> int:
        return int(self.labels.size)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Shown:
        """Return some of the films, patients counted from 0 again."""
        _, patients = np.unique(self.patients[chosen], return_inverse=True)
        return Shown(
            features=self.features[chosen],
            labels=self.labels[chosen],
            sources=self.sources[chosen],
            patients=patients.astype(np.int64),
            rows=self.rows[chosen],
        )


def shown(subject: Subject, part: Part = "tested") -> Shown | None:
    """Return the network's own features of a part's films; None if the bundle gives none.

    Raises:
        DataError: If no film of the part has an answer.
    """
    answers = subject.answers(part=part)
    if answers.features is None:
        return None
    return of_films(subject, part, answers.rows, answers.features.astype(np.float64))


def taught_shown(subject: Subject) -> Shown | None:
    """Return the same of the films that taught; None also where there are none of them."""
    if not len(subject.taught):
        return None
    try:
        return shown(subject, "taught")
    except DataError:
        return None


def of_films(subject: Subject, part: Part, rows: NDArray[np.int64], features: Array) -> Shown:
    """Put what is true of films beside numbers of them."""
    k = len(subject.classes)
    said = subject.said(rows, np.full((rows.size, k), 1 / k), part)
    sources = said.sources
    if sources is None:
        raise ValueError("a manifest always has sources")
    return Shown(
        features=features,
        labels=said.labels,
        sources=sources,
        patients=said.patient_index(),
        rows=rows,
    )


def refitted(
    subject: Subject, learnt: Shown, tested: Shown, rng: np.random.Generator
) -> Predictions:
    """Fit a head on some films' features and let it answer to others.

    Raises:
        ValueError: If the films learnt from show fewer than two classes.
    """
    probe = head(learnt, len(subject.classes), rng)
    return subject.said(tested.rows, probe.probabilities(tested.features))


def head(learnt: Shown, classes: int, rng: np.random.Generator) -> Probe:
    """Fit a head on some films' features, as strongly as serves patients left out best.

    Raises:
        ValueError: If the films learnt from show fewer than two classes.
    """
    strength = choose_strength(learnt.features, learnt.labels, learnt.patients, rng)
    return Design(learnt.features).fit(learnt.labels, classes, strength=strength)
