"""Pictures of how numbers are spread: ages, sides, aspect ratios and greys, a ridge for each group.

A ridge is a histogram, counted once in fixed bins, so that it is drawn as fast for a million
images as for a hundred and hides nothing that a smoothed curve would; below it lie the median and
the middle half, as in a box plot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hilum.report.describe.collect import Spread
from hilum.report.describe.sizes import Sizes
from hilum.report.drawing import GREY, INK, Mark, blank, quiet, save, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_dimensions", "draw_ridges"]

_ROWS = 12
_DIMENSIONS = 18
_FILL = "#7FA8C9"


def draw_ridges(
    spreads: Sequence[Spread],
    title: str,
    label: str,
    out: Path,
    *,
    marks: Mapping[str, Mark] | None = None,
    log: bool = False,
    number: Callable[[float], str] = "{:,.0f}".format,
    noun: str = "images",
) -> None:
    """Draw one histogram a group, one above the other on a common axis.

    Args:
        spreads: Groups in the order wanted, something known of one at least; those of which nothing
            is known are named as such.
        title: Of the picture.
        label: Of the axis, with its unit.
        out: PNG file to write.
        marks: Of groups that are classes.
        log: Whether the axis is logarithmic.
        number: Writes a median.
        noun: What is counted.
    """
    shown = [*spreads][:_ROWS]
    figure = blank(5.5, 1.5 + 0.62 * len(shown))
    axes = figure.subplots()
    for row, spread in enumerate(shown):
        if not spread.known:
            continue
        edges = np.asarray(spread.edges)
        heights = np.asarray(spread.counts, np.float64)
        heights *= 0.72 / max(heights.max(), 1.0)
        mark = (marks or {}).get(spread.group, Mark("", _FILL, ""))
        axes.stairs(heights - row, edges, baseline=-row, fill=True, **mark.bar())
        _box(axes, spread, -row - 0.1)
    _name_rows(axes, shown, number, noun)
    if log:
        axes.set_xscale("log", base=2)
        _whole_ticks(axes)
    axes.set(xlabel=label, ylim=(-len(shown) + 0.72, 0.86))
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    quiet(axes)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(*_span(shown))
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=INK)
    save(figure, out)


def _span(shown: Sequence[Spread]) -> tuple[float, float]:
    """Return where the outermost bins that hold anything begin and end."""
    edges = np.asarray(shown[0].edges)
    held = np.flatnonzero(np.sum([spread.counts for spread in shown], axis=0))
    return float(edges[max(held[0] - 1, 0)]), float(edges[min(held[-1] + 2, edges.size - 1)])


def _box(axes: Axes, spread: Spread, y: float) -> None:
    _, low, middle, high, _ = spread.quantiles
    axes.plot([low, high], [y, y], color=INK, linewidth=2.2, solid_capstyle="butt")
    axes.plot([middle], [y], "o", color="white", markeredgecolor=INK, ms=5, zorder=3)


def _name_rows(
    axes: Axes, shown: Sequence[Spread], number: Callable[[float], str], noun: str
) -> None:
    labels = [f"{short(spread.group)}\n{_median(spread, number, noun)}" for spread in shown]
    axes.set_yticks([0.22 - row for row in range(len(shown))], labels, fontsize=9)


def _median(spread: Spread, number: Callable[[float], str], noun: str) -> str:
    if not spread.known:
        return f"known of none of {spread.unknown:,}"
    held = f" of {spread.known + spread.unknown:,}" if spread.unknown else ""
    return f"median {number(spread.quantiles[2])}, {spread.known:,}{held} {noun}"


def _whole_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.xaxis.set_major_locator(FixedLocator([64, 128, 256, 512, 1024, 2048, 4096, 8192]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def draw_dimensions(sizes: Sizes, out: Path) -> None:
    """Draw how often the commonest sizes occur, on a logarithmic scale.

    Args:
        sizes: As measured.
        out: PNG file to write.
    """
    from matplotlib.ticker import FuncFormatter

    shown = sizes.dimensions[:_DIMENSIONS]
    figure = blank(5.5, 1.5 + 0.27 * len(shown))
    axes = figure.subplots()
    counts = [size.images for size in shown]
    axes.barh(range(len(shown)), counts, 0.72, color="#0072B2")
    for row, images in enumerate(counts):
        axes.text(images, row, f" {images:,}", va="center", fontsize=8, color=INK)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set(xlim=(0.7, max(counts) * 3.5), xlabel="Images, logarithmic scale")
    names = [f"{size.width:,} x {size.height:,}" for size in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    quiet(axes)
    axes.tick_params(axis="y", length=0)
    rest = sizes.known - sum(counts)
    title = f"The commonest of {sizes.distinct:,} sizes (width x height, pixels)"
    if rest:
        title += f"\n{sizes.distinct - len(shown):,} more sizes, {rest:,} images, are not shown"
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=INK)
    axes.tick_params(axis="x", colors=GREY)
    save(figure, out)
