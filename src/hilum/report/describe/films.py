"""Which films are looked at, and reading them: some of each source, some of each class.

Separate from the pictures made of them, because every film is read once for all pictures, several
at a time, and because what cannot be read must be counted and named, and stop nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.preprocessing import Preprocessing, prepare
from hilum.data.reading import read_radiograph
from hilum.errors import ImageReadError

__all__ = ["EXAMPLE", "SHEET", "SQUARE", "Choice", "Film", "Look", "Reading", "choose", "look"]

SHEET = Preprocessing(size=160, square="pad")
"""How a film is shown on a contact sheet: all of it, borders and markers included."""

SQUARE = Preprocessing(size=128)
"""How a film is averaged and its greys counted: as a network would be given it."""

EXAMPLE = Preprocessing(size=256)
"""How an example is shown: cropped, resized and made grey, as paper 2 prepares its images."""

PER_SHEET = 40
PER_CELL = 60
SOURCES = 12
CLASSES = 8
_LOOKED_FOR = 100_000
_THREADS = 4

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Look:
    """Which files are there.

    Args:
        looked_for: Rows whose file was looked for, at most 100,000, drawn at random.
        files: (row, absolute path) of those found, in random order.
    """

    looked_for: int
    files: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows of the films to read.

    Args:
        sheets: Of each source's contact sheet, at most 40.
        cells: Of each (source, label) for its mean film, at most 60.
        examples: Of each label's examples.
    """

    sheets: dict[str, tuple[int, ...]]
    cells: dict[tuple[str, str], tuple[int, ...]]
    examples: dict[str, tuple[int, ...]]

    def rows(self) -> tuple[int, ...]:
        """Return every row once."""
        groups: Iterable[tuple[int, ...]] = (
            *self.sheets.values(),
            *self.cells.values(),
            *self.examples.values(),
        )
        return tuple(dict.fromkeys(row for rows in groups for row in rows))


@dataclass(frozen=True, slots=True)
class Film:
    """A film that was read.

    Args:
        row: In the manifest.
        path: Absolute.
        source: Hospital or data set.
        label: Class.
        sheet: Grey levels of the whole film, shape (160, 160).
        square: Grey levels as a network is given them, shape (128, 128).
        example: The same, shape (256, 256), of examples only.
        format: By content.
        warnings: What looked doubtful.
    """

    row: int
    path: str
    source: str
    label: str
    sheet: NDArray[np.uint8]
    square: NDArray[np.uint8]
    example: NDArray[np.uint8] | None
    format: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of the films chosen.

    Args:
        films: Read, by row.
        failed: (path, reason) of those that could not be read.
    """

    films: dict[int, Film]
    failed: tuple[tuple[str, str], ...]


def look(paths: pl.Series, rng: np.random.Generator) -> Look:
    """Look which files are there.

    Args:
        paths: Absolute, one a row.
        rng: Draws the order.
    """
    order = rng.permutation(paths.len())[:_LOOKED_FOR]
    named = zip(order.tolist(), paths.gather(order).to_list(), strict=True)
    found = ((row, path) for row, path in named if "\0" not in path and os.path.isfile(path))  # noqa: PTH113 - speed
    return Look(order.size, tuple(found))


def choose(
    frame: pl.DataFrame,
    files: Sequence[tuple[int, str]],
    *,
    sources: Sequence[str],
    classes: Sequence[str],
    examples: int,
) -> Choice:
    """Choose films: the first of each group, in the random order the files come in.

    Args:
        frame: As `working_frame` returns it.
        files: (row, path) of the files that are there.
        sources: Most images first; the first 12 are shown.
        classes: The first 8 are shown.
        examples: Of each class.
    """
    rows = np.asarray([row for row, _ in files], np.int64)
    drawn = frame.select("source", "label").gather(rows).with_columns(row=pl.Series(rows))
    drawn = drawn.filter(
        pl.col("source").is_in([*sources][:SOURCES]), pl.col("label").is_in([*classes][:CLASSES])
    )
    cells = {
        (str(source), str(label)): tuple(part["row"].head(PER_CELL))
        for (source, label), part in drawn.group_by("source", "label", maintain_order=True)
    }
    shown = [name for name in [*sources][:SOURCES] if any(key[0] == name for key in cells)]
    return Choice(
        sheets={name: _sheet(drawn.filter(pl.col("source") == name), classes) for name in shown},
        cells=cells,
        examples={
            name: tuple(drawn.filter(pl.col("label") == name)["row"].head(examples))
            for name in [*classes][:CLASSES]
            if any(key[1] == name for key in cells)
        },
    )


def _sheet(drawn: pl.DataFrame, classes: Sequence[str]) -> tuple[int, ...]:
    """Return rows for a contact sheet: at random, but one at least a class; class by class."""
    firsts = drawn.unique("label", keep="first", maintain_order=True)
    rest = drawn.join(firsts.select("row"), on="row", how="anti")
    shown = pl.concat([firsts, rest]).head(PER_SHEET)
    order = {name: number for number, name in enumerate(classes)}
    pairs = sorted(shown.select("label", "row").iter_rows(), key=lambda pair: order[pair[0]])
    return tuple(row for _, row in pairs)


def read_films(
    frame: pl.DataFrame,
    files: Sequence[tuple[int, str]],
    choice: Choice,
    progress: Progress | None = None,
) -> Reading:
    """Read every chosen film once.

    Args:
        frame: As `working_frame` returns it.
        files: (row, path) of the files that are there.
        choice: What to read.
        progress: Called with (done, total).
    """
    paths = dict(files)
    rows = choice.rows()
    known = frame.select("source", "label").gather([*rows])
    large = {row for group in choice.examples.values() for row in group}
    jobs = [
        (row, paths[row], source, label, row in large)
        for row, (source, label) in zip(rows, known.iter_rows(), strict=True)
    ]
    films: dict[int, Film] = {}
    failed: list[tuple[str, str]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, outcome in enumerate(pool.map(_read, jobs), 1):
            if isinstance(outcome, Film):
                films[outcome.row] = outcome
            else:
                failed.append(outcome)
            if progress is not None:
                progress(done, len(jobs))
    return Reading(films, tuple(failed))


def _read(job: tuple[int, str, str, str, bool]) -> Film | tuple[str, str]:
    row, path, source, label, large = job
    side = EXAMPLE.decode_side if large else SHEET.decode_side
    try:
        radiograph = read_radiograph(path, smallest_side=side)
    except ImageReadError as error:
        return path, error.reason
    return Film(
        row=row,
        path=path,
        source=source,
        label=label,
        sheet=prepare(radiograph, SHEET),
        square=prepare(radiograph, SQUARE),
        example=prepare(radiograph, EXAMPLE) if large else None,
        format=radiograph.format,
        warnings=radiograph.warnings,
    )
