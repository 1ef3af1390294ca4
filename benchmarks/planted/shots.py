"""Films drawn once and kept, so that many cohorts can be made of them.

A shot is one drawn film with its masks and all that a manifest says of it. Cohorts are lists of
shots; a flaw changes the list; writing it gives a folder like any hospital's.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.planted.bending import bend
from hilum.data.phantom import Hospital, Phantom, Subject, draw_phantom
from hilum.data.phantom.hospital import find_hospital

__all__ = ["Draw", "Shot", "drawn", "renamed", "write_cohort"]

_DRAWN_VERSION = 2
"""Raised when films come out otherwise, so that kept ones are drawn again."""

SPLITS = {"train": 0.55, "val": 0.13, "test": 0.32}
"""Share of the patients of every label and hospital; a generous test split, to judge by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What is drawn. Labels, hospitals and splits have nothing to do with each other."""

    seed: int
    patients: int = 340
    classes: tuple[str, ...] = ("normal", "consolidation")
    shares: tuple[float, ...] = (0.5, 0.5)
    """How often each class occurs."""

    hospitals: tuple[str, ...] = ("hospital-a", "hospital-b", "hospital-c")
    films: tuple[int, int] = (1, 2)
    """Fewest and most of one patient."""

    size: int = 128
    """Shorter side in pixels."""

    severity: tuple[float, float] = (0.3, 1.0)
    views: str = "as they come"
    """"as they come", or "by label": AP for findings, PA for normal, with few exceptions."""

    subjects: str = "as they come"
    """"as they come", or "sex by label" or "age by label"."""

    faint_in: str = ""
    """Sex in whom findings are hardly there."""

    one_hospital_look: bool = False
    """Draw every film as the first hospital would, whatever its source is called."""

    @property
    def name(self) -> str:
        """Of its folder: the same settings have the same."""
        text = json.dumps([_DRAWN_VERSION, asdict(self)], sort_keys=True)
        return f"drawn-{self.seed}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One film."""

    patient_id: str
    number: int
    source: str
    label: str
    split: str
    view: str
    sex: str
    age: int
    severity: float
    pixels: NDArray[np.uint8]
    lungs: NDArray[np.bool_]
    lesion: NDArray[np.bool_]
    suffix: str = "png"
    quality: int = 95
    """Of a JPEG."""

    @property
    def name(self) -> str:
        """Stem of its files."""
        return f"{self.patient_id}-{self.number}"


_EXCEPTIONS = 0.06


def drawn(draw: Draw, folder: Path) -> list[Shot]:
    """Return the films of a draw: read back if they are there, else drawn and kept."""
    place = folder / draw.name
    if not (place / "shots.json").is_file():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        shots = _draw(draw)
        for shot in shots:
            for kind, picture in _planes(shot).items():
                Image.fromarray(picture).save(place / f"{shot.name}-{kind}.png", compress_level=1)
        (place / "shots.json").write_text(json.dumps([_plain(shot) for shot in shots]))
    found = json.loads((place / "shots.json").read_text())
    return [_read(place, values) for values in found]


