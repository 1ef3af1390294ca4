"""Pictures of films: contact sheets, examples with their histograms, means and greys.

A mean film shows what all films of a hospital have in common, which is what a network can learn
instead of lungs: where the shoulders end, how wide the border is, in which corner the marker is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.data.preprocessing import equalize
from hilum.report.contact_sheet import Cell, draw_sheet
from hilum.report.describe.collect import Spread
from hilum.report.describe.films import Film
from hilum.report.drawing import INK, Mark, blank, quiet, save, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_contact_sheet", "draw_examples", "draw_means", "grey_spread"]

_ACROSS = 8
_GREY_EDGES = np.arange(0.0, 257.0, 8.0)
_RAW, _EQUALISED = "#0072B2", "#D55E00"


def draw_contact_sheet(
    films: Sequence[Film], title: str, marks: Mapping[str, Mark], out: Path
) -> None:
    """Draw films side by side, each whole, with its class as a letter and a coloured bar.

    Args:
        films: At least one, in the order wanted.
        title: Of the sheet.
        marks: Of the classes.
        out: PNG file to write.
    """
    cells = [Cell(film.sheet, (marks[film.label],)) for film in films]
    draw_sheet(cells, title, marks, out, across=min(_ACROSS, max(len(films), 4)))


def draw_examples(films: Sequence[Film], title: str, out: Path) -> None:
    """Draw films as they are, their cumulative histograms, and the films equalised.

    Args:
        films: At least one, each with its example.
        title: Of the picture.
        out: PNG file to write.

    References:
        Paper 2, figures 2 and 3.
    """
    figure = blank(6.6, 0.9 + 2.15 * len(films))
    places = figure.subplots(len(films), 3, squeeze=False)
    for row, film in zip(places, films, strict=True):
        if film.example is None:
            raise ValueError(f"film {film.row} was not read as an example")
        spread = equalize(film.example)
        for axes, picture in ((row[0], film.example), (row[2], spread)):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
        row[0].set_title(short(film.source), fontsize=9, loc="left", color=INK)
        row[2].set_title("equalised", fontsize=9, loc="left", color=INK)
        _cumulative(row[1], film.example, spread)
    places[0][1].set_title("pixels at or below a grey", fontsize=9, loc="left", color=INK)
    places[-1][1].set_xlabel("grey level", fontsize=8)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=INK)
    save(figure, out)


def _cumulative(axes: Axes, raw: NDArray[np.uint8], spread: NDArray[np.uint8]) -> None:
    lines = ((raw, _RAW, "-", "as it is"), (spread, _EQUALISED, "--", "equalised"))
    for picture, colour, dash, name in lines:
        share = np.cumsum(np.bincount(picture.ravel(), minlength=256)) / picture.size
        axes.plot(share, color=colour, linestyle=dash, linewidth=1.6, label=name)
    axes.set(xlim=(0, 255), ylim=(0, 1.02), box_aspect=1)
    axes.set_xticks([0, 128, 255])
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7, loc="upper left", frameon=False)
    quiet(axes, keep=("left", "bottom"))


def draw_means(
    cells: Mapping[tuple[str, str], Sequence[Film]],
    sources: Sequence[str],
    classes: Sequence[str],
    out: Path,
) -> None:
    """Draw the mean film of each class in each source; what is not there stays empty.

    Args:
        cells: Films by (source, label).
        sources: Columns.
        classes: Rows.
        out: PNG file to write.
    """
    figure = blank(max(1.0 + 1.45 * len(sources), 5.0), 1.0 + 1.65 * len(classes))
    places = figure.subplots(len(classes), len(sources), squeeze=False)
    for row, label in zip(places, classes, strict=True):
        for axes, source in zip(row, sources, strict=True):
            _mean(axes, cells.get((source, label), ()))
        row[0].set_ylabel(short(label), fontsize=9, color=INK)
    for axes, source in zip(places[0], sources, strict=True):
        axes.set_title(short(source), fontsize=9, color=INK)
    title = "Mean film of each class (rows) in each source (columns)"
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=INK)
    save(figure, out)


def _mean(axes: Axes, films: Sequence[Film]) -> None:
    axes.set(xticks=[], yticks=[])
    quiet(axes, keep=())
    if not films:
        axes.text(0.5, 0.5, "no film", ha="center", va="center", fontsize=8, color="#767676")
        axes.set(xlim=(0, 1), ylim=(0, 1), box_aspect=1)
        return
    axes.imshow(mean_film(films), cmap="gray", vmin=0, vmax=255)
    axes.set_xlabel(f"mean of {len(films)}", fontsize=7, labelpad=2, color=INK)


def mean_film(films: Sequence[Film]) -> NDArray[np.float32]:
    """Return the mean of films as a network is given them, shape (128, 128), 0 to 255."""
    total = np.zeros(films[0].square.shape, np.float64)
    for film in films:
        total += film.square
    return (total / len(films)).astype(np.float32)


def grey_spread(group: str, films: Sequence[Film]) -> Spread:
    """Return how the pixels of films are spread over the grey levels.

    Args:
        group: What the films have in common.
        films: At least one.

    Returns:
        `known` counts films, the bins pixels; they are 8 grey levels wide.
    """
    counts = np.zeros(256, np.int64)
    for film in films:
        counts += np.bincount(film.square.ravel(), minlength=256)
    total = int(counts.sum())
    shares = np.cumsum(counts) / total
    quantiles = tuple(float(np.searchsorted(shares, at)) for at in (0.05, 0.25, 0.5, 0.75, 0.95))
    bins = counts.reshape(-1, 8).sum(axis=1)
    return Spread(
        group, len(films), 0, quantiles, tuple(_GREY_EDGES.tolist()), tuple(bins.tolist())
    )
