"""The films an engine is made with, and the films it is judged on: never the same patients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.errors import DataError, HilumError, ImageReadError
from hilum.screening.cores import usable_cores
from hilum.screening.screener import Screener

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest
    from hilum.evaluation.predictions import Predictions

__all__ = ["FEWEST", "Films", "Parted", "part_films"]

FEWEST = 200
"""Films to measure on: of fewer, 99.5 % is not a number of films."""

_FEWEST_CALIBRATION = 20
_SHOWN = 5
_CHUNK = 64

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Films:
    """Prepared films and what is true of them, row by row.

    Args:
        pictures: As the bundle prepares them, grey levels, shape (n, size, size).
        images: Paths as the manifest writes them.
        patient_ids: Whom they show.
        sources: Where they come from.
        labels: Index of the true class, shape (n,).
        classes: Of the bundle.
    """

    pictures: NDArray[np.uint8]
    images: tuple[str, ...]
    patient_ids: tuple[str, ...]
    sources: tuple[str, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def patients(self) -> int:
        """How many patients they show; a patient is the pair of source and patient_id."""
        return len({*zip(self.sources, self.patient_ids, strict=True)})

    @property
    def patient_index(self) -> NDArray[np.int64]:
        """Which patient each film shows, shape (n,), counted from 0."""
        number: dict[tuple[str, str], int] = {}
        keys = zip(self.sources, self.patient_ids, strict=True)
        return np.array([number.setdefault(key, len(number)) for key in keys], np.int64)

    def predictions(self, probabilities: NDArray[np.float64]) -> Predictions:
        """Return probabilities (n, classes) beside what is true."""
        from hilum.evaluation.predictions import Predictions

        return Predictions(
            self.images, self.patient_ids, self.labels, self.classes, probabilities,
            sources=self.sources,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """Films parted by patient.

    Args:
        calibration: To set the ranges of an int8 engine by.
        measuring: To judge every engine on.
        how: Which films these are; a sentence.
        left_out: Why films of the manifest are in neither part; a line a film or a kind.
    """

    calibration: Films
    measuring: Films
    how: str
    left_out: tuple[str, ...]


def part_films(
    screener: Screener,
    manifest: Manifest,
    *,
    split: str | None = None,
    calibrate: int = 1000,
    most: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Parted:
    """Choose and prepare the films of a manifest as the bundle does.

    Args:
        screener: Of the bundle; reads and prepares.
        manifest: Films with labels. Labels that are no classes of the bundle are left out.
        split: Split to measure on; the others calibrate. By default `test` where there is one, and
            else three quarters of the patients, drawn at random.
        calibrate: Films to calibrate with, at most, patients at random.
        most: Films to measure on, at most, patients at random.
        seed: Of the drawing.
        progress: Called with (done, total) films.

    Raises:
        DataError: If there are too few films of either kind, or of a class.
    """
    rng = np.random.default_rng(seed)
    classes = screener.bundle.record.classes
    known = manifest.select(labels=classes)
    left_out = []
    if len(known) < len(manifest):
        left_out.append(
            f"{len(manifest) - len(known)} films whose label is none of {', '.join(classes)}"
        )
    measuring, calibrating, how = _parts(known, split, seed)
    picked = [_drawn(measuring, most, rng), _drawn(calibrating, calibrate, rng)]
    films = []
    total = sum(map(len, picked))
    for number, rows in enumerate(picked):
        before = len(picked[0]) * number
        step = None if progress is None else (lambda done: progress(before + done, total))  # noqa: B023
        films.append(_prepared(screener, rows, left_out, step))
    _refuse_too_few(films[0], films[1], how)
    return Parted(
        measuring=films[0], calibration=films[1], how=how, left_out=(*left_out, *manifest.notes)
    )


def _parts(manifest: Manifest, split: str | None, seed: int) -> tuple[Manifest, Manifest, str]:
    from hilum.data.splits import split_by_patient

    if split is None and "test" in manifest.splits:
        split = "test"
    if split is None:
        parted = split_by_patient(
            manifest, fractions={"measuring": 0.75, "calibration": 0.25}, seed=seed
        )
        how = "three quarters of the patients, drawn at random; the others calibrated"
        return parted.select(split="measuring"), parted.select(split="calibration"), how
    others = [name for name in manifest.splits if name not in (split, "test")]
    if split not in manifest.splits or not others:
        raise DataError(
            f"Expected films in the split {split!r} to measure on and films in others (never "
            f"test) to calibrate with; with a label of the bundle there are "
            f"{', '.join(manifest.splits) or 'no splits'}."
        )
    how = f"the split {split}; films of {' and '.join(others)} calibrated"
    return manifest.select(split=split), manifest.select(split=others), how


def _drawn(manifest: Manifest, most: int, rng: np.random.Generator) -> Manifest:
    """Return at most `most` films, patients drawn at random, in the manifest's order."""
    if len(manifest) <= most:
        return manifest
    from dataclasses import replace

    frame = manifest.frame
    who = list(zip(frame["source"].to_list(), frame["patient_id"].to_list(), strict=True))
    order = {key: place for place, key in enumerate(dict.fromkeys(who))}
    turn = rng.permutation(len(order))
    rank = np.array([turn[order[key]] for key in who])
    kept = np.sort(np.argsort(rank, kind="stable")[:most])
    return replace(manifest, frame=frame[kept.tolist()])