def write_cohort(shots: Sequence[Shot], folder: Path) -> Path:
    """Write a cohort's films, masks and manifest.csv; return the manifest's path."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("images", "lung_masks", "lesion_masks"):
        (folder / name).mkdir(parents=True)
    rows = [_write(shot, folder) for shot in shots]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return folder / "manifest.csv"


def _planes(shot: Shot) -> dict[str, NDArray[np.uint8]]:
    lungs, lesion = (mask.astype(np.uint8) * 255 for mask in (shot.lungs, shot.lesion))
    return {"film": shot.pixels, "lungs": lungs, "lesion": lesion}


def _plain(shot: Shot) -> dict[str, Any]:
    pixels = ("pixels", "lungs", "lesion")
    return {name: getattr(shot, name) for name in Shot.__slots__ if name not in pixels}


def _read(place: Path, values: dict[str, Any]) -> Shot:
    stem = f"{values['patient_id']}-{values['number']}"
    film, lungs, lesion = (
        np.asarray(Image.open(place / f"{stem}-{kind}.png")) for kind in ("film", "lungs", "lesion")
    )
    return Shot(**values, pixels=film, lungs=lungs > 0, lesion=lesion > 0)


def _write(shot: Shot, folder: Path) -> dict[str, Any]:
    path = f"images/{shot.name}.{shot.suffix}"
    picture = Image.fromarray(shot.pixels)
    if shot.suffix == "jpg":
        picture.save(folder / path, quality=shot.quality)
    else:
        picture.save(folder / path, compress_level=1)
    masks = {"lung_mask": shot.lungs, "lesion_mask": shot.lesion}
    written = {}
    for column, mask in masks.items():
        written[column] = f"{column}s/{shot.name}.png" if mask.any() else ""
        if mask.any():
            picture = Image.fromarray(mask.astype(np.uint8) * 255)
            picture.save(folder / written[column], compress_level=1)
    height, width = shot.pixels.shape
    known = ("patient_id", "source", "label", "split", "view", "sex", "age")
    return {
        "path": path,
        **{name: getattr(shot, name) for name in known},
        "study_id": shot.name,
        **written,
        "width": width,
        "height": height,
    }


def _draw(draw: Draw) -> list[Shot]:
    rng = np.random.default_rng([draw.seed, 0])
    shots: list[Shot] = []
    for number, (label, source, split) in enumerate(_places(draw, rng)):
        shots += _patient(draw, number, label=label, source=source, split=split)
    return shots


def _places(draw: Draw, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Deal each patient a label, a hospital and a split, each split and hospital its share."""
    counts = np.floor(np.array(draw.shares) * draw.patients + 0.5).astype(int)
    found = []
    for label, count in zip(draw.classes, counts.tolist(), strict=True):
        homes = [draw.hospitals[turn % len(draw.hospitals)] for turn in range(count)]
        for home in draw.hospitals:
            members = homes.count(home)
            ends = np.floor(np.cumsum(list(SPLITS.values())) * members + rng.random()).astype(int)
            splits = np.repeat(list(SPLITS), np.diff([0, *ends[:-1], members]).clip(0)).tolist()
            found += [(label, home, split) for split in splits]
    return [found[int(place)] for place in rng.permutation(len(found))]


def _patient(draw: Draw, number: int, *, label: str, source: str, split: str) -> list[Shot]:
    rng = np.random.default_rng([draw.seed, 1, number])
    subject = _subject(draw, label, rng)
    low, high = draw.severity
    severity = 0.0 if label == "normal" else float(low + (high - low) * rng.beta(1.6, 1.3))
    if draw.faint_in and subject.sex == draw.faint_in:
        severity *= 0.05
    hospital = find_hospital(draw.hospitals[0] if draw.one_hospital_look else source)
    shots = []
    for film in range(int(rng.integers(draw.films[0], draw.films[1] + 1))):
        view = _view(draw, label, hospital, rng)
        phantom = draw_phantom(
            np.random.default_rng([draw.seed, 2, number, film]),
            label=label, hospital=hospital, size=draw.size, subject=subject,
            severity=float(np.clip(severity + rng.normal(0, 0.05) * (severity > 0), 0, 1)),
            view="AP" if view == "AP" else "PA",
        )  # fmt: skip
        shot = _shot(phantom, f"phantom-{number + 1:04d}", film + 1, source, split)
        planes = bend(
            (shot.pixels, shot.lungs, shot.lesion), np.random.default_rng([draw.seed, 3, number])
        )
        shots.append(replace(shot, pixels=planes[0], lungs=planes[1] > 127, lesion=planes[2] > 127))
    return shots


def _shot(phantom: Phantom, patient: str, number: int, source: str, split: str) -> Shot:
    return Shot(
        patient_id=patient,
        number=number,
        source=source,
        label=phantom.label,
        split=split,
        view=phantom.view,
        sex=phantom.sex,
        age=phantom.age,
        severity=round(phantom.severity, 3),
        pixels=phantom.pixels,
        lungs=phantom.lung_mask,
        lesion=phantom.lesion_mask,
    )


def _view(draw: Draw, label: str, hospital: Hospital, rng: np.random.Generator) -> str:
    if draw.views == "by label":
        return "AP" if (label != "normal") != (rng.random() < _EXCEPTIONS) else "PA"
    return "AP" if rng.random() < hospital.bedside else "PA"


def _subject(draw: Draw, label: str, rng: np.random.Generator) -> Subject:
    """Draw a subject; again until it is one the draw's settings call for."""
    ill = (label != "normal") != (draw.subjects != "as they come" and rng.random() < _EXCEPTIONS)
    while True:
        subject = Subject.draw(rng)
        fits = {
            "as they come": True,
            "sex by label": (subject.sex == "M") == ill,
            "age by label": subject.age >= 62 if ill else subject.age <= 48,
        }
        if fits[draw.subjects]:
            return subject


def renamed(shot: Shot, patient_id: str, **changes: Any) -> Shot:
    """Return a copy of a shot under another patient's name."""
    return replace(shot, patient_id=patient_id, number=1, **changes)
