"""Text on overlays: set in Pillow's own font, cut to fit, in characters the font has."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageDraw, ImageFont

__all__ = ["AMBER", "BACKGROUND", "DIM", "FAINT", "TEXT", "Lettering", "plain_text"]

Colour = tuple[int, int, int]
BACKGROUND: Colour = (16, 18, 22)
TEXT: Colour = (238, 240, 244)
DIM: Colour = (160, 166, 176)
FAINT: Colour = (52, 56, 64)
AMBER: Colour = (255, 184, 76)
_MARGIN = 18
_PUNCTUATION = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")


def plain_text(text: str) -> str:
    """Return text in printable ASCII, the characters that Pillow's own font has.

    >>> plain_text("Pneumothorax gauche (à voir)")
    'Pneumothorax gauche (a voir)'
    """
    split = unicodedata.normalize("NFKD", text.translate(_PUNCTUATION))
    letters = "".join(letter for letter in split if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in letters)


class Lettering:
    """Write lines of text on a picture.

    Args:
        draw: What to draw with.
        room: Width in pixels between the margins.
    """

    def __init__(self, draw: ImageDraw.ImageDraw, room: int) -> None:
        self._draw = draw
        self.room = room

    def left(
        self, text: str, y: int, *, size: int, colour: Colour = TEXT, room: int | None = None
    ) -> int:
        """Write from the left margin, at most `room` pixels; return the width used."""
        return self._write(
            text, y, size, colour, room=self.room if room is None else room, end=None
        )

    def right(
        self, text: str, y: int, *, size: int, colour: Colour = TEXT, room: int | None = None
    ) -> int:
        """Write up to the right margin, at most `room` pixels; return the width used."""
        room = self.room if room is None else room
        return self._write(text, y, size, colour, room=room, end=_MARGIN + self.room)

    def ending_at(self, x: int, text: str, y: int, *, size: int, colour: Colour = TEXT) -> int:
        """Write so that the text ends at `x`; return the width used."""
        return self._write(text, y, size, colour, room=self.room, end=x)

    def box(self, text: str, y: int, *, size: int) -> None:
        """Write in the middle on a dark box."""
        shown, font = _fitted(text, size, self.room - 24)
        width = font.getlength(shown)
        x = _MARGIN + (self.room - width) / 2
        self._draw.rectangle((x - 12, y - 6, x + width + 12, y + size + 10), fill=BACKGROUND)
        self._draw.text((x, y), shown, font=font, fill=TEXT)

    def _write(
        self, text: str, y: int, size: int, colour: Colour, *, room: int, end: int | None
    ) -> int:
        shown, font = _fitted(text, size, room)
        width = font.getlength(shown)
        x = _MARGIN if end is None else end - width
        self._draw.text((x, y), shown, font=font, fill=colour)
        return round(width)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType, which overlays need for text")
    return font


def _fitted(text: str, size: int, room: float) -> tuple[str, ImageFont.FreeTypeFont]:
    """Return the text, cut with dots to at most `room` pixels, and its font."""
    font, shown = _font(size), plain_text(text)
    if font.getlength(shown) <= room:
        return shown, font
    while shown and font.getlength(shown + "...") > room:
        shown = shown[:-1]
    return shown + "...", font
