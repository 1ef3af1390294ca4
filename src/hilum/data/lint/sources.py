"""H401 to H406: does the hospital give the diagnosis away?

Public sets are put together from sources that each hold mostly one label. A network that has learnt
the hospital's grey scale then scores as well as one that has learnt lungs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.lint.association import (
    Association,
    beyond_chance,
    cramers_v,
    majority_accuracy,
)
from hilum.data.lint.record import Finding, Severity
from hilum.data.lint.rules import rules
from hilum.data.lint.spelling import slips
from hilum.data.lint.table import Table, counted, listed, plain, row_numbers

__all__ = [
    "foreign_test",
    "known_sources",
    "one_source",
    "source_tells_label",
    "sources_of_one_label",
    "suspicious_sources",
]

TELLS: Final = 0.95
"""From here on a column as good as gives the label away."""

HINTS: Final = 0.75
_DEGRAVE = "DeGrave et al. 2021 (Nature Machine Intelligence, s42256-021-00338-7)"
_MOVED = 0.5
_GUESSED = (
    "the commonest label of each source is right for {:.1f} % of all images, the commonest of all "
    "for {:.1f} %"
)


def known_sources() -> set[str]:
    """Return names of public data sets, whole and the words they are made of."""
    from hilum.data.sources import sources

    return {word for name in sources for word in (name, name.split("-")[0]) if len(word) > 3}


def suspicious_sources(table: Table) -> Iterator[Finding]:
    """Find sources whose name is one slip of the keys from another's."""
    counts = _sources(table)
    found = slips(counts, known_sources())
    if found:
        images = sum(counts[name] for name in found)
        bad = table.frame.filter(pl.col("source").is_in([*found]))
        yield Finding(
            code="H401",
            severity="warning",
            title=f"{counted(len(found), 'source name')} looking misspelt "
            f"({counted(images, 'image')})",
            count=len(found),
            examples=tuple(
                f"{plain(name)} ({counts[name]:,} images), perhaps {plain(meant)} "
                f"({counts.get(meant, 0):,})"
                for name, meant in found.items()
            ),
            why="Patients are known by source and id, so a misspelt source hides a patient who "
            "stands in two splits.",
            cure="Correct the name, then lint again.",
            rows=row_numbers(bad),
        )


def source_tells_label(table: Table) -> Iterator[Finding]:
    """Find classes that the source alone tells from the rest, in all or in the test split."""
    rare_first = _rare_first(table)
    told = [
        (where, label, area, cells)
        for where, cells in _parts(table)
        for label, area in cells.telling(first=rare_first)
        if area >= HINTS
    ]
    if not told:
        return
    told.sort(key=lambda one: (not one[3].apart(one[1]), -one[2]))
    if told[0][2] >= TELLS:
        told = [one for one in told if one[2] >= TELLS]
    where, label, area, cells = told[0]
    severity: Severity = "error" if area >= TELLS else "warning"
    yield Finding(
        code="H402",
        severity=severity,
        title=_told(where, label, area, cells),
        count=cells.images_of(label),
        examples=tuple(_evidence(*one) for one in told),
        why="A network can score as well by learning the hospital, and nothing about lungs.",
        cure="Report the zero-pixel baseline beside every score (hilum data baseline), leave one "
        "source out, and score within sources that hold several labels.",
        said_by=f"{_DEGRAVE}; COVID-Net#159",
    )


def _rare_first(table: Table) -> list[str]:
    counts = table.cells.group_by("label").agg(pl.col("images").sum()).sort("images", "label")
    return counts["label"].to_list()


def _told(where: str, label: str, area: float, cells: Association) -> str:
    n, rest = cells.images_of(label), cells.n - cells.images_of(label)
    place = "" if where == "all" else f"in split {where}, "
    if cells.apart(label):
        return (
            f"{place}every {plain(label)} image ({n:,}) comes from other sources than every other "
            f"image ({rest:,})"
        )
    return (
        f"{place}the source alone tells {plain(label)} from the rest in {100 * area:.1f} % of pairs"
    )


def _evidence(where: str, label: str, area: float, cells: Association) -> str:
    versus = cells.versus_rest(label)
    mine, others = _shares(cells, versus[:, 0]), _shares(cells, versus[:, 1])
    return (
        f"{'all images' if where == 'all' else f'split {where}'}: {plain(label)} is {mine}; the "
        f"rest {others}; told in {100 * area:.1f} % of pairs, Cramér's V {cramers_v(versus):.2f}"
    )


def _shares(cells: Association, column: NDArray[np.float64]) -> str:
    order = np.argsort(-column, kind="stable")
    names = [f"{cells.groups[i]} {int(column[i]):,}" for i in order if column[i] > 0]
    return listed(names, 6)


