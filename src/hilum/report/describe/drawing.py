"""How the pictures of a data set look: one colour, one letter, one hatch a class.

The first three colours differ in lightness, and those beyond are hatched, so that they can be told
apart in grey print and by colour-blind eyes; the letters are for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilum.report.figures import _figure as blank
from hilum.report.figures import _plain as short
from hilum.report.figures import _save as save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "GREY",
    "INK",
    "UNKNOWN_FILL",
    "Mark",
    "Picture",
    "blank",
    "legend",
    "marks",
    "percent",
    "quiet",
    "save",
    "short",
]

INK = "#1c2127"
GREY = "#5c6670"

_FILLS = ("#0072B2", "#E69F00", "#3B3B3B", "#D98CB3", "#D55E00", "#56B4E9", "#009E73", "#F0E442")
UNKNOWN_FILL = "#D9DCDF"
_LIGHT = {"#E69F00", "#F0E442", "#56B4E9", "#D98CB3", UNKNOWN_FILL}
_HATCHES = ("", "////", "....")
_PLAIN_FILLS = 3


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


@dataclass(frozen=True, slots=True)
class Picture:
    """A file of the folder and what the page says of it.

    Args:
        file: Name of the PNG.
        caption: What is seen.
        alt: The same for who cannot see it, with the numbers that matter.
        film: Whether it shows radiographs, whose greys must never be turned or tinted.
        wide: Whether it needs the page's whole width.
    """

    file: str
    caption: str
    alt: str
    film: bool = False
    wide: bool = False


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
