"""Estimates as points with whiskers, one row each, on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilum.report.numbers import estimate_text, n_text
from hilum.report.svg.canvas import WIDTH, Drawing, width_of
from hilum.report.svg.scale import Scale, plain

__all__ = ["interval_rows"]

_ROW = 38
_LEFT, _RIGHT = 8, WIDTH - 8
_LINE = 15


def interval_rows(
    title: str,
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    axis: str,
    limits: tuple[float, float] = (0.0, 1.0),
    references: Sequence[tuple[str, float]] = (),
    strong: frozenset[int] = frozenset(),
) -> Drawing:
    """Draw a point and its whiskers for each row; what has no limits has no whiskers, and says so.

    Args:
        title: What is shown.
        rows: Label and estimate, as `Estimate.to_dict` gives it.
        axis: What is measured.
        limits: Ends of the axis.
        references: Named lines across all rows.
        strong: Numbers of the rows drawn in the second colour.
    """
    words = [f"{label}: {_words(value)}" for label, value in rows]
    words += [f"line at {value:.3g}: {label}" for label, value in references]
    top = 8 + _LINE * len(references)
    bottom = top + _ROW * len(rows) + 4
    drawing = Drawing(title, f"{axis}. {'; '.join(words)}.", bottom + 40)
    scale = Scale(*limits, _LEFT, _RIGHT)
    for tick in scale.ticks():
        x = scale.place(tick)
        drawing.line((x, top), (x, bottom), "grid")
        drawing.text((x, bottom + 15), plain(tick), kind="soft", anchor=_anchor(x))
    drawing.text((WIDTH / 2, bottom + 32), axis, kind="soft", anchor="middle")
    for number, (label, at) in enumerate(references):
        _reference(drawing, scale, f"{label} {at:.3g}", (at, 12 + _LINE * number, bottom))
    for number, (label, value) in enumerate(rows):
        _row(drawing, scale, top + _ROW * number, label, value, series=int(number in strong))
    return drawing


def _anchor(x: float) -> str:
    return "start" if x < _LEFT + 12 else "end" if x > _RIGHT - 12 else "middle"


def _reference(
    drawing: Drawing, scale: Scale, words: str, place: tuple[float, float, float]
) -> None:
    value, y, bottom = place
    x = scale.place(value)
    drawing.line((x, y + 3), (x, bottom), "reference")
    left = x > WIDTH / 2
    at, anchor = (x - 4, "end") if left else (x + 4, "start")
    drawing.text((at, y), words, kind="soft", anchor=anchor, room=(x if left else WIDTH - x) - 8)


def _row(
    drawing: Drawing,
    scale: Scale,
    y: float,
    label: str,
    value: Mapping[str, Any],
    *,
    series: int,
) -> None:
    said = _words(value)
    shown = min(width_of(said), WIDTH * 0.62)
    drawing.text((_LEFT, y + 13), label, kind="name", room=WIDTH - 2 * _LEFT - shown - 8)
    drawing.text((_RIGHT, y + 13), said, anchor="end", room=shown + 8)
    middle = y + 25
    drawing.line((_LEFT, middle), (_RIGHT, middle), "track")
    if value["low"] is not None and value["high"] is not None:
        low, high = scale.place(value["low"]), scale.place(value["high"])
        drawing.line((low, middle), (high, middle), f"whisker s{series}")
        for x in (low, high):
            drawing.line((x, middle - 4), (x, middle + 4), f"whisker s{series}")
    if value["estimate"] is not None:
        drawing.mark((scale.place(value["estimate"]), middle), series)


def _words(value: Mapping[str, Any]) -> str:
    limited = value["estimate"] is None or (value["low"] is not None and value["high"] is not None)
    return f"{estimate_text(value)}{'' if limited else ', no limits'}, {n_text(value)}"
