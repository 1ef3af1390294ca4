"""Pictures of shares: which labels each source holds, and how values divide over the classes.

The first of them is the one to look at before any other: bars that differ from one another are
hospitals that give the label away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.report.describe.collect import UNKNOWN, Count, Cross, Known
from hilum.report.drawing import (
    GREY,
    INK,
    UNKNOWN_FILL,
    Mark,
    blank,
    legend,
    percent,
    quiet,
    save,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_confounding", "draw_counts", "draw_known", "draw_shares"]

_ROWS = 12
_THINNEST = 0.08
_GAP = 0.022
_THINNEST_IN = 0.22
_CHARACTER_IN = 0.075
"""Mean width of a character at 9 points, in inches."""
_VALUE_FILLS = ("#0072B2", "#E69F00", "#3B3B3B", "#56B4E9", "#D55E00", "#F0E442")


def draw_confounding(
    by_label: Cross, marks: Mapping[str, Mark], statement: Sequence[str], out: Path
) -> None:
    """Draw the labels of each source beside what they would be if the source told nothing.

    Args:
        by_label: Images by source and label.
        marks: Of each label.
        statement: Lines of the title.
        out: PNG file to write.
    """
    names, counts = _at_most(by_label.rows, by_label.array(), _ROWS, "other sources")
    spans = _spans(counts.sum(axis=1))
    figure = blank(9.6, 1.75 + spans[-1][1] / _THINNEST * _THINNEST_IN)
    places = figure.subplots(1, 2, sharey=True, width_ratios=[1.15, 1])
    whole = counts.sum(axis=0) / counts.sum()
    shares = counts / counts.sum(axis=1, keepdims=True)
    for axes, part, width_in in ((places[0], shares, 4.1), (places[1], whole[None], 3.6)):
        _bars(
            axes,
            spans,
            np.broadcast_to(part, shares.shape),
            by_label.columns,
            marks,
            width_in=width_in,
        )
    labels = [
        f"{short(name)}  ({n:,})"
        for name, n in zip(names, counts.sum(axis=1).tolist(), strict=True)
    ]
    places[0].set_yticks([(low + high) / 2 for low, high in spans], labels, fontsize=9)
    places[0].set_title("The labels of each source", fontsize=10, loc="left", color=INK)
    places[1].set_title("If the source told nothing", fontsize=10, loc="left", color=INK)
    _share_axis(places)
    legend(figure, by_label.columns, marks)
    figure.suptitle("\n".join(statement), fontsize=11, x=0.01, ha="left", color=INK)
    save(figure, out)


def _at_most(
    names: tuple[str, ...], counts: NDArray[np.int64], rows: int, others: str
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Put the rows beyond the first `rows` together in one."""
    held = counts.sum(axis=1) > 0
    names, counts = tuple(np.asarray(names, dtype=object)[held].tolist()), counts[held]
    if len(names) <= rows:
        return names, counts
    rest = counts[rows - 1 :].sum(axis=0, keepdims=True)
    named = f"{len(names) - rows + 1} {others}"
    return (*names[: rows - 1], named), np.concatenate([counts[: rows - 1], rest])


def _spans(sums: NDArray[np.int64]) -> list[tuple[float, float]]:
    """Return where each bar begins and ends, as thick as its images are many, but none unseen."""
    thickness = np.maximum(sums / sums.sum(), _THINNEST)
    ends = np.cumsum(thickness + _GAP)
    return [
        (float(end - high - _GAP), float(end - _GAP))
        for end, high in zip(ends, thickness, strict=True)
    ]


def _bars(
    axes: Axes,
    spans: Sequence[tuple[float, float]],
    shares: NDArray[np.float64],
    columns: Sequence[str],
    marks: Mapping[str, Mark],
    *,
    width_in: float,
) -> None:
    """Draw one bar of 100 % for each row of shares, on axes about `width_in` inches wide."""
    for (low, high), row in zip(spans, shares, strict=True):
        left = 0.0
        for name, share in zip(columns, row.tolist(), strict=True):
            if share > 0:
                middle = (low + high) / 2
                mark = marks[name]
                axes.barh(middle, share, high - low, left=left, **mark.bar())
                _inside(axes, (left + share / 2, middle), share, mark, width_in)
            left += share


def _inside(
    axes: Axes, place: tuple[float, float], share: float, mark: Mark, width_in: float
) -> None:
    """Write a segment's letter into it, and its share, as far as there is room."""
    room = int(share * width_in / _CHARACTER_IN)
    texts = (f"{mark.letter} {percent(share)}", mark.letter)
    text = next((text for text in texts if len(text) < room), None)
    if text is None:
        return
    box = {"facecolor": mark.fill, "edgecolor": "none", "pad": 1.2} if mark.hatch else None
    axes.text(*place, text, ha="center", va="center", fontsize=9, color=mark.on_fill, bbox=box)


