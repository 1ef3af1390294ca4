"""One row by itself: what can be, what cannot, and a confusion matrix printed beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.published.folds import check_spread
from hilum.evaluation.published.joint import Part
from hilum.evaluation.published.metric import parse_metric
from hilum.evaluation.published.reasons import listed, must_be, reason
from hilum.evaluation.published.slips import find_slips
from hilum.evaluation.published.table import Item, PublishedRow, PublishedTable, Space
from hilum.evaluation.published.verdict import Finding, RowVerdict

__all__ = ["judge"]


def judge(space: Space, part: Part, trusted: Sequence[Item]) -> RowVerdict:
    """Say whether a row can be.

    Args:
        space: The matrices that could be.
        part: The row.
        trusted: Numbers of this name in all tables that agree with each other.
    """
    solution = space.solve(part.items)
    findings = [
        *_contradictions(space, part, trusted),
        *_confusion(part.table, part.row),
        *_spreads(part.table, part.row),
    ]
    return RowVerdict(
        table=part.table.name,
        row=part.row.name,
        counts=part.table.counts,
        numbers=len(part.items) + (part.row.confusion is not None),
        possible=False if any(not f.is_remark for f in findings) else solution.possible,
        matrices=solution.count,
        complete=solution.complete,
        example=_example(part, solution.example),
        findings=tuple(findings),
    )


def _example(part: Part, found: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    if part.row.confusion is not None:
        return np.array(part.row.confusion, dtype=np.int64)
    return found if part.items else None


def _contradictions(space: Space, part: Part, trusted: Sequence[Item]) -> Iterator[Finding]:
    others = [item for item in trusted if item not in part.items]
    slips = find_slips(space, part.items, others, unfit=part.unfit) if part.faults else []
    doubted = [item for core in part.faults for item in core]
    own = [item for item in part.items if item not in doubted]
    if part.broken and space.possible([*trusted, *own]) is True:
        trusted = [*trusted, *own]
    for number, core in enumerate(part.faults):
        must = {}
        for item in core:
            rest = [other for other in trusted if other not in core]
            value = must_be(space, rest, item)
            if value is not None and value != item.printed.text:
                must[item.label] = value
        forced = listed(f"{name} {value}" for name, value in must.items()) if must else ""
        sentences = [f"{reason(space, core)}."]
        if forced:
            sentences.append(f"By the other numbers it must be: {forced}.")
        if not number:
            sentences += [slip.sentence for slip in slips]
        yield Finding(
            kind="impossible",
            row=part.row.name,
            tables=(part.table.name,),
            message=" ".join(sentences),
            numbers=tuple(item.label for item in core),
            must_be=must,
            slips=tuple(slip.name for slip in slips) if not number else (),
        )


def _confusion(table: PublishedTable, row: PublishedRow) -> Iterator[Finding]:
    if row.confusion is None:
        return
    matrix = np.array(row.confusion, dtype=np.int64)
    sums, images = matrix.sum(axis=1).tolist(), list(table.counts.images)
    if sums != images:
        yield _found(table, row, "confusion", _wrong_sums(table, sums))
    yield from _unlike_its_matrix(table, row, matrix)


def _wrong_sums(table: PublishedTable, sums: list[int]) -> str:
    counts = table.counts
    said = listed(f"{name} {n:,}" for name, n in zip(counts.classes, sums, strict=True))
    text = f"The rows of the confusion matrix hold {said} images; the test set has {counts.words()}"
    for order in permutations(range(len(sums))):
        if [counts.images[c] for c in order] == sums:
            pairs = [
                f"the row called {counts.classes[i]} is {counts.classes[c]}"
                for i, c in enumerate(order)
                if i != c
            ]
            return f"{text}: its rows are named wrongly, {listed(pairs)}."
    return f"{text}."


def _unlike_its_matrix(
    table: PublishedTable, row: PublishedRow, matrix: NDArray[np.int64]
) -> Iterator[Finding]:
    images = matrix.sum(axis=1).astype(np.float64)
    found = np.diagonal(matrix).astype(np.float64)
    wrong = matrix.sum(axis=0) - found
    for label, printed in row.printed.items():
        metric = parse_metric(label, table.counts)
        if metric is None:
            continue
        value = float(metric.values(found, wrong, images))
        if not printed.fits(value):
            text = f"{label} {printed.text} is {printed.show(value)} in its own confusion matrix."
            yield _found(
                table, row, "confusion", text, label=label, must={label: printed.show(value)}
            )


def _spreads(table: PublishedTable, row: PublishedRow) -> Iterator[Finding]:
    for label, printed in row.printed.items():
        metric = parse_metric(label, table.counts)
        if printed.spread is None or not table.folds or metric is None:
            continue
        if metric.kind != "accuracy" or table.folds < 2:
            continue
        slack = len(table.counts.classes)
        images = table.counts.total
        fold = check_spread(printed, images=images, folds=table.folds, slack=slack)
        if fold.possible is not False:
            continue
        small, large = fold.sizes
        size = f"{small}" if small == large else f"{small} or {large}"
        scale, unit = (100, " points") if printed.percent else (1, "")
        text = (
            f"{label} {printed.text} ± {printed.spread.text}: no {table.folds} folds of {size} "
            f"images have such a spread, as one image moves a fold by "
            f"{fold.step * scale:.2g}{unit}."
        )
        if printed.percent:
            text += f" As a share it would be {float(printed.spread.value) * 1e4:g} points."
        yield _found(table, row, "spread", text, label=label)


def _found(
    table: PublishedTable,
    row: PublishedRow,
    kind: str,
    message: str,
    *,
    label: str = "",
    must: dict[str, str] | None = None,
) -> Finding:
    return Finding(
        kind="spread" if kind == "spread" else "confusion",
        row=row.name,
        tables=(table.name,),
        message=message,
        numbers=(label,) if label else (),
        must_be=must or {},
    )
