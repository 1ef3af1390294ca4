"""Error rates of groups as figures of the page: one for each property that images share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilum.report.svg import WIDTH, Drawing, Scale

__all__ = ["VALUES", "rate_charts"]

VALUES = 8
"""Values of a property that are drawn, those of most images first."""

_ROW = 22
_NAMES = 190
_RIGHT = WIDTH - 10
_TOP = 6


def rate_charts(groups: Sequence[Mapping[str, Any]], overall: float) -> list[tuple[str, Drawing]]:
    """Draw the error rate of each group with its limits, beside what its classes would give.

    Args:
        groups: As the record holds them; all are drawn on one scale.
        overall: The error rate of all images.

    Returns:
        The name of each property, and its figure.
    """
    values = [value for group in groups for value in group["values"][:VALUES]]
    highest = max([overall, *(value["high"] or value["rate"] for value in values)])
    scale = Scale(0.0, min(1.0, 1.05 * highest) or 1.0, _NAMES, _RIGHT)
    return [(group["column"], _chart(group, overall, scale)) for group in groups]


def _chart(group: Mapping[str, Any], overall: float, scale: Scale) -> Drawing:
    values = group["values"][:VALUES]
    bottom = _TOP + _ROW * len(values)
    drawing = Drawing(f"Error rates by {group['column']}", _told(values, overall), bottom + 38)
    for tick in scale.ticks(5):
        x = scale.place(tick)
        drawing.line((x, _TOP), (x, bottom), "grid")
        drawing.text((x, bottom + 15), f"{100 * tick:.3g} %", kind="soft", anchor="middle")
    words = "share of images called wrongly"
    drawing.text(((_NAMES + _RIGHT) / 2, bottom + 32), words, kind="soft", anchor="middle")
    x = scale.place(overall)
    drawing.line((x, _TOP), (x, bottom), "reference")
    for number, value in enumerate(values):
        _row(drawing, scale, _TOP + _ROW * (number + 0.5), value)
    return drawing


def _row(drawing: Drawing, scale: Scale, y: float, value: Mapping[str, Any]) -> None:
    count = f"n = {value['images']:,}"
    drawing.text((0, y + 4), str(value["value"]), room=_NAMES - 82)
    drawing.text((_NAMES - 12, y + 4), count, kind="soft", anchor="end")
    if value["low"] is not None:
        ends = [(scale.place(value[end]), y) for end in ("low", "high")]
        drawing.line(ends[0], ends[1], "whisker s0")
    at = scale.place(value["expected"])
    drawing.line((at, y - 8), (at, y + 8), "whisker s5")
    drawing.mark((scale.place(value["rate"]), y), 0)


def _told(values: Sequence[Mapping[str, Any]], overall: float) -> str:
    rows = [
        f"{value['value']}: {value['wrong']} of {value['images']} images, {value['rate']:.1%}, "
        f"its classes would give {value['expected']:.1%}"
        for value in values
    ]
    return f"{'; '.join(rows)}. All images: {overall:.1%}."
