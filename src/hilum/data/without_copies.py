"""A data set with one file of every film.

Public sets hold each other's films under other names, cropped and saved again. Lint finds such
copies; here all but one of each are taken out, so that a split by patient is a split by film too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from hilum.data.lint.copies import find_copies, first_places
from hilum.data.lint.fingerprints import take_fingerprints
from hilum.data.manifest import Manifest
from hilum.errors import DataError

__all__ = ["Dropped", "WithoutCopies", "without_copies"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that shows a film of which another is kept."""

    path: str
    source: str
    kept: str
    """Path of the file that is kept instead."""

    kept_source: str


@dataclass(frozen=True, slots=True)
class WithoutCopies:
    """What is left, and what was taken out."""

    manifest: Manifest
    dropped: tuple[Dropped, ...]
    relabelled: tuple[Dropped, ...]
    """Those of `dropped` whose label is not that of the file kept: one of the two is wrong."""


def without_copies(
    manifest: Manifest,
    *,
    prefer: Sequence[str] = (),
    workers: int | None = None,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> WithoutCopies:
    """Keep one file of each film.

    Copies are the certain ones of `hilum.data.lint.copies`: the same bytes, pixels or picture.
    Different films of one patient are no copies and all stay.

    Args:
        manifest: The images; a split column stays as it is.
        prefer: Sources whose files are kept before others, the best first. Among the rest, and
            within a source, the file that stands first in the manifest is kept.
        workers: Processes; default one a processor.
        cache: Folder to keep fingerprints in, shared with lint.
        progress: Called with (done, total) files.

    Raises:
        DataError: If a preferred source is not in the manifest.
        CacheError: If the cache is damaged or cannot be written.
    """
    sources = manifest.frame["source"].to_list()
    if unknown := [name for name in prefer if name not in sources]:
        known = ", ".join(sorted({*sources}))
        raise DataError(f"There is no source {', '.join(unknown)} in the manifest; it has {known}.")
    paths = [str(path) for path in manifest.paths()]
    prints = take_fingerprints(paths, workers=workers, cache=cache, progress=progress)
    first = first_places(pair for pair in find_copies(prints).pairs if pair.certain)
    film = [first.get(row, row) for row in range(len(paths))]
    rank = {name: place for place, name in enumerate(prefer)}
    kept: dict[int, int] = {}
    for row in sorted(range(len(film)), key=lambda row: (rank.get(sources[row], len(rank)), row)):
        kept.setdefault(film[row], row)
    chosen = [kept[place] for place in film]
    labels = manifest.frame["label"].to_list()
    names = manifest.frame["path"].to_list()
    out = [row for row, other in enumerate(chosen) if row != other]
    dropped = {
        row: Dropped(names[row], sources[row], names[chosen[row]], sources[chosen[row]])
        for row in out
    }
    stays = pl.Series([row == other for row, other in enumerate(chosen)], dtype=pl.Boolean)
    return WithoutCopies(
        replace(manifest, frame=manifest.frame.filter(stays)),
        tuple(dropped.values()),
        tuple(found for row, found in dropped.items() if labels[row] != labels[chosen[row]]),
    )
