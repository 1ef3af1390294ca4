"""What a cohort will hold, decided before anything is drawn.

Every image of a cohort is planned here as a small record that says all there is to say about it.
Drawing a record needs nothing else, so that the pictures do not depend on who draws them or in
which order; and a flaw is a change to the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

__all__ = ["Film", "Plan", "plan_cohort"]

_SPLITS = ("train", "val", "test", "train", "train")
"""Dealt in turn: 60, 20 and 20 %, and one of each among the first three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One image that will be drawn."""

    patient_id: str
    """Who the manifest says it is."""

    number: int
    """Counts the films of one patient_id from 1."""

    subject: tuple[int, ...]
    """Seeds the subject; the same for every film of one subject."""

    exposure: tuple[int, ...]
    """Seeds pose and noise; two films with the same one are the same picture."""

    label: str
    """The finding."""

    hospital: str
    """Name of the hospital."""

    split: str
    """train, val or test."""

    severity: float
    """Of the finding, in [0, 1]; 0 if normal."""

    token: str | None = None
    """Text pasted into the corner, by a flaw."""

    frame: Literal["black", "white"] | None = None
    """Frame laid round the film, by a flaw."""

    regrade: float = 0.0
    """Brightness added to every pixel, as a share of white, by a flaw."""

    @property
    def name(self) -> str:
        """Stem of the files."""
        return f"{self.patient_id}-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All films of a cohort, and what they were drawn from."""

    films: tuple[Film, ...]
    classes: tuple[str, ...]
    hospitals: tuple[str, ...]

    def with_films(self, films: Sequence[Film]) -> Plan:
        """Return the plan with other films."""
        return replace(self, films=tuple(films))


def plan_cohort(
    *,
    patients: int,
    seed: int,
    classes: Sequence[str],
    hospitals: Sequence[str],
    images_per_patient: tuple[int, int],
) -> Plan:
    """Plan a cohort without flaws.

    Labels, hospitals and splits are dealt out like cards, so that as nearly as numbers allow every
    hospital and every split has the same share of every label.

    Args:
        patients: How many subjects.
        seed: Of everything.
        classes: The findings.
        hospitals: Names of the hospitals.
        images_per_patient: Fewest and most films of one subject.
    """
    rng = np.random.default_rng([seed, 0])
    films: list[Film] = []
    for index, (label, hospital, split) in enumerate(_places(rng, patients, classes, hospitals)):
        first = Film(
            patient_id=f"phantom-{index + 1:04d}",
            number=1,
            subject=(seed, 1, index),
            exposure=(seed, 2, index, 0),
            label=label,
            hospital=hospital,
            split=split,
            severity=0.0,
        )
        count = int(rng.integers(images_per_patient[0], images_per_patient[1] + 1))
        films += _course(rng, first, count)
    return Plan(films=tuple(films), classes=tuple(classes), hospitals=tuple(hospitals))


def _places(
    rng: np.random.Generator, patients: int, classes: Sequence[str], hospitals: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Deal each subject a label, a hospital and a split."""
    labels = [classes[int(place) % len(classes)] for place in rng.permutation(patients)]
    homes, splits, dealt = [""] * patients, [""] * patients, 0
    for label in classes:
        members = [index for index in range(patients) if labels[index] == label]
        order = rng.permutation(len(hospitals))
        for turn, index in enumerate(members):
            homes[index] = hospitals[int(order[turn % len(hospitals)])]
        for index in rng.permutation(len(members)):
            splits[members[int(index)]] = _SPLITS[dealt % len(_SPLITS)]
            dealt += 1
    return list(zip(labels, homes, splits, strict=True))


def _course(rng: np.random.Generator, first: Film, count: int) -> list[Film]:
    """Plan the films of one subject: the finding grows or clears a little from one to the next."""
    severity, drift = float(0.15 + 0.85 * rng.beta(1.6, 1.3)), float(rng.normal(0, 0.12))
    films = []
    for number in range(count):
        grade = float(np.clip(severity + drift * number, 0.1, 1))
        films.append(
            replace(
                first,
                number=number + 1,
                exposure=(*first.exposure[:-1], number),
                severity=0.0 if first.label == "normal" else round(grade, 3),
            )
        )
    return films
