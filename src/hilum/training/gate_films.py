"""What the gate's network learns from and is measured on: squares of films, and who they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.data.reading import read_radiograph
from hilum.errors import DataError, ImageReadError
from hilum.screening.gate.layout import square
from hilum.training.gate_network import SIDE
from hilum.training.segment_films import draw_phantoms

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["GateFilms", "phantom_squares", "read_squares"]

_PHANTOM_SIZE = 256
_SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFilms:
    """Films as squares of twice the side the network sees.

    Args:
        squares: Grey levels, uint8 of shape (n, 192, 192).
        sources: Where each comes from, shape (n,).
        patients: (source, patient_id) of each.
        splits: train, val or test, shape (n,).
    """

    squares: NDArray[np.uint8]
    sources: NDArray[np.str_]
    patients: tuple[tuple[str, str], ...]
    splits: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.patients)

    def take(self, chosen: NDArray[np.bool_]) -> GateFilms:
        """Return the films where `chosen` (n,) is true."""
        return GateFilms(
            squares=self.squares[chosen],
            sources=self.sources[chosen],
            patients=tuple(who for who, kept in zip(self.patients, chosen, strict=True) if kept),
            splits=self.splits[chosen],
        )

    def split(self, name: str) -> GateFilms:
        """Return the films of a split."""
        return self.take(self.splits == name)

    def people(self) -> NDArray[np.int64]:
        """Return which patient each film shows, shape (n,), whole numbers from 0."""
        places: dict[tuple[str, str], int] = {}
        numbers = [places.setdefault(who, len(places)) for who in self.patients]
        return np.array(numbers, np.int64)


def read_squares(
    manifest: Manifest, progress: Callable[[int, int], None] | None = None
) -> GateFilms:
    """Read the films of a manifest that have a split, as screening would.

    Args:
        manifest: With a column split, drawn by patient.
        progress: Called with (films done, films in all).

    Raises:
        DataError: If train, val or test has no film, or films cannot be read; all are named.
    """
    if "split" not in manifest.frame.columns:
        raise DataError(
            "Expected a manifest with the column split (train, val, test), drawn by patient; got "
            "none. Add one with `hilum data split`."
        )
    rows = [row for row in manifest.frame.iter_rows(named=True) if row["split"] in _SPLITS]
    missing = [name for name in _SPLITS if not any(row["split"] == name for row in rows)]
    if missing:
        raise DataError(f"Expected films in train, val and test, got none in {', '.join(missing)}.")
    squares, problems = [], []
    for done, row in enumerate(rows, start=1):
        try:
            film = read_radiograph(manifest.root / row["path"], smallest_side=2 * SIDE)
        except ImageReadError as error:
            problems.append(str(error))
        else:
            squares.append(square(film, 2 * SIDE))
        if progress is not None:
            progress(done, len(rows))
    if problems:
        raise DataError("Some films cannot be read:\n" + "\n".join(problems))
    return GateFilms(
        squares=np.stack(squares),
        sources=np.array([row["source"] for row in rows]),
        patients=tuple((row["source"], row["patient_id"]) for row in rows),
        splits=np.array([row["split"] for row in rows]),
    )


def phantom_squares(count: int, seed: Sequence[int]) -> NDArray[np.uint8]:
    """Draw phantoms of every hospital in turn, as squares (count, 192, 192).

    Args:
        count: How many; 0 for none.
        seed: Seeds; other ones for other subjects.
    """
    drawn = draw_phantoms(count, _PHANTOM_SIZE, np.random.default_rng(list(seed)))
    pictures = [square(phantom.film, 2 * SIDE) for phantom in drawn]
    return np.stack(pictures) if pictures else np.zeros((0, 2 * SIDE, 2 * SIDE), np.uint8)
