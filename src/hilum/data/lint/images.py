"""H601 to H629: what is wrong with the image files themselves, found by opening every one of them.

Files that are not there are the table's business; everything else that a file can be is judged
here, from fingerprints alone, so that each file is read once and a second run reads only new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.lint.copies import find_copies
from hilum.data.lint.duplicates import Entry, duplicate_findings
from hilum.data.lint.fingerprint import FORMATS
from hilum.data.lint.fingerprints import NO_FILE, Fingerprints, take_fingerprints
from hilum.data.lint.record import Finding, Severity
from hilum.data.manifest import RawTable
from hilum.data.manifest_table import ROW
from hilum.data.reading.colour import COLOURED
from hilum.data.reading.sniff import doubt_about_name

__all__ = ["image_findings"]

_EXAMPLES = 20
_FEWEST_LEVELS = 8
_LEAST_SPREAD = 0.03
_SMALLEST = 200
"""Pixels of the shorter side below which a film has lost what a reader needs."""

_FARTHEST = 4.0
"""How many times larger or smaller than the median of its source an image may be."""

_LONGEST = 1.6
"""Longer over shorter side: beyond it, a chest film was cropped, joined or is something else."""

_LOW_QUALITY = 50


def image_findings(
    table: RawTable,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Open every image of a table and say what is wrong with them.

    Args:
        table: A manifest as written; rows without a path are left out, and a file that is listed
            twice is looked at once.
        workers: Processes; default one a processor.
        cache: Folder to keep fingerprints in, so that the next run reads only new files.
        progress: Called with (done, total) files.

    Raises:
        CacheError: If the cache is damaged or cannot be written.
        ValueError: If `workers` < 1.
    """
    if "path" not in table.frame.columns:
        return []
    paths, entries = _listed(table)
    prints = take_fingerprints(paths, workers=workers, cache=cache, progress=progress)
    looked = _Looked(prints, entries)
    found = [*_unreadable(looked), *_misnamed(looked), *_empty(looked), *_coloured(looked)]
    found += [*_small(looked), *_odd_sizes(looked), *_odd_shapes(looked)]
    found += [*_compressed_twice(looked), *_compressed_hard(looked)]
    return [*found, *duplicate_findings(find_copies(prints), entries)]


def _listed(table: RawTable) -> tuple[list[str], list[Entry]]:
    """Return every file once, by its absolute path, with what its first row says."""
    names = ("path", "source", "patient_id", "split", "label")
    given = [name for name in names if name in table.frame.columns]
    frame = table.frame.select(ROW, *given).filter(pl.col("path").is_not_null())
    entries: dict[str, Entry] = {}
    for row in frame.iter_rows(named=True):
        entry = Entry(
            row=row[ROW],
            path=row["path"],
            source=row.get("source"),
            patient=row.get("patient_id"),
            split=row.get("split"),
            label=row.get("label"),
        )
        entries.setdefault(str(table.root.absolute() / entry.path), entry)
    return [*entries], [*entries.values()]


class _Looked:
    """Fingerprints of readable files beside their entries.

    Args:
        prints: Of all files.
        entries: One a file.
    """

    def __init__(self, prints: Fingerprints, entries: Sequence[Entry]) -> None:
        self.errors = prints.errors
        self.entries = entries
        self.records = prints.records
        self.read = np.array([place not in prints.errors for place in range(len(entries))], bool)
        telling = self.records["levels"] >= _FEWEST_LEVELS
        self.full = self.read & telling & (self.records["spread"] >= _LEAST_SPREAD)

    def finding(
        self,
        bad: NDArray[np.bool_],
        *,
        code: str,
        severity: Severity,
        what: str,
        why: str,
        cure: str,
        describe: Callable[[int], str],
        said_by: str = "",
    ) -> Iterator[Finding]:
        """Yield a finding about some of the files, or nothing if there are none."""
        places = np.flatnonzero(bad)
        if places.size:
            yield Finding(
                code=code,
                severity=severity,
                title=f"{places.size:,} image{'' if places.size == 1 else 's'} {what}",
                count=int(places.size),
                examples=tuple(
                    f"{self.entries[place]}: {describe(int(place))}"
                    for place in places[:_EXAMPLES].tolist()
                ),
                why=why,
                cure=cure,
                said_by=said_by,
                rows=tuple(sorted(self.entries[place].row for place in places.tolist())),
            )


def _unreadable(looked: _Looked) -> Iterator[Finding]:
    there = {place: reason for place, reason in looked.errors.items() if reason != NO_FILE}
    bad = np.zeros(len(looked.entries), bool)
    bad[[*there]] = True
    yield from looked.finding(
        bad,
        code="H601",
        severity="warning",
        what="that cannot be read",
        why="They will be missing from training and from every metric, and perhaps not at random.",
        cure="Download them again, or convert them to PNG or DICOM; else drop their rows.",
        describe=there.__getitem__,
    )


