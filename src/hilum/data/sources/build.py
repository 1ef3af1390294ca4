"""From a published data set on the disk to a manifest that is right, and a list of what was wrong.

Separate from the sources, because finding files, telling what is missing, renamed or extra, and
writing the manifest is the same for all of them. Nothing missing stops a build unless it is asked
to be strict: half of a data set is of use, as long as it says which half.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from hilum.data.manifest import Manifest
from hilum.data.sources.files import Files, Found
from hilum.data.sources.published import compare_counts
from hilum.data.sources.reconcile import Reconciliation, SourceCount
from hilum.data.sources.source import Card, Listing, Request, sources
from hilum.errors import DataError

__all__ = ["Built", "build", "write_build"]

_FIRST = ("path", "patient_id", "source", "label", "split")


@dataclass(frozen=True, slots=True)
class Built:
    """A manifest and how it came about."""

    manifest: Manifest
    reconciliation: Reconciliation


def build(
    name: str,
    request: Request,
    *,
    lists_only: bool = False,
    strict: bool = False,
    home: Path = Path(),
) -> Built:
    """Build the manifest of a data set.

    Labels lie in ROOT/labels, or, if there is no such folder, anywhere below ROOT, unless the
    request names their folder. A manifest whose published split has a patient on both sides is
    built as published; its notes say so, and training refuses it.

    Args:
        name: Of a registered source.
        request: Where images and labels lie, the version, options.
        lists_only: Take every row of the lists and do not look for files.
        strict: Refuse a build in which a listed file is missing.
        home: Folder that relative paths hang from where the request names no root.

    Raises:
        ConfigError: If the name, the version or an option is unknown.
        DataError: If a list is missing or faulty, no listed file is found, or, when strict, some
            are missing.
    """
    source = sources.create(name)
    version = request.chosen(source.card)
    title = f"{name} {version}".strip()
    request = _with_labels(request)
    if not lists_only:
        request.images()
    listing = source.listing(request)
    if not listing.frame.height:
        reasons = "; ".join(f"{out.count:,} {out.reason}" for out in listing.left_out)
        raise DataError(f"{title}: none of {listing.listed:,} rows is left. Left out: {reasons}.")
    if lists_only:
        frame = listing.frame.with_columns(path="file")
        found: dict[str, Found] = {}
        extra: tuple[str, ...] = ()
    else:
        frame, found, extra = _locate(listing, request.images())
    record = _record(
        title, source.card, version, listing, found=found, extra=extra, lists_only=lists_only
    )
    if strict and record.missing:
        raise DataError(f"{title} is not whole, and a strict build was asked for.\n{record.text()}")
    if not frame.height:
        raise DataError(
            f"{title}: none of {listing.frame.height:,} listed images lies below {request.root}. "
            f"Expected, for example, {listing.frame['file'][0]}. {_hint(source.card)}"
        )
    manifest = Manifest.from_frame(
        _ordered(frame), request.root or home, leaks=True, notes=listing.notes
    )
    record = replace(record, labels=_by_label(manifest.frame), notes=manifest.notes)
    return Built(manifest, record)


def write_build(built: Built, out: Path) -> Path:
    """Write the manifest, and its reconciliation beside it as NAME.reconciliation.json.

    Returns:
        The reconciliation's path.
    """
    built.manifest.write(out)
    beside = out.with_name(f"{out.stem}.reconciliation.json")
    built.reconciliation.write(beside)
    return beside


def _with_labels(request: Request) -> Request:
    if request.labels is not None or request.root is None:
        return request
    inside = request.root / "labels"
    return replace(request, labels=inside if inside.is_dir() else request.root)


def _locate(listing: Listing, root: Path) -> tuple[pl.DataFrame, dict[str, Found], tuple[str, ...]]:
    """Find the listed files; return the rows found, where each lies, and files beyond the list."""
    files, whole = Files.walk(root), root.resolve().as_posix()
    find: dict[str, Callable[[str], Found | None]] = {
        "name": files.find,
        "path": lambda file: files.find_path(file, whole),
        "disk": lambda file: Found(file, ""),
    }
    look = find[listing.found_by]
    listed = listing.frame["file"].to_list()
    found = {file: place for file in listed if (place := look(file)) is not None}
    found = _without_clashes(found)
    taken = {place.path for place in found.values()}
    taken |= {place.path for file in listing.skipped if (place := look(file)) is not None}
    extra = tuple(path for path in files.paths() if path not in taken)
    paths = pl.Series(
        [found[file].path if file in found else None for file in listed], dtype=pl.String
    )
    return listing.frame.with_columns(path=paths).drop_nulls("path"), found, extra


def _without_clashes(found: dict[str, Found]) -> dict[str, Found]:
    """Let one file answer for one listed name only: its own before any other."""
    owner: dict[str, str] = {}
    for file in sorted(found, key=lambda file: bool(found[file].rule)):
        owner.setdefault(found[file].path, file)
    return {file: place for file, place in found.items() if owner[place.path] == file}


def _record(
    title: str,
    card: Card,
    version: str,
    listing: Listing,
    *,
    found: dict[str, Found],
    extra: tuple[str, ...],
    lists_only: bool,
) -> Reconciliation:
    rows = [*listing.frame.select("file", "source").iter_rows()]
    expected = Counter(source for _, source in rows)
    exact = Counter(source for file, source in rows if file in found and not found[file].rule)
    renamed = Counter(source for file, source in rows if file in found and found[file].rule)
    held = {(split, label): images for split, label, images in _by_label(listing.frame)}
    return Reconciliation(
        name=title,
        listed=listing.listed,
        sources=tuple(
            SourceCount(
                name,
                count,
                exact[name],
                renamed[name],
                0 if lists_only else count - exact[name] - renamed[name],
            )
            for name, count in sorted(expected.items())
        ),
        labels=_by_label(listing.frame),
        renamed=tuple((file, at.path, at.rule) for file, at in found.items() if at.rule),
        missing=() if lists_only else tuple(row for row in rows if row[0] not in found),
        extra=extra,
        left_out=listing.left_out,
        published=compare_counts(
            card.name, version, held, rows=listing.listed, lists=bool(card.labels)
        ),
        notes=listing.notes,
        lists_only=lists_only,
    )


def _by_label(frame: pl.DataFrame) -> tuple[tuple[str, str, int], ...]:
    split = pl.col("split").fill_null("") if "split" in frame.columns else pl.lit("")
    counted = frame.select("label", split=split).group_by("split", "label").len()
    order = {"train": 0, "val": 1, "test": 2}
    rows = [(split, label, count) for split, label, count in counted.iter_rows()]
    return tuple(sorted(rows, key=lambda row: (order.get(row[0], 3), row[0], row[1])))


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    first = [name for name in _FIRST if name in frame.columns]
    rest = [name for name in frame.columns if name not in first and name != "file"]
    original = [pl.col("file").alias("original")] if "original" not in rest else []
    return frame.select(*first, *rest, *original)


def _hint(card: Card) -> str:
    return f"How to get it: {' / '.join(card.steps)}" if card.steps else ""
