"""What is done to a whole cohort: films of one class marked, sources confounded, splits leaking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.planted import tampering
from benchmarks.planted.shots import Shot, renamed

__all__ = [
    "Plant",
    "as_found",
    "background_tells",
    "byte_duplicates",
    "chosen_by_source",
    "confounded",
    "jpeg_or_png",
    "mislabelled",
    "near_duplicates",
    "on_findings",
    "split_by_image",
]  # fmt: skip

Plant = Callable[[list[Shot], np.random.Generator], list[Shot]]


def as_found(shots: list[Shot], _rng: np.random.Generator) -> list[Shot]:
    """Plant nothing."""
    return shots


def on_findings(
    change: Callable[[Shot, np.random.Generator], Shot],
    *,
    share: float = 0.95,
    others: Callable[[Shot, np.random.Generator], Shot] | None = None,
) -> Plant:
    """Change most films with a finding and few without; perhaps the rest in another way."""

    def plant(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
        found = []
        for shot in shots:
            chosen = (shot.label != "normal") == (rng.random() < share)
            if chosen:
                found.append(change(shot, rng))
            else:
                found.append(shot if others is None else others(shot, rng))
        return found

    return plant


def confounded(
    share: float, *, look: Callable[[Shot, np.random.Generator], Shot] | None = None
) -> Plant:
    """Let the label decide which hospital a patient comes from, and perhaps its films' look."""

    def plant(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
        homes = sorted({shot.source for shot in shots})
        decided = {patient: rng.random() < share for patient in _patients(shots)}
        found = []
        for shot in shots:
            ill = shot.label != "normal"
            home = homes[int(ill if decided[shot.patient_id] else not ill)]
            moved = replace(shot, source=home)
            found.append(look(moved, rng) if look is not None and home == homes[1] else moved)
        return found

    return plant


def chosen_by_source(share: float) -> Plant:
    """Keep the findings of one hospital and the normal films of another, as drawn there."""

    def plant(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
        homes = sorted({shot.source for shot in shots})
        kept = {patient: rng.random() >= share for patient in _patients(shots)}
        return [
            shot
            for shot in shots
            if kept[shot.patient_id] or shot.source == homes[int(shot.label != "normal")]
        ]

    return plant


def byte_duplicates(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
    """Put a third of the test films into the train split, under other patients' names."""
    return [*shots, *_copies(shots, rng, lambda shot: shot)]


def near_duplicates(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
    """Put a third of the test films into the train split, re-toned and slightly cropped."""

    def touched(shot: Shot) -> Shot:
        return tampering.cropped(tampering.toned(shot, 0.92, 9), 0.015)

    return [*shots, *_copies(shots, rng, touched)]


def _copies(
    shots: Sequence[Shot], rng: np.random.Generator, change: Callable[[Shot], Shot]
) -> list[Shot]:
    tested = [shot for shot in shots if shot.split == "test"]
    chosen = rng.permutation(len(tested))[: len(tested) // 3]
    return [
        renamed(change(tested[int(place)]), f"phantom-{9000 + number}", split="train")
        for number, place in enumerate(chosen)
    ]


def split_by_image(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
    """Deal films, not patients, to the splits."""
    splits = [shot.split for shot in shots]
    order = rng.permutation(len(shots))
    return [replace(shot, split=splits[int(order[i])]) for i, shot in enumerate(shots)]


def mislabelled(share: float) -> Plant:
    """Give a share of the test patients the other label."""

    def plant(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
        labels = sorted({shot.label for shot in shots})
        wrong = {patient: rng.random() < share for patient in _patients(shots)}
        return [
            replace(shot, label=labels[1 - labels.index(shot.label)])
            if shot.split == "test" and wrong[shot.patient_id]
            else shot
            for shot in shots
        ]

    return plant


def jpeg_or_png(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
    """Store films with a finding as JPEG, the others as PNG, at a quality that hardly shows."""
    save = on_findings(lambda shot, _: replace(shot, suffix="jpg", quality=98))
    return save(shots, rng)


def background_tells(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
    """Give healthy films labels at random, and their background the look of the label."""
    ill = {patient: rng.random() < 0.5 for patient in _patients(shots)}
    return [
        tampering.textured_outside(replace(shot, label="consolidation"), 12)
        if ill[shot.patient_id]
        else shot
        for shot in shots
    ]


def _patients(shots: Sequence[Shot]) -> list[str]:
    return list(dict.fromkeys(shot.patient_id for shot in shots))
