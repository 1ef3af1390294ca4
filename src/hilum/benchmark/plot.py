"""A picture of the ratios: a bar a row on a logarithmic axis, with a line where it should reach."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hilum.benchmark.results import Results
from hilum.benchmark.row import Row
from hilum.report.svg.canvas import WIDTH, Drawing
from hilum.report.svg.scale import plain

__all__ = ["speed_plot"]

_LEFT, _RIGHT, _NUMBER = 8.0, WIDTH - 8.0, 46.0
_ROW, _BAR, _PEER = 47, 9, 15
_STYLE = """
svg { --ink: #1b2024; --soft: #59626a; --card: #ffffff; --grid: #dfe3e6; --bar: #0072b2;
  --missed: #b24a00; font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ink: #e6e8ea; --soft: #a7b0b9; --card: #171b1f;
  --grid: #343b42; --bar: #6bbcf0; --missed: #ff9d4d; } }
.paper { fill: var(--card); } text { fill: var(--ink); } .soft { fill: var(--soft); }
.name { font-weight: 600; } .grid { stroke: var(--grid); } .bar { fill: var(--bar); }
.missed { fill: var(--missed); } .wanted { stroke: var(--ink); stroke-width: 2.5; }
.one { stroke: var(--soft); stroke-dasharray: 3 3; }
"""


def speed_plot(results: Results) -> str | None:
    """Return a standalone SVG, light or dark as its reader's screen is; None without a ratio.

    Args:
        results: What was measured.
    """
    compared = [row for row in results.rows if row.ratio is not None and row.ratio > 0]
    parts = [
        ("Times better than the peer", [row for row in compared if not row.at_most]),
        ("Times as long: what maps cost", [row for row in compared if row.at_most]),
    ]
    parts = [(title, rows) for title, rows in parts if rows]
    if not parts:
        return None
    height = 44 + sum(52 + _ROW * len(rows) for _, rows in parts)
    drawing = Drawing("hilum's speed beside its peers", _in_words(compared), height)
    drawing.box((0, 0), (WIDTH, height), "paper")
    top = 8.0
    for title, rows in parts:
        top = _part(drawing, title, rows, top)
    drawing.line((_LEFT + 1, top + 10), (_LEFT + 1, top + 22), "wanted")
    drawing.text((_LEFT + 10, top + 20), "what is wanted; orange: it was missed", kind="soft")
    style = f"<style>{_STYLE}</style></svg>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing.markup("speed")}'.replace(
        "</svg>", style
    )


def _part(drawing: Drawing, title: str, rows: Sequence[Row], top: float) -> float:
    """Draw one axis with its rows below `top`; return where it ends."""
    numbers = [value for row in rows for value in (row.ratio, row.target) if value]
    low, high = _ends(numbers)

    def place(value: float) -> float:
        share = math.log(value / low) / math.log(high / low)
        return _LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _NUMBER - _LEFT)

    floor = top + 40 + _ROW * len(rows)
    drawing.text((_LEFT, top + 14), title, kind="name")
    for tick in _ticks(low, high):
        at = place(tick)
        drawing.line((at, top + 36), (at, floor), "one" if tick == 1 else "grid")
        drawing.text(
            (at, top + 31), plain(tick), kind="soft", anchor="middle" if at > 20 else "start"
        )
    for number, row in enumerate(rows):
        _bar(drawing, row, place, top + 40 + _ROW * number)
    return floor + 12


def _bar(drawing: Drawing, row: Row, place: object, y: float) -> None:
    at = place if callable(place) else float
    ratio = row.ratio or 1.0
    drawing.text((_LEFT, y + 11), row.claim, room=1.15 * (_RIGHT - _LEFT))
    drawing.text((_LEFT, y + 11 + _PEER), f"beside {row.peer}", kind="soft", room=_RIGHT - _LEFT)
    y += _PEER
    start, end = sorted((at(1.0), at(ratio)))
    kind = "missed" if row.met is False else "bar"
    drawing.box((start, y + 16), (max(end - start, 1.5), _BAR), kind)
    if row.target:
        mark = at(row.target)
        drawing.line((mark, y + 13), (mark, y + 16 + _BAR + 3), "wanted")
    shown = f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2f}"
    drawing.text((_RIGHT, y + 16 + _BAR), shown, anchor="end")


def _ends(numbers: Sequence[float]) -> tuple[float, float]:
    """Return ends of a logarithmic axis that hold 1 and every number, with some room."""
    low, high = min([1.0, *numbers]), max([1.0, *numbers])
    if high / low < 2:
        return low / 1.15, high * 1.15
    return low / 1.1 if low < 1 else low, high * 1.1


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers along a logarithmic axis, few enough to be read."""
    if high / low < 2:
        return [tick for tick in (0.9, 1.0, 1.1, 1.2) if low <= tick <= high]
    steps = (1, 2, 5) if high / low < 200 else (1, 10)
    found = [10.0**power * step for power in range(-3, 7) for step in steps]
    return sorted({tick for tick in found if low <= tick <= high})


def _in_words(rows: Sequence[Row]) -> str:
    said = [
        f"{row.claim}: {row.ratio:.3g}{f', wanted {row.target:g}' if row.target else ''}"
        for row in rows
    ]
    return "; ".join(said)
