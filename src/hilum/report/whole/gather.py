"""What commands left behind in folders, read and checked, nothing yet said about it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hilum.errors import DataError

__all__ = ["Found", "Piece", "gather"]

_DEPTH = 3
_WRITTEN_BY: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "run.json": ("runs", "hilum train", ("name", "classes", "counts")),
    "evaluation.json": (
        "evaluations",
        "hilum evaluate --out",
        ("classes", "n_images", "n_patients", "metrics", "per_class", "baselines", "confusion"),
    ),
    "audit.json": ("audits", "hilum audit", ("headline", "counts", "checks", "about")),
    "calibration.json": (
        "calibrations",
        "hilum calibrate --report",
        ("before", "after", "operating_points", "temperature"),
    ),
    "comparison.json": (
        "comparisons",
        "hilum compare --out",
        ("a", "b", "verdict", "metrics", "per_class", "mcnemar"),
    ),
    "errors.json": ("errors", "hilum errors", ("errors", "images", "confusions", "groups")),
    "cost.json": ("costs", "hilum cost --out", ("models", "machine")),
    "bundle.json": ("bundles", "hilum export", ("name", "id", "classes", "architecture")),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of JSON and the folder it lies in."""

    folder: Path
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return a value of the file."""
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value of the file, or something else where it is missing or null."""
        value = self.values.get(name)
        return default if value is None else value


@dataclass(slots=True)
class Found:
    """What the folders hold, each kind in the order it was found."""

    runs: list[Piece] = field(default_factory=list)
    evaluations: list[Piece] = field(default_factory=list)
    audits: list[Piece] = field(default_factory=list)
    calibrations: list[Piece] = field(default_factory=list)
    comparisons: list[Piece] = field(default_factory=list)
    errors: list[Piece] = field(default_factory=list)
    costs: list[Piece] = field(default_factory=list)
    bundles: list[Piece] = field(default_factory=list)
    screenings: list[Piece] = field(default_factory=list)
    """One a film that was screened."""

    notes: list[str] = field(default_factory=list)
    """What could not be used, and why."""

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__ if name != "notes")


def gather(places: Iterable[str | Path]) -> Found:
    """Read everything that commands wrote into folders.

    Args:
        places: Folders, each searched three levels deep, or single files of those that are known.

    Raises:
        DataError: If a place is missing, a file cannot be read or lacks what its command writes,
            or there is nothing at all.
    """
    found, seen = Found(), set[Path]()
    asked = [Path(place) for place in places]
    for place in asked:
        for path in _files(place):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                _take(path, found)
    if not found:
        known = ", ".join([*_WRITTEN_BY, "screenings.json"])
        raise DataError(
            f"There is nothing to report in {', '.join(map(str, asked))}: expected a folder with "
            f"one of {known}."
        )
    return found


def _files(place: Path) -> Iterator[Path]:
    """Return the known files of a place, sorted by folder."""
    if place.is_file():
        if place.name not in _WRITTEN_BY and place.name != "screenings.json":
            raise DataError(f"{place} is no file that a report is made of. Name its folder.")
        yield place
        return
    if not place.is_dir():
        raise DataError(f"{place} is not a folder. Name what `hilum train` or others wrote.")
    for folder, below, names in os.walk(place):
        below.sort()
        here = Path(folder)
        if len(here.relative_to(place).parts) >= _DEPTH - 1:
            below.clear()
        wanted = [
            name for name in sorted(names) if name in _WRITTEN_BY or name == "screenings.json"
        ]
        yield from (here / name for name in wanted)


def _take(path: Path, found: Found) -> None:
    values = _parsed(path)
    if path.name == "screenings.json":
        if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
            raise DataError(f"{path} must hold what `hilum screen --json` prints.")
        found.screenings += [Piece(path.parent, value) for value in values]
        return
    kind, command, needed = _WRITTEN_BY[path.name]
    missing = [name for name in needed if not isinstance(values, dict) or name not in values]
    if missing:
        raise DataError(
            f"{path} is not what `{command}` writes: it lacks {', '.join(missing)}. Write it anew, "
            "or leave that folder out."
        )
    getattr(found, kind).append(Piece(path.parent, values))


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