def sources_of_one_label(table: Table) -> Iterator[Finding]:
    """Name the sources that hold one label only; if all do, the source decides every label."""
    cells = dict(_parts(table)).get("all")
    if cells is None or len(cells.groups) < 2 or len(cells.classes) < 2:
        return
    pure = cells.pure()
    if not pure:
        return
    images = int(sum(cells.counts[cells.groups.index(name)].sum() for name in pure))
    every = len(pure) == len(cells.groups)
    who = "every source holds" if every else f"{len(pure)} of {len(cells.groups)} sources hold"
    most = 100 * cells.counts.sum(axis=0).max() / cells.n
    right = 100 * majority_accuracy(cells.counts)
    yield Finding(
        code="H403",
        severity="error" if every else "warning",
        title=f"{who} one label only ({images:,} of {cells.n:,} images)",
        count=len(pure),
        examples=(
            *(_only(cells, name) for name in pure),
            _GUESSED.format(right, most),
        ),
        why="In these images the hospital and the label cannot be told apart.",
        cure="Add images of the other labels from the same hospitals, or claim nothing beyond.",
        said_by=_DEGRAVE,
    )


def _only(cells: Association, name: str) -> str:
    row = cells.counts[cells.groups.index(name)]
    label = plain(cells.classes[int(row.argmax())])
    return f"{plain(name)}: {counted(int(row.sum()), 'image')}, all {label}"


def one_source(table: Table) -> Iterator[Finding]:
    """Find classes that come from one source, and sets that do."""
    counts = _sources(table)
    if len(counts) == 1 and table.frame.height > 1:
        yield Finding(
            code="H404",
            severity="note",
            title=f"all images come from one source, {plain(next(iter(counts)))}",
            count=1,
            why="How a network does at another hospital cannot be said from these images.",
            cure="Test on another hospital's images before claiming anything beyond this one.",
        )
        return
    cells = dict(_parts(table)).get("all")
    if cells is None or len(cells.classes) < 2:
        return
    lone = [
        (label, cells.groups[int(cells.counts[:, c].argmax())], cells.images_of(label))
        for c, label in enumerate(cells.classes)
        if (cells.counts[:, c] > 0).sum() == 1
    ]
    if lone:
        yield Finding(
            code="H405",
            severity="warning",
            title=f"{counted(len(lone), 'label')} from one source only",
            count=len(lone),
            examples=tuple(
                f"{plain(a)}: {counted(n, 'image')}, all from {plain(b)}" for a, b, n in lone
            ),
            why="What is learnt about the label may be that hospital's scanner.",
            cure="Add the label from a second source, or say that it was never tested elsewhere.",
            said_by=_DEGRAVE,
        )


def foreign_test(table: Table) -> Iterator[Finding]:
    """Find labels whose test images come from other sources than their training images."""
    cells = table.cells.filter(pl.col("split").is_in(["train", "test"]))
    found = []
    for (label,), rows in cells.group_by("label", maintain_order=True):
        by_split = Association.of(rows.select("source", "split", "images", "patients").iter_rows())
        if len(by_split.classes) < 2 or not beyond_chance(by_split.patients):
            continue
        test, train = (_share_of(by_split, split) for split in ("test", "train"))
        moved = sum(abs(train[source] - test[source]) for source in by_split.groups) / 2
        if moved >= _MOVED:
            found.append(f"{plain(label)}: test {_percents(test)}; train {_percents(train)}")
    if found:
        yield Finding(
            code="H406",
            severity="warning",
            title=f"{counted(len(found), 'label')} whose test images come from other sources than "
            "the training images",
            count=len(found),
            examples=tuple(found),
            why="The test asks about another mixture of hospitals than the one learnt from, "
            "so its score is neither an internal nor a clean external one.",
            cure="Say so, and give the score of each source by itself.",
            said_by="COVID-Net#159",
        )


def _share_of(by_split: Association, split: str) -> dict[str, float]:
    column = by_split.counts[:, by_split.classes.index(split)]
    return dict(zip(by_split.groups, (column / column.sum()).tolist(), strict=True))


def _percents(shares: dict[str, float]) -> str:
    order = sorted((name for name in shares if shares[name] > 0), key=lambda x: (-shares[x], x))
    return listed([f"{name} {100 * shares[name]:.0f} %" for name in order])


def _sources(table: Table) -> dict[str, int]:
    if not table.has("source"):
        return {}
    counts = table.frame.lazy().select("source").drop_nulls().group_by("source").len()
    return dict(counts.sort("source").collect().iter_rows())


def _parts(table: Table) -> Iterator[tuple[str, Association]]:
    """Yield sources by label: of all images, and of the test split."""
    for where in ("all", "test"):
        cells = table.cells
        if where != "all":
            cells = cells.filter(pl.col("split") == where)
        counts = cells.group_by("source", "label").agg(pl.col("images", "patients").sum())
        if counts.height:
            yield where, Association.of(counts.iter_rows())


for _name, _rule in {
    "suspicious sources": suspicious_sources,
    "source tells label": source_tells_label,
    "sources of one label": sources_of_one_label,
    "one source": one_source,
    "foreign test": foreign_test,
}.items():
    rules.register(_name, _rule)