def _share_axis(places: Sequence[Axes]) -> None:
    for axes in places:
        axes.set(xlim=(0, 1))
        axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"], fontsize=8)
        axes.tick_params(axis="y", length=0)
        quiet(axes, keep=())
    places[0].invert_yaxis()


def draw_shares(cross: Cross, title: str, out: Path) -> None:
    """Draw how the values of a column divide over classes or sources, one bar of 100 % each.

    Args:
        cross: Groups in rows, values in columns; the value "unknown" is drawn pale.
        title: Of the picture.
        out: PNG file to write.
    """
    names, counts = _at_most(cross.rows, cross.array(), _ROWS, "others")
    order = np.argsort(-counts.sum(axis=0), kind="stable") if len(cross.columns) > 6 else None
    values, counts = _fewer(cross.columns, counts, order)
    marks = _value_marks(values)
    figure = blank(5.5, 1.35 + 0.36 * len(names))
    axes = figure.subplots()
    spans = [(row - 0.38, row + 0.38) for row in range(len(names))]
    sums = counts.sum(axis=1)
    _bars(axes, spans, counts / sums[:, None], values, marks, width_in=3.7)
    labels = [f"{short(name)}  ({n:,})" for name, n in zip(names, sums.tolist(), strict=True)]
    axes.set_yticks(range(len(names)), labels, fontsize=9)
    _share_axis([axes])
    legend(figure, values, marks)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=INK)
    save(figure, out)


def _fewer(
    values: tuple[str, ...], counts: NDArray[np.int64], order: NDArray[np.intp] | None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Keep the five commonest values and put the rest together."""
    if order is None:
        return values, counts
    kept, rest = order[:5], order[5:]
    names = tuple(values[place] for place in kept)
    joined = np.concatenate([counts[:, kept], counts[:, rest].sum(axis=1, keepdims=True)], axis=1)
    return (*names, f"{len(rest)} others"), joined


def _value_marks(values: Sequence[str]) -> dict[str, Mark]:
    """Return marks for values such as F, PA or train, which are written out."""
    found = {}
    for number, value in enumerate(values):
        fill = UNKNOWN_FILL if value == UNKNOWN else _VALUE_FILLS[number % len(_VALUE_FILLS)]
        word = "?" if value == UNKNOWN else value
        found[value] = Mark(word, fill, "")
    return found


def draw_counts(
    groups: Mapping[str, Sequence[Count]], marks: Mapping[str, Mark], out: Path
) -> None:
    """Draw how many images and patients each class and each source has.

    Args:
        groups: Title of a panel to its counts.
        marks: Of classes; groups without a mark are drawn grey.
        out: PNG file to write.
    """
    shown = {title: list(counts)[:_ROWS] for title, counts in groups.items()}
    heights = [len(counts) for counts in shown.values()]
    figure = blank(5.5, 1.1 + 0.62 * len(heights) + 0.36 * sum(heights))
    places = figure.subplots(len(shown), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (title, counts) in zip(places, shown.items(), strict=True):
        for row, count in enumerate(counts):
            mark = marks.get(count.value, Mark("", "#767676", ""))
            axes.barh(row, count.images, 0.7, **mark.bar())
            text = f" {count.images:,} images, {count.patients:,} patients"
            axes.text(count.images, row, text, va="center", fontsize=9, color=INK)
        axes.set_yticks(range(len(counts)), [short(count.value) for count in counts], fontsize=9)
        axes.set(xlim=(0, max(count.images for count in counts) * 1.75), xticks=[])
        axes.set_title(title, fontsize=10, loc="left", color=INK)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        quiet(axes, keep=("left",))
    save(figure, out)


def draw_known(known: Known, out: Path) -> None:
    """Draw what share of each source's images has a value in each column.

    Args:
        known: As counted.
        out: PNG file to write.
    """
    counts = np.asarray(known.known, np.float64)[:_ROWS]
    images = np.asarray(known.images, np.float64)[:_ROWS]
    shares = counts / images[:, None]
    figure = blank(5.5, 1.5 + 0.38 * len(shares))
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.7 else INK
        text = percent(float(share)) if share else "-"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    names = [name.replace("_", " ") for name in known.columns]
    axes.set_xticks(range(len(names)), names, fontsize=8, rotation=30, ha="left")
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(shares)), [short(name) for name in known.sources[:_ROWS]], fontsize=9)
    axes.set_xticks(np.arange(-0.5, len(names)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(shares)), minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0, labelcolor=GREY)
    quiet(axes, keep=())
    figure.suptitle("Share of images whose value is known", fontsize=11, x=0.01, ha="left")
    save(figure, out)
