"""From numbers to places, and which numbers to write along an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Scale", "nice_ticks", "plain"]


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight axis.

    Args:
        low: Number at `start`.
        high: Number at `end`; above `low`.
        start: Place of `low`.
        end: Place of `high`.
    """

    low: float
    high: float
    start: float
    end: float

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if not all(map(math.isfinite, ends)) or self.low >= self.high:
            raise ValueError(f"An axis must rise between finite ends, got {ends}")

    def place(self, value: float) -> float:
        """Return where a number stands; one beyond the ends stands at the end."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Say whether a number lies between the ends."""
        return self.low <= value <= self.high

    def ticks(self, most: int = 6) -> list[float]:
        """Return round numbers between the ends."""
        return nice_ticks(self.low, self.high, most)


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most `most` + 1 round numbers from `low` to `high`, evenly apart.

    >>> nice_ticks(0, 1, 5)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10, 20) if power * m >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * i, 12) + 0.0 for i in range(first, last + 1)]


def plain(value: float) -> str:
    """Return a number without needless zeros.

    >>> plain(0.2), plain(30000.0), plain(0.0)
    ('0.2', '30,000', '0')
    """
    if value and abs(value) < 0.001:
        return f"{value:.0e}".replace("e-0", "e-")
    return f"{value:,.4f}".rstrip("0").rstrip(".")
