"""How every picture of hilum looks: its canvas, its letters, its colours, and how it is saved.

Drawn with matplotlib's Figure objects and never with pyplot, so that pictures need no display, hold
no global state and may be made in any thread. One colour, one letter, one hatch a class: the first
three colours differ in lightness, and those beyond are hatched, so that they can be told apart in
grey print and by colour-blind eyes; the letters are for everybody.

Matplotlib and what it brings are 75 MB, so it is the extra `figures`: without it the folders of an
evaluation, a comparison and a calibration are written without pictures.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hilum.data.atomic import replacing
from hilum.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "GREY",
    "INK",
    "NO_PICTURES",
    "UNKNOWN_FILL",
    "Mark",
    "Target",
    "blank",
    "can_draw",
    "legend",
    "marks",
    "percent",
    "quiet",
    "require_drawing",
    "save",
    "short",
]

NO_PICTURES = (
    "Without pictures: matplotlib is not installed. Install it with: pip install 'hilum[figures]'"
)
INK = "#1c2127"
GREY = "#5c6670"

_FILLS = ("#0072B2", "#E69F00", "#3B3B3B", "#D98CB3", "#D55E00", "#56B4E9", "#009E73", "#F0E442")
UNKNOWN_FILL = "#D9DCDF"
_LIGHT = {"#E69F00", "#F0E442", "#56B4E9", "#D98CB3", UNKNOWN_FILL}
_HATCHES = ("", "////", "....")
_PLAIN_FILLS = 3
_DPI = 150
_LONGEST = 24

Target = Path | BinaryIO
"""A PNG file to write, or an open binary file."""


def can_draw() -> bool:
    """Say whether matplotlib is installed, without importing it."""
    return importlib.util.find_spec("matplotlib") is not None


def require_drawing() -> None:
    """Refuse work that ends in pictures before it begins.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    if not can_draw():
        raise MissingExtraError("matplotlib", "figures")


def blank(width: float, height: float) -> Figure:
    """Return an empty figure.

    Args:
        width: In inches of 150 pixels.
        height: Likewise.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    require_drawing()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, out: Target) -> None:
    """Write a figure as PNG, whole or not at all, with "Research use only" in its corner."""
    figure.supxlabel("Research use only", fontsize=7, color="#767676", x=0.99, ha="right")
    if not isinstance(out, Path):
        figure.savefig(out, format="png", metadata={"Software": None})
        return
    with replacing(out) as file:
        figure.savefig(file, format="png", metadata={"Software": None})


def short(name: str) -> str:
    r"""Return a name short enough for a label, in which $ is a dollar and not mathematics.

    >>> short("covid"), short("a$b")
    ('covid', 'a\\$b')
    """
    cut = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return cut.replace("$", r"\$")


@dataclass(frozen=True, slots=True)
class Mark:
    """How a class is drawn."""

    letter: str
    fill: str
    hatch: str

    @property
    def on_fill(self) -> str:
        """The colour of text on the fill."""
        return INK if self.fill in _LIGHT else "white"

    def bar(self) -> dict[str, Any]:
        """Return what matplotlib draws a filled shape with."""
        return {
            "facecolor": self.fill,
            "hatch": self.hatch,
            "edgecolor": "white",
            "linewidth": 0.8,
        }


def marks(classes: tuple[str, ...]) -> dict[str, Mark]:
    """Return a mark for each class: the first letter of its name that is still free.

    >>> [mark.letter for mark in marks(("normal", "nodule", "covid")).values()]
    ['N', 'O', 'C']
    """
    taken: dict[str, Mark] = {}
    spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    used: set[str] = set()
    for number, name in enumerate(classes):
        candidates = [c for c in name.upper() if c in spare] + [*spare]
        letter = next((c for c in candidates if c not in used), "?")
        used.add(letter)
        fill = _FILLS[number % len(_FILLS)]
        layer = number // len(_FILLS) + (number >= _PLAIN_FILLS)
        taken[name] = Mark(letter, fill, _HATCHES[min(layer, len(_HATCHES) - 1)])
    return taken


def percent(share: float) -> str:
    r"""Return a share as whole percents that never round to all or nothing.

    >>> percent(0.998), percent(1.0), percent(0.001)
    ('>99\xa0%', '100\xa0%', '<1\xa0%')
    """
    if 0 < share < 0.005:
        return "<1\u00a0%"
    if 0.995 <= share < 1:
        return ">99\u00a0%"
    return f"{share:.0%}".replace("%", "\u00a0%")


def legend(figure: Figure, columns: Sequence[str], marks: Mapping[str, Mark]) -> None:
    """Name classes or values with their colours, below the picture."""
    from matplotlib.patches import Patch

    handles = [
        Patch(label=_legend_text(name, marks[name]), **marks[name].bar()) for name in columns
    ]
    longest = max(len(_legend_text(name, marks[name])) for name in columns)
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=max(1, min(len(handles), int(figure.get_figwidth() / (0.6 + 0.08 * longest)))),
        fontsize=9,
        frameon=False,
        handlelength=1.4,
    )


def _legend_text(name: str, mark: Mark) -> str:
    """Return a class's letter and name, or its name alone where the bars write it out."""
    return short(name) if mark.letter == name else f"{mark.letter}  {short(name)}"


def quiet(axes: Axes, *, keep: tuple[str, ...] = ("bottom",)) -> None:
    """Take away the frame of a chart but for the sides in `keep`."""
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(side in keep)
    axes.tick_params(length=0 if not keep else 3, colors=GREY, labelcolor=INK)
