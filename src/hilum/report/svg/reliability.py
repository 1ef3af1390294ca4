"""How often what is said comes true, in bins of what is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hilum.report.svg.canvas import Drawing
from hilum.report.svg.lines import Frame

__all__ = ["reliability_chart"]

_SIDE = 270
_TALLEST = 0.25
_UNIT = (0.0, 1.0)


def reliability_chart(
    title: str, bins: Mapping[str, Any], *, series: int = 0, x: str = "Probability said"
) -> Drawing:
    """Draw share that is true over probability said, with limits and the films of each bin.

    Args:
        title: What is shown.
        bins: As `ClassReliability.to_dict` gives them: edges, count, said, true, low, high.
        series: Colour and shape of the points.
        x: Name of the axis.
    """
    rows = list(
        zip(bins["count"], bins["said"], bins["true"], bins["low"], bins["high"], strict=True)
    )
    filled = [row for row in rows if row[0]]
    said = [
        f"said {s:.2f}, true {t:.2f}{'' if lo is None else f' ({lo:.2f} to {hi:.2f})'}, n {n:,}"
        for n, s, t, lo, hi in filled
    ]
    frame = Frame.of(_UNIT, _UNIT, height=_SIDE)
    drawing = Drawing(title, f"{title}. {'; '.join(said) or 'No film'}.", frame.below + 26)
    frame.draw(drawing, x, "Share that is true")
    drawing.line(frame.at(0, 0), frame.at(1, 1), "reference")
    most = max([1, *bins["count"]])
    for number, count in enumerate(bins["count"]):
        left, right = bins["edges"][number], bins["edges"][number + 1]
        x0, top = frame.at(left, _TALLEST * count / most)
        x1, floor = frame.at(right, 0)
        drawing.box((x0 + 1, top), (x1 - x0 - 2, floor - top), "pale")
        if count:
            drawing.text(((x0 + x1) / 2, floor - 4), f"{count:,}", kind="tiny", anchor="middle")
    for _, at, _, low, high in filled:
        if low is not None and high is not None:
            drawing.line(frame.at(at, low), frame.at(at, high), f"whisker s{series}")
    drawing.curve([frame.at(at, true) for _, at, true, _, _ in filled], series)
    for _, at, true, _, _ in filled:
        drawing.mark(frame.at(at, true), series)
    total = sum(bins["count"])
    drawing.text((8, frame.below + 14), f"n {total:,}; pale bars: films in each bin; dashed: as "
                 "often true as said", kind="soft")  # fmt: skip
    return drawing