def _prepared(
    screener: Screener, manifest: Manifest, left_out: list[str], step: Callable[[int], None] | None
) -> Films:
    """Read and prepare films; those that cannot be read go to `left_out`."""
    classes, frame = screener.bundle.record.classes, manifest.frame
    names = frame["path"].to_list()
    pictures, kept = [], []
    for row, found in enumerate(_read(screener, manifest.paths())):
        if isinstance(found, str):
            left_out.append(f"{names[row]}: {found}")
        else:
            pictures.append(found)
            kept.append(row)
        if step is not None:
            step(row + 1)
    size = screener.bundle.record.preprocessing.size
    labels = frame["label"].to_list()
    return Films(
        pictures=np.stack(pictures) if pictures else np.zeros((0, size, size), np.uint8),
        images=tuple(names[row] for row in kept),
        patient_ids=tuple(str(frame["patient_id"][row]) for row in kept),
        sources=tuple(str(frame["source"][row]) for row in kept),
        labels=np.array([classes.index(labels[row]) for row in kept], np.int64),
        classes=classes,
    )


def _read(screener: Screener, paths: Sequence[Path]) -> Iterator[NDArray[np.uint8] | str]:
    """Yield each film prepared, or why it cannot be; a few chunks are read at a time."""

    def one(path: Path) -> NDArray[np.uint8] | str:
        try:
            return screener.read(path)[1]
        except ImageReadError as error:
            return error.reason
        except (HilumError, OSError, MemoryError) as error:
            return str(error) or type(error).__name__

    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="hilum-read") as pool:
        for start in range(0, len(paths), _CHUNK):
            yield from pool.map(one, paths[start : start + _CHUNK])


def _refuse_too_few(measuring: Films, calibration: Films, how: str) -> None:
    problems = []
    if len(measuring) < FEWEST:
        problems.append(
            f"{len(measuring)} films to measure on; 99.5 % agreement needs at least {FEWEST}"
        )
    if len(calibration) < _FEWEST_CALIBRATION:
        problems.append(
            f"{len(calibration)} films to calibrate with; expected at least {_FEWEST_CALIBRATION}"
        )
    missing = [
        name for c, name in enumerate(measuring.classes) if not (measuring.labels == c).any()
    ]
    if missing:
        problems.append(f"no film to measure on is truly {' or '.join(missing)}: no AUROC")
    if problems:
        lines = "".join(f"\n  - {line}" for line in problems)
        raise DataError(
            f"Too few films for the question (measured on {how}):{lines}\n"
            "Add films, or name a larger split."
        )
