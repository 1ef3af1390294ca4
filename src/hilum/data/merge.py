"""One manifest of several, with nothing listed twice and nobody on both sides of a split.

Merging is how most sets of this field were made, and where most of their faults came in: one film
under two labels, words that do not match, a patient of the training list in another's test list.
Each of these stops a merge, with the rows and what to do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hilum.data.manifest import Manifest
from hilum.data.manifest_checks import PATH_COLUMNS, absolute
from hilum.data.vocabulary import clashes
from hilum.errors import ConfigError, LeakageError, ManifestError
from hilum.registry import suggestion

__all__ = ["MergeRules", "merge", "merge_files"]

_SHOWN = 5
_FROM, _AT, _FILE = "\0from", "\0at", "\0file"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRules:
    """What to do about what does not fit."""

    relabel: Mapping[str, str] | None = None
    """New label by old one, applied to every manifest first."""

    prefix: bool = False
    """Put each manifest's name before its sources, where equal names mean different hospitals."""

    drop_split: bool = False
    """Leave the split column out."""

    leaks: bool = False
    """Merge even if a patient then stands in several splits, and note it."""


def merge_files(
    paths: Sequence[str | Path], out: str | Path, rules: MergeRules | None = None
) -> Manifest:
    """Read several manifests and merge them into one that hangs from `out`'s folder.

    Nothing is written; the result's `write(out)` does that.

    Args:
        paths: Two or more manifests, each checked as `Manifest.read` does, files apart.
        out: Where it will be written; relative paths are rewritten to hang from its folder.
        rules: What to do about what does not fit.

    Raises:
        ManifestError: As `merge` and `Manifest.read`.
        LeakageError: As `merge`.
    """
    names = _names([Path(path) for path in paths])
    parts = {
        name: Manifest.read(path, check_files=False, leaks=True)
        for name, path in zip(names, paths, strict=True)
    }
    return merge(parts, Path(out).parent, rules)


def merge(
    parts: Mapping[str, Manifest], root: str | Path, rules: MergeRules | None = None
) -> Manifest:
    """Put manifests one below the other: all their rows, all their columns.

    Args:
        parts: Manifests by the names that messages use.
        root: Folder that relative paths shall hang from; absolute ones stay absolute.
        rules: What to do about what does not fit.

    Returns:
        The manifest; its notes say which sources stand in several parts, and who leaks.

    Raises:
        ManifestError: If an image is listed twice, labels do not match, or one patient has two
            sexes.
        LeakageError: If a patient then stands in several splits.
        ConfigError: If there is only one part, or a label to rename does not occur.
    """
    rules = rules or MergeRules()
    if len(parts) < 2:
        raise ConfigError(f"Expected two or more manifests to merge, got {len(parts)}")
    root = Path(root).resolve()
    frames = [_hung(name, part, root, rules) for name, part in parts.items()]
    table = _relabelled(pl.concat(frames, how="diagonal"), rules.relabel or {})
    _check_labels(table)
    _check_images(table)
    _check_patients(table)
    notes = [note for part in parts.values() for note in part.notes if not _is_leak(note)]
    notes += [*_source_notes(table), *_split_notes(table)]
    frame = table.drop(_FROM, _AT, _FILE)
    try:
        return Manifest.from_frame(frame, root, leaks=rules.leaks, notes=list(dict.fromkeys(notes)))
    except LeakageError as error:
        raise LeakageError(
            f"Merged, {str(error).removeprefix('This table: ')}\nLeave the splits out with "
            "--drop-split and part it anew with `hilum data split`, or, to look at it as it is, "
            "merge with --leaks."
        ) from error


def _names(paths: Sequence[Path]) -> list[str]:
    """Name each manifest by its stem, or by its folder where stems are alike."""
    stems = [path.stem for path in paths]
    folders = [path.resolve().parent.name if path.is_file() else path.name for path in paths]
    for names in (stems, folders):
        if len(set(names)) == len(names) and all(names):
            return names
    whole = [str(path) for path in paths]
    if len(set(whole)) < len(whole):
        raise ConfigError(f"Expected different manifests to merge, got {', '.join(whole)}")
    return whole


