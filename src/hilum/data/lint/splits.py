"""H311 to H314: can the splits carry a result? Classes that are missing, or too few to tell."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from hilum.data.lint.record import Finding
from hilum.data.lint.rules import rules
from hilum.data.lint.table import Table, counted, plain

__all__ = ["classes_missing", "partly_split", "small_test", "wilson_width"]

_FEW = 30
_Z95 = 1.959964


def wilson_width(share: float, n: int) -> float:
    """Return the width of the 95 % score interval of a share of `n` images.

    Args:
        share: In [0, 1].
        n: At least 1.

    References:
        Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
        1927.

    >>> round(wilson_width(0.9, 30), 3)
    0.222
    """
    square = _Z95 * _Z95
    spread = (share * (1 - share) / n + square / (4 * n * n)) ** 0.5
    return float(2 * _Z95 * spread / (1 + square / n))


def _by_split(table: Table) -> dict[str, dict[str, int]]:
    """Return images by split and label; nothing where there are no splits."""
    counted_cells = table.cells.filter(pl.col("split") != "")
    counts = counted_cells.group_by("split", "label").agg(pl.col("images").sum())
    found: dict[str, dict[str, int]] = {}
    for split, label, images in counts.sort("split", "label").iter_rows():
        found.setdefault(split, {})[label] = images
    return found


def classes_missing(table: Table) -> Iterator[Finding]:
    """Find classes that are tested but not trained on, and splits that lack a class."""
    by_split = _by_split(table)
    labels = sorted({label for counts in by_split.values() for label in counts})
    train = by_split.get("train")
    unseen = [
        f"{plain(label)}: {images:,} images in {split}, none in train"
        for split, counts in by_split.items()
        for label, images in counts.items()
        if train is not None and label not in train
    ]
    if unseen:
        yield Finding(
            code="H311",
            severity="error",
            title=f"{counted(len(unseen), 'class', 'classes')} tested but never trained on",
            count=len(unseen),
            examples=tuple(unseen),
            why="No image of it can be recognised, so the score says nothing of the method.",
            cure="Give these images another label, another split, or leave them out.",
        )
    lacking = [
        f"{split} has no image labelled {plain(label)}"
        for split, counts in by_split.items()
        if split != "train"
        for label in labels
        if label not in counts and (train is None or label in train)
    ]
    if lacking:
        yield Finding(
            code="H312",
            severity="warning",
            title=f"{counted(len(lacking), 'class', 'classes')} missing from a split",
            count=len(lacking),
            examples=tuple(lacking),
            why="Sensitivity of that class, and every mean over classes, is undefined there.",
            cure="Split again by patient, or score only the classes that are there.",
        )


def small_test(table: Table) -> Iterator[Finding]:
    """Find classes with fewer than 30 test images, and say how wide their intervals are."""
    few = {label: n for label, n in _by_split(table).get("test", {}).items() if n < _FEW}
    if few:
        yield Finding(
            code="H313",
            severity="warning",
            title=f"fewer than {_FEW} test images of {counted(len(few), 'class', 'classes')}",
            count=len(few),
            examples=tuple(
                f"{plain(label)}: {counted(n, 'test image')}; a sensitivity of 90 % has a 95 % "
                f"interval {100 * wilson_width(0.9, n):.0f} points wide"
                for label, n in few.items()
            ),
            why="So few images cannot tell a good method from a bad one.",
            cure="Test on more patients, or cross-validate by patient, and give the interval.",
            said_by="Roberts et al. 2021",
        )


def partly_split(table: Table) -> Iterator[Finding]:
    """Count rows in no split where others are in one."""
    if not table.has("split"):
        return
    out = table.frame["split"].null_count()
    if out:
        yield Finding(
            code="H314",
            severity="note",
            title=f"{counted(out, 'image')} in no split, while others are",
            count=out,
            why="They take part in nothing, and the same patients may be in a split.",
            cure="Put them in a split by patient, or leave them out.",
        )


for _name, _rule in {
    "classes missing": classes_missing,
    "small test": small_test,
    "partly split": partly_split,
}.items():
    rules.register(_name, _rule)
