"""A number as it was printed, and the values that its digits leave open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Printed", "looks_like_percent"]

_NUMBER = re.compile(r"^([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(%?)$")
_SPREAD = re.compile(r"\s*(?:±|\+/-|\+-)\s*")
_TOLERANCE = 1e-12
"""What floating point may add to a value that lies exactly between two printed ones."""


@dataclass(frozen=True, slots=True)
class Printed:
    """One number of a table, with its digits.

    Rounding may have gone either way at a tie, so both ends of the interval belong to it.

    >>> Printed.parse("0.95").low, Printed.parse("95", percent=True).high
    (0.945, 0.955)
    """

    text: str
    """As it stands in the table, without its spread."""

    value: float
    """As a share: 0.953 for 95.3 %. Numbers that are no shares are left as they are."""

    step: float
    """Value of one unit of the last digit."""

    percent: bool
    """Whether it is printed in hundredths."""

    spread: Printed | None = None
    """What stands behind the plus-minus sign."""

    @classmethod
    def parse(cls, text: str, *, percent: bool = False) -> Printed:
        """Read a number such as 0.953, 95.3, "95.3 %" or "95.3 ± 0.2".

        Args:
            text: The number; a sign of percent in it overrules `percent`.
            percent: Whether it stands in hundredths.

        Raises:
            ValueError: If it is no number.
        """
        number, *spread = _SPREAD.split(text.strip(), maxsplit=1)
        found = _NUMBER.match(number.strip())
        if found is None:
            hint = " Write decimals with a point." if "," in number else ""
            raise ValueError(f"expected a number such as 0.953 or 95.3 %, got {text!r}.{hint}")
        digits, sign = found.groups()
        percent = percent or sign == "%" or "%" in text
        places = len(digits.partition(".")[2])
        scale = Fraction(1, 100 if percent else 1)
        return cls(
            text=f"{digits} %" if sign else digits,
            value=float(Fraction(digits) * scale),
            step=float(Fraction(1, 10**places) * scale),
            percent=percent,
            spread=cls.parse(spread[0], percent=percent) if spread else None,
        )

    @property
    def places(self) -> int:
        """Return how many digits stand behind the point."""
        return len(self.text.removesuffix(" %").partition(".")[2])

    @property
    def low(self) -> float:
        """Return the smallest value that rounds to it."""
        return self.value - self.step / 2

    @property
    def high(self) -> float:
        """Return the largest value that rounds to it."""
        return self.value + self.step / 2

    def fits(self, value: float) -> bool:
        """Tell whether a value may have been rounded to this."""
        return self.low - _TOLERANCE <= value <= self.high + _TOLERANCE

    def show(self, value: float) -> str:
        """Return a value with as many digits, in the same unit."""
        shown = f"{value * (100 if self.percent else 1):.{self.places}f}"
        return f"{shown} %" if self.text.endswith("%") else shown


def looks_like_percent(text: str) -> bool:
    """Tell whether a number must be in hundredths: it is above 1, or says so.

    >>> looks_like_percent("95.3"), looks_like_percent("0.953")
    (True, False)
    """
    if "%" in text:
        return True
    found = _NUMBER.match(_SPREAD.split(text.strip())[0])
    return found is not None and float(found.group(1)) > 1