def _hung(name: str, part: Manifest, root: Path, rules: MergeRules) -> pl.DataFrame:
    """Return a part's rows with paths that hang from the new root, and where each came from."""
    frame = part.frame.with_row_index(_AT, offset=1)
    files = [os.path.normpath(path) for path in part.absolute_paths()]
    frame = frame.with_columns(pl.lit(name).alias(_FROM), pl.Series(_FILE, files, dtype=pl.String))
    moved = os.path.relpath(part.root, root)
    if moved != ".":
        columns = [column for column in PATH_COLUMNS if column in frame.columns]
        frame = frame.with_columns(absolute(column, Path(moved)) for column in columns)
    if rules.prefix:
        frame = frame.with_columns(source=pl.format("{}:{}", pl.lit(name), "source"))
    return frame.drop("split") if rules.drop_split and "split" in frame.columns else frame


def _relabelled(table: pl.DataFrame, relabel: Mapping[str, str]) -> pl.DataFrame:
    held = sorted(table["label"].unique())
    for old in relabel:
        if old not in held:
            hint = suggestion(old, held)
            raise ConfigError(f"There is no label {old!r} to rename in these manifests. {hint}")
    return table.with_columns(pl.col("label").replace(dict(relabel))) if relabel else table


def _check_labels(table: pl.DataFrame) -> None:
    pairs = table.select(_FROM, "label").unique(maintain_order=True)
    held: dict[str, list[str]] = {}
    for name, label in pairs.iter_rows():
        held.setdefault(name, []).append(label)
    if faults := clashes(held):
        raise ManifestError(
            "The labels of these manifests do not match; rename with --relabel OLD=NEW:", faults
        )


def _check_images(table: pl.DataFrame) -> None:
    """Refuse an image that two manifests list."""
    again = table.filter(pl.col(_FILE).is_duplicated()).sort(_FILE, maintain_order=True)
    if not again.height:
        return
    lines = [
        f"{file}: " + ", ".join(f"{name} row {at} ({label})" for name, at, label in rows)
        for (file,), group in again.group_by(_FILE, maintain_order=True)
        for rows in [group.select(_FROM, _AT, "label").rows()]
    ]
    raise ManifestError(
        f"{len(lines)} image(s) are listed more than once (rows count from 1, the header apart); "
        "take each out of all manifests but one:",
        lines,
    )


def _check_patients(table: pl.DataFrame) -> None:
    """Refuse one patient of two sexes in two manifests: then they are two people."""
    if "sex" not in table.columns:
        return
    known = table.filter(pl.col("sex").is_in(["M", "F"]))
    people = known.group_by("source", "patient_id", maintain_order=True).agg(
        sexes=pl.col("sex").n_unique(),
        first=pl.format("{} in {}", "sex", _FROM).unique(maintain_order=True),
        parts=pl.col(_FROM).n_unique(),
    )
    wrong = people.filter((pl.col("sexes") > 1) & (pl.col("parts") > 1))
    if wrong.height:
        raise ManifestError(
            f"{wrong.height} patient(s) of one source have another sex in another manifest, so one "
            "source name stands for two hospitals; tell them apart with --source-prefix:",
            [
                f"patient {row['patient_id']!r} of {row['source']!r} is {', '.join(row['first'])}"
                for row in wrong.iter_rows(named=True)
            ],
        )


def _source_notes(table: pl.DataFrame) -> list[str]:
    """Say which sources stand in several manifests, and how many patients they share."""
    notes = []
    shared = table.group_by("source").agg(pl.col(_FROM).unique(maintain_order=True)).sort("source")
    for source, names in shared.filter(pl.col(_FROM).list.len() > 1).iter_rows():
        rows = table.filter(pl.col("source") == source)
        people = rows.group_by("patient_id").agg(pl.col(_FROM).n_unique())
        both = people.filter(pl.col(_FROM) > 1).height
        notes.append(
            f"Source {source!r} stands in {', '.join(names)}; equal patient numbers there are "
            f"taken for one person ({both:,} are shared)."
        )
    return notes


def _split_notes(table: pl.DataFrame) -> list[str]:
    if "split" not in table.columns:
        return []
    loose = table.filter(pl.col("split").is_null())
    if not loose.height or loose.height == table.height:
        return []
    names = ", ".join(loose[_FROM].unique(maintain_order=True))
    return [f"{loose.height:,} image(s) are in no split: {names}."]


def _is_leak(note: str) -> bool:
    """Say whether a part's note is about its own leaks, which the whole says anew."""
    return "stand in more than one split" in note
