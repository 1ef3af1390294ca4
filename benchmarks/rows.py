"""One measured claim, and how two things are timed in turn so that a drifting machine is fair."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Row", "in_turn"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A claim: hilum's figure, the peer's, and what the ratio should be.

    Args:
        claim: What is measured.
        peer: What it stands beside.
        ours: hilum's median.
        theirs: The peer's median, in the same unit; None where there is only a limit.
        unit: Of both.
        ratio: How many times better hilum is; None without a peer.
        wanted: The target in words.
        met: Whether it was reached.
    """

    claim: str
    peer: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    wanted: str
    met: bool


def in_turn(
    ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int = 9
) -> tuple[float, float, float]:
    """Run both in turn; return the median seconds of each and the median of theirs / ours."""
    ours(), theirs()
    mine, other = [], []
    for _ in range(rounds):
        for function, seconds in ((ours, mine), (theirs, other)):
            start = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - start)
    ratios = [b / a for a, b in zip(mine, other, strict=True)]
    return statistics.median(mine), statistics.median(other), statistics.median(ratios)