def _misnamed(looked: _Looked) -> Iterator[Finding]:
    def doubt(place: int) -> str:
        kind = FORMATS[looked.records["format"][place]]
        return doubt_about_name(looked.entries[place].path, kind) or ""

    bad = np.array([bool(doubt(place)) for place in range(len(looked.entries))], bool)
    yield from looked.finding(
        bad & looked.read,
        code="H602",
        severity="note",
        what="of another format than the name says",
        why="Tools that trust names fail on them or skip them; hilum goes by content.",
        cure="Rename them, and the paths in the manifest.",
        describe=doubt,
    )


def _empty(looked: _Looked) -> Iterator[Finding]:
    yield from looked.finding(
        looked.read & ~looked.full,
        code="H603",
        severity="warning",
        what="with nothing in them",
        why="A black, white or grey square teaches the label of its row to any other such square.",
        cure="Fetch them again; if they are so at the source, drop their rows.",
        describe=lambda place: (
            f"{looked.records['levels'][place]} grey level(s), "
            f"{100 * looked.records['spread'][place]:.0f} % of the range"
        ),
    )


def _coloured(looked: _Looked) -> Iterator[Finding]:
    yield from looked.finding(
        looked.full & (looked.records["colour"] > COLOURED),
        code="H604",
        severity="warning",
        what="in colour",
        why="A radiograph is grey: these are photographs, heatmaps or have drawings on them.",
        cure="Look at them; drop those that are no plain radiograph.",
        describe=lambda place: f"channels differ by {looked.records['colour'][place]:.0f} levels",
    )


def _size(looked: _Looked, place: int) -> str:
    return f"{looked.records['width'][place]} x {looked.records['height'][place]} pixels"


def _small(looked: _Looked) -> Iterator[Finding]:
    shorter = np.minimum(looked.records["width"], looked.records["height"])
    yield from looked.finding(
        looked.full & (shorter < _SMALLEST),
        code="H605",
        severity="warning",
        what=f"with fewer than {_SMALLEST} pixels on the shorter side",
        why="Fine signs are gone, and size alone may give a source, and with it the label, away.",
        cure="Find the original, or drop them.",
        describe=lambda place: _size(looked, place),
    )


def _odd_sizes(looked: _Looked) -> Iterator[Finding]:
    """Find images whose size is far from the median of their source."""
    sides = np.sqrt(looked.records["width"].astype(float) * looked.records["height"])
    bad = np.zeros(sides.size, bool)
    sources = np.array([entry.source or "" for entry in looked.entries])
    for source in np.unique(sources[looked.full]):
        here = looked.full & (sources == source)
        times = sides / np.median(sides[here])
        bad |= here & ((times > _FARTHEST) | (times < 1 / _FARTHEST))
    yield from looked.finding(
        bad,
        code="H606",
        severity="note",
        what=f"more than {_FARTHEST:.0f} times larger or smaller than their source's median",
        why="They came another way than the rest: scanned, cut from a page, or thumbnails.",
        cure="Look at them.",
        describe=lambda place: _size(looked, place),
    )


def _odd_shapes(looked: _Looked) -> Iterator[Finding]:
    width, height = (looked.records[name].astype(float) for name in ("width", "height"))
    longer = np.maximum(width, height) / np.maximum(np.minimum(width, height), 1)
    yield from looked.finding(
        looked.full & (longer > _LONGEST),
        code="H607",
        severity="note",
        what=f"more than {_LONGEST} times as long as wide, or as wide as long",
        why="Chest films are nearly square: these may be strips, two films in one, or other views.",
        cure="Look at them; cut them apart or drop them.",
        describe=lambda place: _size(looked, place),
    )


def _compressed_twice(looked: _Looked) -> Iterator[Finding]:
    def describe(place: int) -> str:
        step = f"steps of about {looked.records['earlier'][place]:.0f} grey levels"
        quality = looked.records["quality"][place]
        now = f"now a JPEG of quality {quality}" if quality else "now stored without loss"
        return f"{step} from a JPEG before, {now}"

    yield from looked.finding(
        looked.full & (looked.records["earlier"] > 0),
        code="H608",
        severity="note",
        what="once saved as JPEG of a lower quality",
        why="What was lost then is not there, whatever the file is now; where one class only was "
        "saved twice, its traces give the label away.",
        cure="Find the originals; compare the share of each class among these files.",
        describe=describe,
    )


def _compressed_hard(looked: _Looked) -> Iterator[Finding]:
    quality = looked.records["quality"]
    yield from looked.finding(
        looked.full & (quality > 0) & (quality <= _LOW_QUALITY),
        code="H609",
        severity="note",
        what=f"saved as JPEG of quality {_LOW_QUALITY} or less",
        why="Blocks of 8 pixels show, and a network can tell by them where a film came from.",
        cure="Find the originals.",
        describe=lambda place: f"quality {quality[place]}",
    )
