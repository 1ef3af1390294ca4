"""The sheet a figure is drawn on: shapes in, escaped SVG text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

__all__ = ["LETTER", "SERIES", "WIDTH", "Drawing", "cut", "width_of"]

WIDTH = 420
"""Of every figure in its own units, which are CSS pixels where there is room: a phone's width."""

SERIES = 6
"""Colours there are; a series beyond begins again with other dashes."""

LETTER = 12
"""Height of letters."""

_DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 5", "1 2 6 2")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LONGEST_WORDS = 1200


class Drawing:
    """A figure under construction.

    Args:
        title: What it shows, read aloud first and shown on hovering.
        description: The same with the numbers that matter.
        height: In the units of `WIDTH`.
    """

    def __init__(self, title: str, description: str, height: float) -> None:
        self.title = title
        self.description = cut(description, _LONGEST_WORDS)
        self.height = height
        self._parts: list[str] = []

    def markup(self, ident: str) -> Markup:
        """Return the SVG element.

        Args:
            ident: Begins its ids; no other figure of the page may have it.
        """
        names = (f"{ident}-t", f"{ident}-d")
        head = (
            f'<svg class="figure" viewBox="0 0 {WIDTH} {self.height:.0f}" role="img" '
            f'xmlns="http://www.w3.org/2000/svg" aria-labelledby="{names[0]} {names[1]}">'
            f'<title id="{names[0]}">{_said(self.title)}</title>'
            f'<desc id="{names[1]}">{_said(self.description)}</desc>'
        )
        return Markup(f"{head}{''.join(self._parts)}</svg>")  # noqa: S704  every part is escaped

    def line(self, start: tuple[float, float], end: tuple[float, float], kind: str) -> None:
        """Draw a straight line; `kind` is a class of the style."""
        (x1, y1), (x2, y2) = start, end
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'
        )

    def box(
        self, corner: tuple[float, float], size: tuple[float, float], kind: str, opacity: float = 1
    ) -> None:
        """Draw a filled rectangle from its upper left corner."""
        shade = "" if opacity == 1 else f' fill-opacity="{opacity:.3f}"'
        self._parts.append(
            f'<rect x="{corner[0]:.1f}" y="{corner[1]:.1f}" width="{max(0.0, size[0]):.1f}" '
            f'height="{max(0.0, size[1]):.1f}" class="{kind}"{shade}/>'
        )

    def text(
        self,
        place: tuple[float, float],
        words: str,
        *,
        kind: str = "",
        anchor: str = "start",
        room: float | None = None,
    ) -> None:
        """Write words, cut to `room`; the whole of what was cut is shown on hovering."""
        shown = words if room is None else cut(words, max(1, int(room / width_of("n"))))
        whole = "" if shown == words else f"<title>{_said(words)}</title>"
        self._parts.append(
            f'<text x="{place[0]:.1f}" y="{place[1]:.1f}" text-anchor="{anchor}"'
            f"{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{_said(shown)}{whole}</text>"
        )

    def upright(self, place: tuple[float, float], words: str) -> None:
        """Write words from below upwards, centred."""
        x, y = place
        self._parts.append(
            f'<text transform="translate({x:.1f} {y:.1f}) rotate(-90)" text-anchor="middle" '
            f'class="soft">{_said(words)}</text>'
        )

    def curve(self, points: Sequence[tuple[float, float]], series: int) -> None:
        """Draw a line through points in the colour and dashes of a series."""
        dash = _DASHES[series % len(_DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<path d="{_way(points)}" class="curve s{series % SERIES}"{dashed}/>' if points else ""
        )

    def band(self, points: Sequence[tuple[float, float]], series: int) -> None:
        """Fill an outline in the pale colour of a series."""
        self._parts.append(f'<path d="{_way(points)}Z" class="band f{series % SERIES}"/>')

    def mark(self, place: tuple[float, float], series: int, size: float = 4.5) -> None:
        """Draw the point of a series: each has its own shape."""
        x, y = place
        kind = f'class="mark f{series % SERIES}"'
        shape = series % 4
        if shape == 0:
            self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" {kind}/>')
            return
        corners: tuple[tuple[float, float], ...] = {
            1: ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
            2: ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
            3: ((0, -1.2), (1.2, 0.9), (-1.2, 0.9)),
        }[shape]
        way = _way([(x + size * dx, y + size * dy) for dx, dy in corners])
        self._parts.append(f'<path d="{way}Z" {kind}/>')

    def key(self, place: tuple[float, float], series: int, words: str, room: float) -> None:
        """Name a series beside a sample of its line and point."""
        x, y = place
        self.curve([(x, y - 4), (x + 24, y - 4)], series)
        self.mark((x + 12, y - 4), series, 3.6)
        self.text((x + 31, y), words, room=room - 31)


def width_of(words: str) -> float:
    """Return how wide words come out at most in the usual fonts."""
    return 0.58 * LETTER * len(words)


def cut(words: str, most: int) -> str:
    """Return words no longer than `most` letters.

    >>> cut("pneumonia", 5)
    'pneu…'
    """
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _way(points: Iterable[tuple[float, float]]) -> str:
    """Return the data of a path, each place once."""
    said: list[str] = []
    for x, y in points:
        here = f"{x:.1f} {y:.1f}"
        if not said or here != said[-1]:
            said.append(here)
    return f"M{'L'.join(said)}"


def _said(words: str) -> str:
    """Escape, and take away what no XML may hold."""
    return str(escape(_UNSEEN.sub("\ufffd", words)))
