"""Curves over a quantity, with whiskers where points are few and a band where they are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from hilum.report.svg.canvas import WIDTH, Drawing, width_of
from hilum.report.svg.scale import Scale, nice_ticks, plain

__all__ = ["Curve", "Frame", "line_chart"]

_LEFT, _RIGHT, _TOP = 52, WIDTH - 10, 10
_LINE = 17
_MANY = 16
_KEY = WIDTH - 16

Point = tuple[float, float, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart.

    Args:
        label: Its name, with n.
        points: (x, y, lower limit, upper limit), x rising; limits None where there are none.
    """

    label: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Frame:
    """The rectangle that curves lie in."""

    x: Scale
    y: Scale

    @classmethod
    def of(
        cls, x: tuple[float, float], y: tuple[float, float], *, top: float = _TOP, height: float
    ) -> Frame:
        """Return a frame as wide as a figure, between two ends along each axis."""
        return cls(Scale(*_apart(x), _LEFT, _RIGHT), Scale(*_apart(y), top + height, top))

    @property
    def below(self) -> float:
        """Where the text below the axis ends."""
        return self.y.start + 42

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point."""
        return self.x.place(x), self.y.place(y)

    def draw(
        self, drawing: Drawing, x_name: str, y_name: str, x_ticks: Sequence[float] = ()
    ) -> None:
        """Draw grid, ticks and the names of the axes."""
        for tick in self.y.ticks(5):
            y = self.y.place(tick)
            drawing.line((_LEFT, y), (_RIGHT, y), "grid")
            drawing.text((_LEFT - 6, y + 4), plain(tick), kind="soft", anchor="end")
        for tick in x_ticks or self.x.ticks(6):
            x = self.x.place(tick)
            drawing.line((x, self.y.start), (x, self.y.end), "grid")
            drawing.text((x, self.y.start + 16), plain(tick), kind="soft", anchor="middle")
        middle = (self.y.start + self.y.end) / 2
        drawing.text(
            ((_LEFT + _RIGHT) / 2, self.y.start + 34), x_name, kind="soft", anchor="middle"
        )
        drawing.upright((12, middle), y_name)


def line_chart(
    title: str,
    curves: Sequence[Curve],
    *,
    x: str,
    y: str,
    limits: tuple[float, float] | None = None,
    references: Sequence[tuple[str, float]] = (),
    height: float = 210,
    words: str = "",
) -> Drawing:
    """Draw curves in one frame, each named below it.

    Args:
        title: What is shown.
        curves: At least one with a point.
        x: What runs along the axis.
        y: What is measured.
        limits: Ends of the upright axis, beyond which curves are cut off; those of the values by
            default.
        references: Named level lines.
        height: Of the frame.
        words: For the description; the values of each curve by default.

    Raises:
        ValueError: If there is no point.
    """
    places = [point for curve in curves for point in curve.points]
    if not places:
        raise ValueError(f"{title!r} has no point to draw")
    ends = limits or _ends(places, [value for _, value in references])
    frame = Frame.of((min(p[0] for p in places), max(p[0] for p in places)), ends, height=height)
    named = [*[("", label) for label, _ in references], *[(c.label, "") for c in curves]]
    drawing = Drawing(
        title, words or _in_words(curves, x, y, references), frame.below + 4 + _LINE * len(named)
    )
    frame.draw(drawing, x, y, _own_ticks(places, frame))
    for _, value in references:
        drawing.line(frame.at(frame.x.low, value), frame.at(frame.x.high, value), "reference")
    many = any(len(curve.points) > _MANY for curve in curves)
    for number, curve in enumerate(curves):
        _draw(drawing, frame, curve, number, many=many)
    legend(drawing, frame.below + 12, [curve.label for curve in curves],
           [f"{label} {plain(round(value, 4))}" for label, value in references])  # fmt: skip
    return drawing


def legend(
    drawing: Drawing, y: float, labels: Sequence[str], references: Sequence[str] = ()
) -> None:
    """Name curves, then level lines, one below the other."""
    for number, label in enumerate(labels):
        drawing.key((8, y + _LINE * number), number, label, _KEY)
    for number, label in enumerate(references, start=len(labels)):
        at = y + _LINE * number
        drawing.line((8, at - 4), (32, at - 4), "reference")
        drawing.text((39, at), label, room=_KEY - 31)


def _draw(drawing: Drawing, frame: Frame, curve: Curve, number: int, *, many: bool) -> None:
    limited = [(x, lo, hi) for x, _, lo, hi in curve.points if lo is not None and hi is not None]
    if many and len(limited) > 1:
        over = [frame.at(x, high) for x, _, high in limited]
        under = [frame.at(x, low) for x, low, _ in reversed(limited)]
        drawing.band([*over, *under], number)
    elif not many:
        for x, low, high in limited:
            drawing.line(frame.at(x, low), frame.at(x, high), f"whisker s{number % 6}")
    for inside, run in groupby(curve.points, lambda point: frame.y.holds(point[1])):
        places = [frame.at(x, y) for x, y, _, _ in run]
        if inside:
            drawing.curve(places, number)
            for place in [] if many else places:
                drawing.mark(place, number)


def _ends(places: Sequence[Point], levels: Sequence[float]) -> tuple[float, float]:
    """Return round ends that hold every value and limit."""
    values = [v for _, *three in places for v in three if v is not None]
    low, high = _apart((min([*values, *levels]), max([*values, *levels])))
    ticks = nice_ticks(low, high, 5)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    return (
        ticks[0] if low >= ticks[0] - 1e-9 else ticks[0] - step,
        ticks[-1] if high <= ticks[-1] + 1e-9 else ticks[-1] + step,
    )


def _apart(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    room = 0.5 * max(abs(low), 1e-6)
    return (low, high) if high > low else (low - room, high + room)


def _own_ticks(places: Sequence[Point], frame: Frame) -> list[float]:
    """Return the points' own places where they are few and their labels do not meet."""
    found = sorted({point[0] for point in places})
    if not 1 < len(found) <= 8:
        return []
    at = [frame.x.place(value) for value in found]
    near = min(b - a for a, b in pairwise(at))
    return found if near > max(width_of(plain(v)) for v in found) + 4 else []


def _in_words(
    curves: Sequence[Curve], x: str, y: str, references: Sequence[tuple[str, float]]
) -> str:
    said = [f"{y} over {x}"]
    for curve in curves:
        step = max(1, len(curve.points) // 8)
        shown = ", ".join(f"{p[1]:.3g} at {p[0]:.3g}" for p in list(curve.points)[::step])
        said.append(f"{curve.label}: {shown}")
    said += [f"line at {value:.3g}: {label}" for label, value in references]
    return f"{'. '.join(said)}."
