"""What a page is made of: sections of prose, facts, tables, figures and pictures of films."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hilum.report.svg.canvas import Drawing
from hilum.report.whole.sheet import Sheet

__all__ = ["Block", "Code", "Facts", "Film", "Films", "Fold", "Grid", "Lights", "Prose", "Section"]


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs, or a list. `style`: plain, lead, soft, warning or list."""

    kind: ClassVar[str] = "prose"
    texts: Sequence[str]
    style: str = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are; a value may be code."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]
    code: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """Text as it was typed or written."""

    kind: ClassVar[str] = "code"
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Figures side by side where there is room: each with what is to be seen in it."""

    kind: ClassVar[str] = "grid"
    figures: Sequence[tuple[Drawing, str]]


@dataclass(frozen=True, slots=True)
class Film:
    """A picture inside the page.

    Args:
        source: Data URI.
        width: In pixels.
        height: In pixels.
        caption: What is seen.
    """

    source: str
    width: int
    height: int
    caption: str


@dataclass(frozen=True, slots=True)
class Films:
    """Pictures of films side by side; their greys are never turned or tinted."""

    kind: ClassVar[str] = "films"
    films: Sequence[Film]
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Lights:
    """How many checks of an audit ended how: a word and a shape each, worst first."""

    kind: ClassVar[str] = "lights"
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Fold:
    """What only some want to see; on paper it is open."""

    kind: ClassVar[str] = "fold"
    title: str
    blocks: Sequence[Any]


Block = Prose | Facts | Code | Grid | Films | Lights | Fold | Sheet


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it.

    Args:
        ident: Of the anchor; once on a page.
        title: The heading.
        blocks: In order.
        level: Of the heading, 2 to 4.
        verdict: Of an audit's check.
    """

    ident: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
    level: int = 3
    verdict: str = ""

    def sheets(self) -> Iterator[Sheet]:
        """Return the tables in order, those in folds too."""
        yield from _sheets(self.blocks)


def _sheets(blocks: Sequence[Block]) -> Iterator[Sheet]:
    for block in blocks:
        if isinstance(block, Sheet):
            yield block
        elif isinstance(block, Fold):
            yield from _sheets(block.blocks)
